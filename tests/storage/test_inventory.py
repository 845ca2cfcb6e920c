from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lifestats_crawler.ranges import IdRange
from lifestats_crawler.storage import inventory, lock
from lifestats_crawler.storage.runs import Run
from lifestats_crawler.storage.source import Job
from tests.configurations import configured
from tests.storage.stored import JOB, NOW, conclude, restamp, spill


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path / "test" / "one", "test")


def newer(path) -> None:
    restamp(path, format=99)


def given_up_twice(run) -> None:
    for started_at in ("2026-01-02T00:00:00.000Z", "2026-01-03T00:00:00.000Z"):
        spill(run, started_at=started_at, given_up=((10, 1000, "status 500"),))


def test_what_a_claim_settles_is_settled_as_long_as_nothing_refutes_it(run):
    spill(run, (0, 10), claims=(IdRange(500, 1000),))
    assert (inventory.look(run, NOW).covers, inventory.look(run, NOW).settled) == (
        (IdRange(0, 10), IdRange(500, 1000)),
        510,
    )
    spill(run, highest=5000)
    assert inventory.look(run, NOW).covers == (IdRange(0, 10),)


def test_a_run_is_what_its_footers_add_up_to(run):
    first, second = "2026-01-02T00:00:00.000Z", "2026-01-03T00:00:00.000Z"
    spill(run, (0, 10), (20, 25), requests=4, started_at=first, ended_at="2026-01-02T00:01:00.000Z")
    spill(run, (10, 20), requests=2, started_at=second, ended_at="2026-01-03T00:01:00.000Z")
    entry = inventory.look(run, NOW)
    assert (entry.job, entry.space) == (JOB, JOB.space)
    assert entry.covers == (IdRange(0, 25),)
    assert (entry.settled, entry.records, entry.requests) == (25, 25, 6)
    assert (entry.started_at, entry.worked_at) == (first, "2026-01-03T00:01:00.000Z")
    assert (entry.damaged, entry.is_newer, entry.state) == (0, False, "partial")
    sizes = [path.stat().st_size for path in run.segments.iterdir()]
    assert entry.bytes == sum(sizes)
    assert entry.bytes_per_record == sum(sizes) / 25


def test_before_its_first_segment_nothing_is_known_of_a_run(run):
    run.segments.mkdir(parents=True)
    run.lock.touch()
    (entry,) = inventory.look_all(run.directory.parent, NOW)
    assert (entry.job, entry.space, entry.covers, entry.settled) == (None, None, (), 0)
    assert (entry.started_at, entry.worked_at, entry.bytes_per_record) == (None, None, None)


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (lambda run: spill(run, (10, 20)), "partial"),
        (lambda run: conclude(run, complete=False), "partial"),
        (lambda run: run.report.write_text("{}"), "partial"),
        (conclude, "complete"),
        (given_up_twice, "done"),
        (lambda run: (given_up_twice(run), conclude(run)), "complete"),
        (lambda run: (given_up_twice(run), spill(run, (10, 20)).write_bytes(b"rubbish")), "partial"),
        (lambda run: newer(spill(run, (10, 20))), "of a newer version"),
        (lambda run: (conclude(run), newer(spill(run, (10, 20)))), "of a newer version"),
        (lambda run: (run.segments / "000007.parquet").mkdir(), "cannot be read"),
    ],
    ids=[
        "no report",
        "an incomplete report",
        "no report of ours",
        "complete",
        "given up twice",
        "given up twice and fetched after all",
        "given up twice, and damaged",
        "newer",
        "complete, and newer",
        "unreadable",
    ],
)
def test_a_word_says_how_a_run_stands(run, change, state):
    spill(run, (0, 10))
    change(run)
    assert inventory.look(run, NOW).state == state


@pytest.mark.parametrize("name", ["20260102T030405Z", "mine"])
def test_a_run_without_a_segment_was_started_when_its_name_or_its_lock_says(tmp_path, name):
    run = Run(tmp_path / "test" / name, "test")
    run.segments.mkdir(parents=True)
    with lock.take(run.lock, JOB):
        started_at = inventory.look(run, NOW).started_at
    assert (started_at == "2026-01-02T03:04:05.000Z") == (name != "mine")
    assert datetime.fromisoformat(started_at).tzinfo is UTC


def test_while_it_is_crawled_a_run_says_by_whom(run):
    spill(run, (0, 10))
    conclude(run)
    with lock.take(run.lock, JOB):
        entry = inventory.look(run, NOW)
    assert (entry.state, entry.crawler["job"]) == ("crawling", JOB)
    assert entry.crawler["who"].startswith("process ")


def test_what_is_no_segment_of_the_run_is_counted_as_damaged_and_nothing_is_changed(run):
    spill(run, (0, 10))
    spill(run, (10, 20), job=Job.of(configured(id="number")))
    spill(run, (20, 30)).write_bytes(b"PAR1 not really PAR1")
    before = sorted(run.directory.rglob("*"))
    entry = inventory.look(run, NOW)
    assert (entry.damaged, entry.covers) == (2, (IdRange(0, 10),))
    assert sorted(run.directory.rglob("*")) == before


def test_a_changed_bit_is_found_only_by_who_checks(run):
    path = spill(run, (0, 10))
    content = path.read_bytes()
    path.write_bytes(content[:30] + bytes([content[30] ^ 1]) + content[31:])
    assert inventory.look(run, NOW).damaged == 0
    assert inventory.look(run, NOW, is_checked=True).damaged == 1


def test_runs_come_in_the_order_in_which_they_were_worked_on_and_other_directories_are_none(tmp_path):
    for name, day in (("b", 2), ("c", 1), ("a", 3)):
        spill(Run(tmp_path / "test" / name, "test"), (0, 10), ended_at=f"2026-01-0{day}T00:00:00.000Z")
    (tmp_path / "test" / "backup" / "segments").mkdir(parents=True)
    (tmp_path / "test" / "latest.json").write_text("{}")
    (tmp_path / "test" / "notes").mkdir()
    spill(Run(tmp_path / "test" / "lost+found", "test"), (0, 10))  # no name that a run can have
    assert [entry.run.name for entry in inventory.look_all(tmp_path / "test", NOW)] == ["a", "b", "c"]


def test_environments_are_the_directories_that_hold_a_run(tmp_path):
    for environment in ("test", "production"):
        spill(Run(tmp_path / environment / "one", environment), (0, 10))
    (tmp_path / "empty" / "one" / "segments").mkdir(parents=True)
    (tmp_path / "file").write_text("")
    assert inventory.environments(tmp_path, NOW) == ["production", "test"]
    assert inventory.environments(tmp_path / "nowhere", NOW) == []
    assert inventory.environments(tmp_path / "file", NOW) == []
