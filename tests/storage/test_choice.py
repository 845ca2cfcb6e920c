"""Which run a crawl goes on with: a table of what a storage holds, and of what is chosen."""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest

from lifestats_crawler.exceptions import NewerFormatError
from lifestats_crawler.storage import lock
from lifestats_crawler.storage.choice import DONE, Choice, choose
from lifestats_crawler.storage.runs import Run
from lifestats_crawler.storage.source import Job
from tests.configurations import configured
from tests.storage.stored import JOB, NOW, conclude, restamp, spill

OTHER = Job.of(configured(last_id=500, counters={"sizes": {"field": "size"}}))
EARLY, LATE, TOMORROW = "2026-01-01T00:00:00.000Z", "2026-01-09T00:00:00.000Z", "2026-02-02T00:00:00.000Z"
WHY = "counters, last_id differ from the configuration"


@pytest.fixture
def storage(tmp_path):
    """Makes runs of one environment; whoever crawls one does so to the end of the test."""
    with ExitStack() as crawling:
        yield Storage(tmp_path / "test", crawling)


class Storage:
    def __init__(self, parent, crawling) -> None:
        self.parent = parent
        self._crawling = crawling

    def run(self, name, ended_at=None, job=JOB, **more) -> Run:
        """Make a run; ``more``: ``complete``, ``crawled_for`` a job, ``given_up_in`` starts, ``file_time``."""
        run = Run(self.parent / name, "test")
        run.segments.mkdir(parents=True)
        if ended_at is not None:
            spill(run, (0, 10), job=job, ended_at=ended_at)
        for started_at in more.get("given_up_in", ()):
            spill(run, job=job, ended_at=ended_at, started_at=started_at, given_up=((10, 1000, "status 500"),))
        if "complete" in more:
            conclude(run, complete=more["complete"])
        if "crawled_for" in more:
            self._crawling.enter_context(lock.take(run.lock, more["crawled_for"]))
        if "file_time" in more:
            for path in (*run.segments.iterdir(), run.segments, run.directory):
                os.utime(path, (more["file_time"], more["file_time"]))
        return run

    def choose(self) -> Choice:
        return choose(self.parent, JOB, NOW)


CHOICES = [
    # what, the runs, the one that is continued, those passed over
    ("nothing is there", {}, None, {}),
    (
        "the one last worked on",
        {"a": {"ended_at": EARLY}, "b": {"ended_at": LATE}, "c": {"ended_at": EARLY}},
        "b",
        {},
    ),
    (
        "whatever the times of the files say",
        {"a": {"ended_at": LATE, "file_time": 0}, "b": {"ended_at": EARLY, "file_time": 2e9}},
        "a",
        {},
    ),
    (
        "a time later than now is none: the clock was wrong",
        {"a": {"ended_at": TOMORROW}, "b": {"ended_at": EARLY}},
        "b",
        {},
    ),
    (
        "of runs without a segment that with the later name",
        {"20260101T000000Z": {}, "20260102T000000Z": {}},
        "20260102T000000Z",
        {},
    ),
    (
        "a name that is a later time than that of a segment",
        {"20260105T000000Z": {}, "mine": {"ended_at": EARLY}},
        "20260105T000000Z",
        {},
    ),
    (
        "a name that is an earlier time than that of a segment",
        {"20251231T000000Z": {}, "mine": {"ended_at": EARLY}},
        "mine",
        {},
    ),
    ("no complete one", {"a": {"ended_at": LATE, "complete": True}, "b": {"ended_at": EARLY}}, "b", {}),
    ("an incomplete one with a report", {"a": {"ended_at": LATE, "complete": False}}, "a", {}),
    (
        "no run of another job, however new",
        {"a": {"ended_at": EARLY}, "b": {"ended_at": LATE, "job": OTHER}},
        "a",
        {"b": WHY},
    ),
    (
        "only runs that are done or of another job",
        {"a": {"ended_at": LATE, "complete": True}, "b": {"ended_at": LATE, "job": OTHER}},
        None,
        {"b": WHY},
    ),
    ("one that was killed before its first spill", {"a": {}}, "a", {}),
    (
        "one whose missing ids one start gave up",
        {"a": {"ended_at": LATE, "given_up_in": [EARLY]}},
        "a",
        {},
    ),
    (
        "none whose missing ids were given up in two starts",
        {"a": {"ended_at": LATE, "given_up_in": [EARLY, LATE], "complete": False}},
        None,
        {"a": DONE.format(name="a")},
    ),
    (
        "an older one than that which is done, and of those that are done only the newest is named",
        {
            "a": {"ended_at": "2026-01-07T00:00:00.000Z"},
            "b": {"ended_at": "2026-01-08T00:00:00.000Z", "given_up_in": [EARLY, LATE]},
            "c": {"ended_at": LATE, "given_up_in": [EARLY, LATE]},
        },
        "a",
        {"c": DONE.format(name="c")},
    ),
    ("none that has a report and not one segment", {"a": {"complete": False}}, None, {}),
]


@pytest.mark.parametrize(
    ("runs", "continues", "passed_over"), [row[1:] for row in CHOICES], ids=[row[0] for row in CHOICES]
)
def test_a_crawl_goes_on_with(storage, runs, continues, passed_over):
    for name, about in runs.items():
        storage.run(name, **about)
    choice = storage.choose()
    assert (choice.continues and choice.continues.name) == continues
    assert dict(choice.passed_over) == passed_over
    assert choice.refused_by is None


@pytest.mark.parametrize("ended_at", [EARLY, None], ids=["with a segment", "before its first spill"])
def test_a_run_of_the_same_job_that_is_being_crawled_is_chosen_and_says_who_is_in_the_way(storage, ended_at):
    storage.run("a", ended_at, crawled_for=JOB)
    choice = storage.choose()
    assert choice.continues.name == "a"
    assert choice.refused_by.startswith(f"process {os.getpid()} on ")


def test_a_run_that_is_done_and_is_being_crawled_again_is_in_the_way(storage):
    storage.run("a", LATE, given_up_in=[EARLY, LATE], crawled_for=JOB)
    assert storage.choose().refused_by.startswith(f"process {os.getpid()} on ")


def test_a_run_of_another_job_that_is_being_crawled_is_passed_over(storage):
    storage.run("20260103T000000Z", crawled_for=OTHER)
    storage.run("b", EARLY)
    choice = storage.choose()
    assert (choice.continues.name, choice.refused_by) == ("b", None)
    ((name, why),) = choice.passed_over
    assert name == "20260103T000000Z"
    assert why.startswith(f"this run is being crawled by process {os.getpid()} on ")


@pytest.mark.parametrize("others", [[], [("b", EARLY)]], ids=["alone", "newest"])
def test_a_run_of_a_newer_version_that_comes_first_is_refused_by_name(storage, others):
    for name, ended_at in others:
        storage.run(name, ended_at)
    newest = storage.run("20260105T000000Z", LATE)
    restamp(newest.segments / "000001.parquet", format=99)
    with pytest.raises(NewerFormatError, match="run 20260105T000000Z was written by a newer version"):
        storage.choose()


def test_a_run_of_a_newer_version_is_not_in_the_way_of_one_that_comes_before_it(storage):
    storage.run("a", LATE)
    older = storage.run("20260105T000000Z", EARLY)
    restamp(older.segments / "000001.parquet", format=99)
    assert storage.choose().continues.name == "a"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"last_id": 500}, "last_id differs from the configuration"),
        ({"first_id": 5}, "first_id differs from the configuration"),
        ({"inclusive": False}, "inclusive differs from the configuration"),
    ],
)
def test_a_run_of_another_id_space_or_of_another_source_is_passed_over(storage, change, why):
    storage.run("a", LATE, job=Job.of(configured(**change)))
    assert storage.choose() == Choice(passed_over=(("a", why),))
