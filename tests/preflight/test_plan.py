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
    "totals": {"items": 900, "requests": 12, "pages": 10},
    "coverage": {"ids": 1000},
    "run": {"name": "before"},
}
REST = IdRange(500, 600)


@pytest.fixture
def entry(tmp_path):
    run = Run(tmp_path / "test" / "mine", "test")
    spill(run, (0, 10), (20, 30), requests=4, pages=2, retries=1)
    return inventory.look(run, NOW)


@pytest.mark.parametrize(
    ("latest", "known"),
    [
        (REPORT, ("before", 90.0, 1.2)),
        (REPORT | {"source": {"url": "http://elsewhere/"}}, ("mine", 100.0, 1.5)),
        (None, ("mine", 100.0, 1.5)),
        *[
            (content, ("mine", 100.0, 1.5))
            for content in ({}, {"source": {"url": 1}}, [1], REPORT | {"coverage": {"ids": 0}})
        ],
    ],
    ids=["the newest report", "of another url", "none", "no report", "no source", "a list", "a report of no id"],
)
def test_the_density_is_that_of_the_newest_report_of_the_url_else_of_the_run_that_is_continued(
    entry, latest, known
):
    found = planning.known_density(configured(), latest, None, entry)
    assert (found.run, found.records(REST), found.requests_per_page) == known


def test_what_the_run_of_the_newest_report_has_shown_is_known_place_by_place(tmp_path, entry):
    run = Run(tmp_path / "test" / "before", "test")
    spill(run, (0, 500), records=500)
    spill(run, (500, 1000), records=50)
    known = planning.known_density(configured(), REPORT, inventory.look(run, NOW), entry)
    assert (known.run, known.records(REST)) == ("before", pytest.approx(10, abs=1))


def test_what_is_left_is_taken_to_be_like_what_is_beside_it_and_not_like_all_that_is_settled(tmp_path):
    run = Run(tmp_path / "test" / "mine", "test")
    spill(run, (0, 800), records=8, records_of=(8,))
    spill(run, (800, 820), records=20, records_of=(20,))
    known = planning.known_density(configured(), None, None, inventory.look(run, NOW))
    assert known.records(IdRange(820, 1000)) == pytest.approx(180)


@pytest.mark.parametrize(("audit", "beside"), [(True, 40), (False, 0)])
def test_a_start_that_goes_on_asks_for_its_first_audits_again(entry, audit, beside):
    config = configured(audit=audit)
    known, ranges = planning.known_density(config, None, None, entry), planning.unsettled(config, entry)
    with_it = planning.estimate(config, ranges, known.records, None, 1.0, known.beside)
    assert with_it.requests - planning.estimate(config, ranges, known.records).requests == beside


def test_without_a_report_or_a_settled_id_no_density_is_known(tmp_path):
    run = Run(tmp_path / "test" / "mine", "test")
    run.segments.mkdir(parents=True)
    assert planning.known_density(configured(), None, None, inventory.look(run, NOW)) is None
    assert planning.known_density(configured(), None, None, None) is None


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
    likely = planning.estimate(config, ranges, lambda part: density * len(part), 3.0)
    most = planning.estimate(config, ranges, bytes_per_record=3.0)
    assert likely.requests <= most.requests
    assert likely.records <= most.records == ids
    assert likely.bytes <= most.bytes
    assert likely.segments <= most.segments
    assert (likely.seconds is None) == (rate is None)
    assert most.requests >= -(-ids // config.results_per_page)
