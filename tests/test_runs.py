from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lifestats_crawler.config.model import Config
from lifestats_crawler.storage import runs, segments
from tests.test_segments import FOOTER

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def config(tmp_path) -> Config:
    counters = {"ids": {"field": "id"}}
    return Config(url="http://h/{cursor}", first_id=0, last_id=9, counters=counters, storage=str(tmp_path))


@pytest.mark.parametrize(("change", "differs"), [({"mock": True}, "its mock differs"), ({}, None)])
def test_made_up_records_never_join_a_run_of_real_ones(config, change, differs):
    first = runs.open_run(config, "test", None, NOW)
    segments.write(first.segments, 1, {"ids": {1: 3}}, replace(FOOTER, source=runs.source(config)))
    first.close()
    other = config.model_copy(update=change)
    again = runs.open_run(other, "test", None, NOW)
    again.close()
    assert (again.name == first.name) is (differs is None)
    if differs:
        assert differs in runs.difference(runs.source(config), other)
