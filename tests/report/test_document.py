from __future__ import annotations

from pathlib import Path

import pytest

from lifestats_crawler import __version__
from lifestats_crawler.config.model import Config
from lifestats_crawler.counting.merge import CounterTotals, Totals
from lifestats_crawler.ranges import IdRange
from lifestats_crawler.report import document
from lifestats_crawler.storage.footers import Settled
from lifestats_crawler.storage.runs import Run

CONFIG = Config.model_validate(
    {
        "url": "http://127.0.0.1/x?offset={cursor}",
        "first_id": 1,
        "last_id": 3_000_000,
        "counters": {"colours": {"field": "colour", "top": 2}},
    }
)
COLOURS = CounterTotals(
    items=4, distinct=3, top=[(7, 2), ("red", 1), ("blue", 1)], labels={7: "seven"}, frequency=[(1, 2)]
)


def build(*covers: IdRange) -> dict:
    settled = Settled(
        *(covers, 4, 2, 3, 1),
        without={"colours": 1},
        seconds=0.5,
        started_at="2026-01-01T00:00:00.000Z",
        pace=(("2026-01-01T00:00:00.500Z", 0.5, 3),),
    )
    return document.build(
        Run(Path("runs/test/one"), "test"),
        CONFIG,
        Totals(settled, {"colours": COLOURS}),
        finished_at="2026-01-01T00:00:01.000Z",
        finish_reason="finished",
    )


def test_a_report_has_the_keys_of_the_contract():
    assert build(IdRange(1, 3_000_001)) == {
        "schema": "lifestats.report/1",
        "written_by": f"lifestats {__version__}",
        "run": {
            "name": "one",
            "environment": "test",
            "started_at": "2026-01-01T00:00:00.000Z",
            "finished_at": "2026-01-01T00:00:01.000Z",
            "elapsed_seconds": 0.5,
            "finish_reason": "finished",
        },
        "source": {
            "url": "http://127.0.0.1/x?offset={cursor}",
            "first_id": 1,
            "last_id": 3_000_000,
            "results_per_page": 100,
            "rate_limit": None,
            "items": "@",
            "id": "id",
            "next": None,
            "inclusive": True,
        },
        "coverage": {
            "complete": True,
            "ids": 3_000_000,
            "settled": 3_000_000,
            "ratio": 1.0,
            "missing": [],
            "reasons": [],
            "seen": True,
        },
        "audit": {"ranges": 0, "differing": 0, "at_most": 1.0},
        "answers": {},
        "faults": {},
        "paused": {},
        "errors": [],
        "killed": {"starts": 0, "requests": 0},
        "previous": None,
        "pace": [{"at": "2026-01-01T00:00:00.500Z", "seconds": 0.5, "requests": 3}],
        "totals": {"items": 4, "pages": 2, "requests": 3, "retries": 1, "requests_per_second": 6.0},
        "counters": {
            "colours": {
                "field": "colour",
                "items": 4,
                "without": 1,
                "distinct": 3,
                "top": [
                    {"rank": 1, "key": 7, "label": "seven", "count": 2, "share": 0.5, "certain": True},
                    {"rank": 2, "key": "red", "count": 1, "share": 0.25, "certain": True},
                ],
                "frequency": [[1, 2]],
            }
        },
    }


@pytest.mark.parametrize(
    ("counts", "unsettled", "certain"),
    [
        ([9, 5], 3, [True, True]),
        ([9, 5], 4, [False, False]),
        ([9, 5, 4], 3, [True, False]),
        ([9, 8], 2, [False, False]),
        ([3], 2, [True]),
        ([3], 3, [False]),
        ([2, 2], 0, [True, True]),
    ],
)
def test_a_rank_is_certain_when_the_ids_not_settled_cannot_change_who_has_it(counts, unsettled, certain):
    top = [(key, count) for key, count in enumerate(counts)]
    totals = Totals(Settled((IdRange(1, 3_000_001 - unsettled),), 20), {"colours": CounterTotals(20, 9, top)})
    done = document.build(Run(Path("one"), "test"), CONFIG, totals, finished_at="", finish_reason="")
    assert [row["certain"] for row in done["counters"]["colours"]["top"]] == certain[:2]


def test_one_missing_id_in_millions_is_not_complete_and_never_shows_as_one():
    coverage = build(IdRange(1, 3_000_000))["coverage"]
    assert coverage == {
        "complete": False,
        "ids": 3_000_000,
        "settled": 2_999_999,
        "ratio": 0.999999,
        "missing": [[3_000_000, 3_000_001]],
        "reasons": [],
        "seen": True,
    }


def built(config: Config = CONFIG, finish_reason: str = "finished", **settled) -> dict:
    totals = Totals(Settled(**{"covers": (IdRange(1, 3_000_001),), "records": 4} | settled), {"colours": COLOURS})
    run = Run(Path("one"), "test")
    return document.build(run, config, totals, finished_at="", finish_reason=finish_reason)


def test_what_claims_settle_is_settled_and_what_is_missing_has_its_reasons():
    given_up = ((10, 11, "status 500"), (20, 22, "counters.colours.field: colour is missing"))
    covers = (IdRange(1, 10), IdRange(11, 20), IdRange(22, 500))
    coverage = built(covers=covers, claims=(IdRange(500, 3_000_001),), given_up=given_up)["coverage"]
    assert (coverage["complete"], coverage["settled"]) == (False, 2_999_997)
    assert coverage["missing"] == [[10, 11], [20, 22]]
    assert coverage["reasons"] == [list(item) for item in given_up]


@pytest.mark.parametrize(
    ("settled", "seen"),
    [({"records": 0}, False), ({"records": 0, "highest": 0}, True), ({"records": 1, "highest": -1}, True)],
)
def test_where_no_record_was_ever_shown_the_report_says_so(settled, seen):
    coverage = built(**settled)["coverage"]
    assert (coverage["complete"], coverage["seen"]) == (True, seen)


@pytest.mark.parametrize(
    ("finish_reason", "told"),
    [("misconfigured", "misconfigured"), ("finished", "misconfigured"), ("shutdown", "shutdown")],
)
def test_a_run_that_was_misconfigured_is_never_complete_and_no_rank_of_it_is_certain(finish_reason, told):
    report = built(is_misconfigured=True, finish_reason=finish_reason)
    assert report["run"]["finish_reason"] == told
    assert (report["coverage"]["complete"], report["coverage"]["missing"]) == (False, [])
    assert not any(row["certain"] for row in report["counters"]["colours"]["top"])


def test_the_audit_is_reported_unless_it_is_left_out():
    settled = {"pages": 5000, "audited": 20, "differing": 1}
    assert built(**settled)["audit"] == {"ranges": 20, "differing": 1, "at_most": 0.216107}
    assert built(CONFIG.model_copy(update={"audit": False}), **settled)["audit"] is None


@pytest.mark.parametrize(
    ("key", "exact"),
    [
        (2**53, None),
        (2**53 + 1, "9007199254740993"),
        (-(2**63), "-9223372036854775808"),
        ("9007199254740993", None),
    ],
)
def test_beside_an_integer_that_not_every_reader_keeps_stands_a_text(key, exact):
    colours = CounterTotals(items=1, distinct=1, top=[(key, 1)])
    settled = Settled((IdRange(1, 3_000_001),), 1, 1, 1)
    totals = Totals(settled, {"colours": colours})
    report = document.build(Run(Path("one"), "test"), CONFIG, totals, finished_at="", finish_reason="finished")
    (row,) = report["counters"]["colours"]["top"]
    assert row.get("key_exact") == exact
