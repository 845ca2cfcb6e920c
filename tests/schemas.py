"""The JSON Schemas in docs/schema: ``python -m tests.schemas`` writes them anew from the shapes in the code."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from lifestats_crawler.shapes import DOCUMENTS
from tests.conftest import PROJECT

DIRECTORY = PROJECT / "docs" / "schema"


def made(name: str) -> dict[str, Any]:
    """Return the schema of a document, as its shape has it."""
    title = {"$schema": Draft202012Validator.META_SCHEMA["$id"], "title": f"lifestats.{name}/1"}
    return title | _without_titles(TypeAdapter(DOCUMENTS[name]).json_schema())


def _without_titles(schema: Any) -> Any:
    """Leave out the titles that repeat names."""
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _without_titles(value) for key, value in schema.items() if key != "title" or isinstance(value, dict)
    }


def check(document: dict[str, Any]) -> None:
    """Fail where a document is not as its schema says, or has a key that the schema does not name."""
    name = document["schema"].removeprefix("lifestats.").removesuffix("/1")
    schema = json.loads((DIRECTORY / f"{name}.json").read_text())
    Draft202012Validator(_closed(schema)).validate(document)


def _closed(schema: Any) -> Any:
    """Refuse keys that are not named: a later version may have more, this one has not."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    return closed | ({"additionalProperties": False} if isinstance(schema.get("properties"), dict) else {})


if __name__ == "__main__":
    for name in DOCUMENTS:
        (DIRECTORY / f"{name}.json").write_text(json.dumps(made(name), indent=2) + "\n")
