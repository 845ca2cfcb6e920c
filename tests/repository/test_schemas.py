"""The JSON Schemas in docs/schema are those of the shapes in the code."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator, ValidationError

from lifestats_crawler.shapes import DOCUMENTS
from tests import schemas


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_schema_is_made_from_its_shape(name):
    stored = json.loads((schemas.DIRECTORY / f"{name}.json").read_text())
    assert stored == schemas.made(name), "make schema"
    Draft202012Validator.check_schema(stored)


@pytest.mark.parametrize("change", [{"runs": None}, {"more": 1}, {"runs": [{"run": "a"}]}])
def test_a_document_that_is_not_as_its_schema_says_is_found_out(change):
    document = {"schema": "lifestats.runs/1", "storage": "runs", "environment": None, "runs": []}
    schemas.check(document)
    with pytest.raises(ValidationError):
        schemas.check(document | change)


@pytest.mark.parametrize("written", ["format_1", "format_2", "format_3"])
def test_reports_of_older_versions_are_still_as_the_schema_says(fixtures, written):
    schemas.check(json.loads((fixtures / written / "complete" / "report.json").read_text()))
