from __future__ import annotations

import json

import pytest

from lifestats_crawler.exceptions import StorageError
from lifestats_crawler.report import html, making
from lifestats_crawler.storage.runs import Run
from lifestats_crawler.storage.source import Job
from tests.configurations import configured
from tests.storage.stored import spill

CONFIG = configured(last_id=9)
DAYS = {day: f"2026-01-0{day}T00:00:00.000Z" for day in (1, 2, 3)}


@pytest.fixture
def parent(tmp_path):
    """The directory of an environment, with the script for its pages: large, and written once."""
    parent = tmp_path / "test"
    parent.mkdir()
    html.write_script(parent)
    return parent


def counted(parent, name, day, *covers) -> Run:
    run = Run(parent / name, "test")
    spill(run, *covers or [(0, 10)], ended_at=DAYS[day])
    return run


def made(run, **more) -> dict:
    return making.make(run, CONFIG, finish_reason="finished", **more)


def saved(parent, name, day, *covers) -> dict:
    run = counted(parent, name, day, *covers)
    making.save(run, made(run))
    return json.loads(run.report.read_bytes())


def latest(parent) -> str | None:
    path = parent / "latest.json"
    return json.loads(path.read_bytes())["run"]["name"] if path.exists() else None


def test_a_report_is_made_of_what_the_segments_hold_and_was_finished_when_the_last_one_was(parent):
    run = counted(parent, "one", 1, (0, 3))
    spill(run, (5, 9), ended_at=DAYS[2])
    report = made(run)
    assert report["totals"]["items"] == 7
    assert report["coverage"]["missing"] == [[3, 5], [9, 10]]
    assert report["run"]["finished_at"] == DAYS[2]
    assert [row["key"] for row in report["counters"]["colours"]["top"]] == [0, 1, 2, 5, 6, 7, 8]


@pytest.mark.parametrize(("top", "rows"), [(None, 10), (3, 3), (500, 10)])
def test_as_many_rows_are_made_as_are_asked_for(parent, top, rows):
    counters = made(counted(parent, "one", 1), top=top)["counters"]
    assert len(counters["colours"]["top"]) == rows
    assert counters["colours"]["distinct"] == 10


def test_the_same_run_gives_the_same_report_however_often_it_is_made(parent):
    run = counted(parent, "one", 1)
    first = made(run)
    making.save(run, first)
    assert made(run) == first


def previous(report) -> str | None:
    return report["previous"] and report["previous"]["name"]


def test_a_report_is_compared_with_the_complete_one_of_another_run_that_was_finished_before(parent):
    assert previous(saved(parent, "one", 1)) is None
    assert previous(saved(parent, "two", 2)) == "one"
    assert previous(made(Run(parent / "one", "test"))) is None, "the other one came later"
    assert previous(made(Run(parent / "two", "test"))) == "one", "not with itself"
    assert previous(saved(parent, "three", 3)) == "two"
    assert previous(made(Run(parent / "two", "test"))) == "one", "as its own report says"


def test_a_report_that_was_killed_after_it_became_the_latest_is_still_compared_with_the_one_before(parent):
    saved(parent, "one", 1)
    saved(parent, "two", 2)
    two = Run(parent / "two", "test")
    two.report.unlink()
    assert previous(made(two)) == "one"


def test_only_a_complete_report_becomes_the_latest_and_only_if_none_is_newer(parent):
    assert saved(parent, "partial", 3, (0, 9))["coverage"]["complete"] is False
    assert latest(parent) is None
    saved(parent, "two", 2)
    assert latest(parent) == "two"
    saved(parent, "one", 1)
    assert latest(parent) == "two"
    saved(parent, "three", 3)
    assert latest(parent) == "three"


def test_a_latest_json_from_after_now_is_replaced_and_nothing_is_compared_with_it(parent):
    saved(parent, "one", 1)
    ahead = json.loads((parent / "latest.json").read_bytes())
    ahead["run"] |= {"name": "ahead", "finished_at": "9999-01-01T00:00:00.000Z"}
    (parent / "latest.json").write_text(json.dumps(ahead))
    assert saved(parent, "two", 2)["previous"] is None
    assert latest(parent) == "two"


def test_a_segment_from_after_now_does_not_tell_when_a_run_was_finished(parent):
    run = counted(parent, "one", 1)
    spill(run, ended_at="9999-01-01T00:00:00.000Z")
    assert made(run)["run"]["finished_at"] == DAYS[1]


def test_a_segment_of_another_run_that_was_copied_in_is_refused_by_name(parent):
    run = counted(parent, "one", 1, (0, 5))
    spill(run, (5, 9), job=Job.of(configured(last_id=9, items="rows")), ended_at=DAYS[1])
    with pytest.raises(StorageError, match=r"000002\.parquet is a segment of another run: items differs"):
        made(run)


def test_a_latest_json_that_is_no_report_is_replaced(parent):
    run = counted(parent, "one", 1)
    run.latest.write_text("{}")
    report = made(run)
    assert report["previous"] is None
    making.save(run, report)
    assert latest(parent) == "one"


def test_report_json_is_written_last_so_that_a_run_is_not_complete_before_all_of_it_is_there(parent):
    run = counted(parent, "one", 1)
    run.latest.mkdir()  # nothing can be written there
    with pytest.raises(OSError, match=r"latest\.json"):
        making.save(run, made(run))
    assert run.page.exists()
    assert not run.report.exists()
    assert not run.is_complete()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda report: report | {"run": {}},
        lambda report: report | {"run": None},
        lambda report: report | {"counters": []},
        lambda report: report | {"counters": {"colours": {"field": "colour"}}},
        lambda report: report | {"counters": {"colours": {"field": "colour", "top": [{"key": 1}]}}},
        lambda report: [report["schema"]],
    ],
)
def test_a_report_of_another_make_costs_the_new_one_no_report(parent, spoil, caplog):
    saved(parent, "one", 1)
    path = parent / "latest.json"
    path.write_text(json.dumps(spoil(json.loads(path.read_bytes()))))
    report = saved(parent, "two", 2)
    assert report["coverage"]["complete"]
    assert latest(parent) == "two"
    assert "it is not compared with" in caplog.text


def test_a_latest_json_that_cannot_be_read_is_said_and_replaced(parent, caplog):
    (parent / "latest.json").write_bytes(b"\0" * 100)
    saved(parent, "two", 2)
    assert "latest.json is not a report" in caplog.text
    assert latest(parent) == "two"


def test_names_of_which_none_is_used_are_said(parent, caplog):
    counter = CONFIG.counters["colours"].model_copy(update={"labels": "names.csv"})
    for names, is_told in (({"1.0": "red"}, True), ({"1": "red"}, False)):
        caplog.clear()
        config = CONFIG.model_copy(update={"counters": {"colours": counter.with_names(names)}})
        run = counted(parent, f"run-{is_told}", 1)
        making.make(run, config, finish_reason="finished")
        assert ("names.csv has a name for none" in caplog.text) == is_told


def test_an_expression_for_names_that_no_record_has_is_said(parent, caplog):
    counter = CONFIG.counters["colours"].model_copy(update={"label": "nmae"})
    making.make(
        counted(parent, "one", 1),
        CONFIG.model_copy(update={"counters": {"colours": counter}}),
        finish_reason="finished",
    )
    assert "counters.colours.label: no record has a name at 'nmae'" in caplog.text
