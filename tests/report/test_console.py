"""What a crawl says at its end."""

from __future__ import annotations

import pytest

from lifestats_crawler.report import console


def report(**counter):
    whole = {"items": 1, "distinct": 1, "top": [{"rank": 1, "key": "a", "count": 1, "share": 1.0}]}
    return {
        "counters": {"colours": whole | counter},
        "totals": {"items": 1, "pages": 1},
        "run": {"elapsed_seconds": 0.5, "name": "mine", "finish_reason": "shutdown"},
        "coverage": {"complete": True, "ids": 1, "settled": 1},
    }


@pytest.mark.parametrize(
    ("counter", "line"),
    [
        ({}, "colours: 1 value in 1 record"),
        ({}, "Complete: 1 record on 1 page in 0.5 s."),
        ({"without": 2}, "colours: 1 value in 1 record; 2 records without the field"),
        ({"items": 0, "distinct": 0, "top": []}, "Complete, but NOTHING was counted for colours: "),
        ({"top": [{"rank": 1, "key": "a\x1b[2J", "count": 1, "share": 1.0}]}, "a⟨U+001B⟩[2J"),
        ({"top": [{"rank": 1, "key": "7", "count": 1, "share": 1.0}]}, "“7”"),
        ({"top": [{"rank": 1, "key": 7, "label": "75", "count": 1, "share": 1.0}]}, "7  75"),
    ],
)
def test_a_line_of_the_end_of_a_crawl(capsys, tmp_path, counter, line):
    console.show(report(**counter), tmp_path / "report.json")
    assert line in capsys.readouterr().out


@pytest.mark.parametrize(
    ("finish_reason", "advice"),
    [
        ("shutdown", "To fetch them, run this command again."),
        ("outage", "To fetch them, run this command again."),
        ("closespider_timeout", "To fetch them, run this command again."),
        ("refused", "Check the token or the login. A start with a new one goes on from here."),
        ("misconfigured", "Run scrapy probe, correct the configuration, and start again."),
        ("finished", "To try these ids once more, add -a run=mine"),
        ("broken", "Open an issue with the log."),
    ],
)
def test_an_incomplete_crawl_says_what_would_help(capsys, tmp_path, finish_reason, advice):
    partial = report() | {"coverage": {"complete": False, "ids": 2000, "settled": 1500}}
    partial["run"] |= {"finish_reason": finish_reason}
    console.show(partial, tmp_path / "report.json")
    assert f"500 of 2,000 ids are missing. {advice}\n" in capsys.readouterr().out


def test_what_goes_into_a_pipe_is_whole(capsys, tmp_path):
    key = "https://www.example.com/" + "long/" * 60
    console.show(report(top=[{"rank": 1, "key": key, "count": 1, "share": 1.0}]), tmp_path / "report.json")
    assert key in capsys.readouterr().out


def test_why_ids_are_missing_is_said_of_the_first_ones_and_no_reason_commands_the_terminal(capsys, tmp_path):
    reasons = [[number, number + 1 + number % 2, f"status 50{number}\x1b[2J"] for number in range(5)]
    partial = report() | {"coverage": {"complete": False, "ids": 9, "settled": 2, "reasons": reasons}}
    console.show(partial, tmp_path / "report.json")
    lines = capsys.readouterr().out.splitlines()
    assert "Missing id 0: status 500\ufffd[2J" in lines
    assert "Missing ids 1 to 2: status 501\ufffd[2J" in lines
    assert "2 more reasons in report.json" in lines
    assert not any("status 503" in line for line in lines)


def test_a_run_that_lacks_nothing_and_is_not_complete_says_why(capsys, tmp_path):
    refuted = report() | {"coverage": {"complete": False, "ids": 9, "settled": 9}}
    refuted["run"]["finish_reason"] = "misconfigured"
    console.show(refuted, tmp_path / "report.json")
    said = capsys.readouterr().out
    assert "INCOMPLETE: 1 record on 1 page in 0.5 s. The crawl stopped because the answers contradict" in said
    assert said.count("Run scrapy probe, correct the configuration, and start again.") == 1


@pytest.mark.parametrize(
    ("more", "is_said"),
    [
        ({}, False),
        ({"audit": None}, False),
        ({"audit": {"ranges": 0, "differing": 0, "at_most": 1.0}}, False),
        ({"audit": {"ranges": 20, "differing": 0, "at_most": 0.15}}, True),
    ],
)
def test_an_audit_is_said_if_there_was_one(capsys, tmp_path, more, is_said):
    console.show(report() | more, tmp_path / "report.json")
    assert ("Audit: 20 ranges were requested again, 0 differed" in capsys.readouterr().out) is is_said


def test_that_no_record_was_ever_shown_is_said(capsys, tmp_path):
    empty = report() | {"coverage": {"complete": True, "ids": 9, "settled": 9, "seen": False}}
    console.show(empty, tmp_path / "report.json")
    assert "The API has not shown one record." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settled", "reason", "said"),
    [
        (1500, "crawling", [True, False]),
        (2000, "finished", [False, False]),
        (0, "crawling", [False, True]),
        (0, "killed", [False, True]),
        (0, "shutdown", [False, False]),
    ],
)
def test_what_the_counts_of_an_unfinished_run_rest_on_is_said(capsys, tmp_path, settled, reason, said):
    partial = report() | {"coverage": {"complete": settled == 2000, "ids": 2000, "settled": settled}}
    partial["totals"] |= {"pages": settled // 100}
    partial["run"] |= {"finish_reason": reason}
    console.show(partial, tmp_path / "report.json")
    out = capsys.readouterr().out
    assert [line in out for line in ("Shares are of the records so far", "Nothing has been written yet")] == said
