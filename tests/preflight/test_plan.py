from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.preflight import plan as planning
from lifestats_crawler.ranges import IdRange
from lifestats_crawler.storage import inventory
from lifestats_crawler.storage.runs import Run
from tests.configurations import configured
from tests.storage.stored import NOW, spill

REPORT = {
    "source": {"url": configured().url},
    "totals": {"items": 900, "requests": 12},
    "coverage": {"ids": 1000},
    "run": {"name": "before"},
}


@pytest.fixture
def entry(tmp_path):
    run = Run(tmp_path / "test" / "mine", "test")
    spill(run, (0, 10), (20, 30), requests=4)
    return inventory.look(run, NOW)


@pytest.mark.parametrize(
    ("latest", "known"),
    [
        (REPORT, ("before", 0.9, 0.012)),
        (REPORT | {"source": {"url": "http://elsewhere/"}}, ("mine", 1.0, 0.2)),
        (None, ("mine", 1.0, 0.2)),
        *[
            (content, ("mine", 1.0, 0.2))
            for content in ({}, {"source": {"url": 1}}, [1], REPORT | {"coverage": {"ids": 0}})
        ],
    ],
    ids=["the newest report", "of another url", "none", "no report", "no source", "a list", "a report of no id"],
)
def test_the_density_is_that_of_the_newest_report_of_the_url_else_of_the_run_that_is_continued(
    entry, latest, known
):
    found = planning.known_density(configured(), latest, entry)
    assert (found.run, found.ratio, found.requests) == known


def test_without_a_report_or_a_settled_id_no_density_is_known(tmp_path):
    run = Run(tmp_path / "test" / "mine", "test")
    run.segments.mkdir(parents=True)
    assert planning.known_density(configured(), None, inventory.look(run, NOW)) is None
    assert planning.known_density(configured(), None, None) is None


def test_what_a_record_takes_is_measured_in_the_newest_run_that_has_any(tmp_path, entry):
    run = Run(tmp_path / "test" / "empty", "test")
    run.segments.mkdir(parents=True)
    empty = inventory.look(run, NOW)
    assert planning.measured_bytes([empty, entry]) == ("mine", entry.bytes_per_record)
    assert planning.measured_bytes([empty]) == (None, None)


def test_what_is_left_to_walk_is_the_space_less_what_the_run_has_settled(entry):
    assert planning.unsettled(configured(), None) == [IdRange(0, 1000)]
    assert planning.unsettled(configured(), entry) == [IdRange(10, 20), IdRange(30, 1000)]


@given(ids=st.integers(1, 10**9), density=st.floats(0, 1), rate=st.none() | st.floats(0.1, 1000))
def test_no_estimate_exceeds_what_every_id_would_take(ids, density, rate):
    config = configured(last_id=ids - 1, rate_limit=rate)
    ranges = planning.unsettled(config, None)
    likely, most = (planning.estimate(config, ranges, ratio, 3.0) for ratio in (density, 1.0))
    assert likely.requests <= most.requests
    assert likely.records <= most.records == ids
    assert likely.bytes <= most.bytes
    assert likely.segments <= most.segments
    assert (likely.seconds is None) == (rate is None)
    assert most.requests >= -(-ids // config.results_per_page)
