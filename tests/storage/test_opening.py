from __future__ import annotations

import json
import os

import pytest

from lifestats_crawler.exceptions import NewerFormatError, RunError, StorageError
from lifestats_crawler.storage import lock
from lifestats_crawler.storage.opening import locked, open_run
from lifestats_crawler.storage.runs import Run
from lifestats_crawler.storage.source import Job
from tests.configurations import configured
from tests.storage.stored import JOB, NOW, conclude, restamp, spill

OTHER = Job.of(configured(last_id=500))


@pytest.fixture
def parent(tmp_path):
    return tmp_path / "test"


@pytest.fixture
def opened(parent):
    """Opens runs, as so many crawls one after another would."""

    def open_and_close(name=None, job=JOB, now=NOW) -> str:
        run = open_run(parent, job, name, now)
        spill(run, (0, 1), job=job, ended_at=now)
        run.close()
        return run.name

    return open_and_close


@pytest.mark.parametrize(("change", "differs"), [({"mock": True}, "mock differs"), ({}, "")])
def test_made_up_records_never_join_a_run_of_real_ones(opened, change, differs):
    other = Job.of(configured(**change))
    assert (opened() == opened(job=other)) is (differs == "")
    assert JOB.difference(other) == differs


def test_without_a_name_the_unfinished_run_is_opened_and_after_it_a_new_one(opened, parent):
    first = opened(now="2026-01-02T03:04:05.678Z")
    assert first == "20260102T030405Z"
    assert opened() == first
    conclude(Run(parent / first, "test"))
    assert opened() == "20260201T000000Z"


def test_new_is_a_new_run_also_within_the_same_second(opened):
    assert [opened("new") for _ in range(3)] == ["20260201T000000Z", "20260201T000000Z-2", "20260201T000000Z-3"]


def test_a_name_is_that_run_created_if_need_be_and_complete_or_not(opened, parent):
    assert opened("mine") == "mine"
    conclude(Run(parent / "mine", "test"))
    assert opened("mine") == "mine"


@pytest.mark.parametrize("name", ["a", "7", "v1.2_x-y", "x" * 100, "new.run", "latest.jsons"])
def test_a_name_may_be(opened, name):
    assert opened(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "a/b",
        "/outside",
        "..",
        ".hidden",
        "-a",
        "_a",
        "x" * 101,
        "a b",
        "ä",
        "a\n",
        "latest.json",
        "plotly.js",
    ],
)
def test_a_name_cannot_leave_the_storage_nor_be_that_of_a_file_beside_the_runs(tmp_path, parent, name):
    with pytest.raises(RunError) as error:
        open_run(parent, JOB, name, NOW)
    assert str(error.value).startswith(f"run {name!r}: use 1 to 100 letters, digits")
    assert list(tmp_path.iterdir()) == []


def test_a_named_run_of_another_job_is_refused_and_let_go(opened, parent):
    opened("mine", job=OTHER)
    with pytest.raises(RunError) as error:
        open_run(parent, JOB, "mine", NOW)
    told = (
        "run mine was made with another configuration: last_id differs. Use that configuration, or choose another"
    )
    assert str(error.value).startswith(told)
    assert opened("mine", job=OTHER) == "mine"


@pytest.mark.parametrize("name", [None, "mine"])
def test_a_run_is_opened_once_at_a_time_and_whoever_comes_second_is_told_who_has_it(parent, name):
    first = open_run(parent, JOB, "mine", NOW)
    spill(first, (0, 1))
    with pytest.raises(RunError) as error:
        open_run(parent, JOB, name, NOW)
    assert str(error.value).startswith(f"run mine is being crawled by process {os.getpid()} on ")
    first.close()
    open_run(parent, JOB, name, NOW).close()


def test_an_open_run_notes_for_whom_it_is_asked_what_it_is_crawled_for(parent):
    run = open_run(parent, JOB, "mine", NOW)
    noted = json.loads(run.lock.read_text())
    assert (noted["source"], noted["space"]) == (JOB.source, [0, 1000])
    assert lock.holder(run.lock)["job"] == JOB
    run.close()


def test_opening_sets_aside_what_is_not_of_the_job_and_takes_away_what_a_crash_has_left(parent, caplog):
    run = Run(parent / "mine", "test")
    spill(run, (0, 1))
    damaged = spill(run, (1, 2))
    damaged.write_bytes(b"rubbish")
    for name in (".report.json.1.unfinished", "segments/.000003.parquet.1.unfinished"):
        (run.directory / name).write_text("half")
    for name in (".merge-old", ".merge-new"):
        (run.directory / name).mkdir()
        (run.directory / name / "spilled").write_text("")
    os.utime(run.directory / ".merge-old", (0, 0))
    open_run(parent, JOB, "mine", NOW).close()
    left = sorted(str(path.relative_to(run.directory)) for path in run.directory.rglob("*") if path.is_file())
    assert left == [".merge-new/spilled", "lock", "segments/000001.parquet", "segments/000002.set-aside"]
    assert f"Its file is now {damaged.with_suffix('.set-aside')}" in caplog.text


def test_who_waits_for_an_empty_run_that_is_closed_meanwhile_is_told_so(parent, monkeypatch):
    first, closed = open_run(parent, JOB, "mine", NOW), []

    def meanwhile(_) -> None:
        """Close the run and take it away: what is then locked is a file that is gone."""
        if not closed:
            closed.append(first.close())

    take = lock.take
    monkeypatch.setattr(lock, "take", lambda path, job: take(path, job, meanwhile))
    with pytest.raises(RunError, match="run mine has just ended without a count"):
        open_run(parent, JOB, "mine", NOW)


def test_a_run_that_is_taken_away_before_it_is_locked_is_said_to_have_ended(parent, monkeypatch):
    take = lock.take

    def too_late(path, job):
        for directory in (path.parent / "segments", path.parent):
            directory.rmdir()
        return take(path, job)

    monkeypatch.setattr(lock, "take", too_late)
    with pytest.raises(RunError, match="run mine has just ended without a count"):
        open_run(parent, JOB, "mine", NOW)


def test_a_run_whose_segments_directory_goes_while_its_lock_is_awaited_has_one_again(parent, monkeypatch):
    take = lock.take

    def late(path, job):
        (path.parent / "segments").rmdir()
        return take(path, job)

    monkeypatch.setattr(lock, "take", late)
    run = open_run(parent, JOB, "mine", NOW)
    assert run.segments.is_dir()
    run.close()


@pytest.mark.parametrize("name", [None, "20260105T000000Z"])
def test_an_opening_that_fails_lets_the_lock_go_and_changes_nothing(parent, name):
    run = Run(parent / "20260105T000000Z", "test")
    spill(run, (0, 1))
    damaged = spill(run, (1, 2))
    restamp(spill(run, (2, 3)), format=99)
    damaged.write_bytes(b"rubbish")
    before = sorted(run.segments.iterdir())
    with pytest.raises(NewerFormatError):
        open_run(parent, JOB, name, NOW)
    assert sorted(run.segments.iterdir()) == before
    assert lock.holder(run.lock) is None


def test_storage_that_cannot_be_used_is_said_with_its_path(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"file/runs.* cannot be used as storage: Not a directory"):
        open_run(tmp_path / "file" / "runs", JOB, None, NOW)


def test_while_a_report_is_saved_no_crawl_begins_and_while_one_crawls_no_report_is_saved(parent):
    run = Run(parent / "mine", "test")
    spill(run, (0, 1))
    with locked(run, JOB), pytest.raises(RunError, match="run mine is being crawled by process"):
        open_run(parent, JOB, "mine", NOW)
    crawled = open_run(parent, JOB, "mine", NOW)
    with pytest.raises(RunError, match="run mine is being crawled by process"), locked(run, JOB):
        pass
    crawled.close()
