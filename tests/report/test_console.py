"""What a crawl says at its end."""

from __future__ import annotations

import pytest

from lifestats_crawler.report import console


def report(**counter):
    whole = {"items": 1, "distinct": 1, "top": [{"rank": 1, "key": "a", "count": 1, "share": 1.0}]}
    return {
        "counters": {"colours": whole | counter},
        "totals": {"items": 1, "pages": 1},
        "run": {"elapsed_seconds": 0.5},
        "coverage": {"complete": True, "ids": 1, "settled": 1},
    }


@pytest.mark.parametrize(
    ("counter", "line"),
    [
        ({}, "colours: 1 value in 1 record"),
        ({}, "Complete: 1 record on 1 page in 0.5 s."),
        ({"without": 2}, "colours: 1 value in 1 record; 2 records without the field"),
        ({"items": 0, "distinct": 0, "top": []}, "Complete, but NOTHING was counted for colours: "),
        ({"top": [{"rank": 1, "key": "a\x1b[2J", "count": 1, "share": 1.0}]}, "a\ufffd[2J"),
        ({"top": [{"rank": 1, "key": 7, "label": "75", "count": 1, "share": 1.0}]}, "7  75"),
    ],
)
def test_a_line_of_the_end_of_a_crawl(capsys, tmp_path, counter, line):
    console.show(report(**counter), tmp_path / "report.json")
    assert line in capsys.readouterr().out


def test_an_incomplete_crawl_says_how_to_go_on(capsys, tmp_path):
    partial = report() | {"coverage": {"complete": False, "ids": 2000, "settled": 1500}}
    console.show(partial, tmp_path / "report.json")
    assert "500 of 2,000 ids are missing. To fetch them, run this command again." in capsys.readouterr().out
