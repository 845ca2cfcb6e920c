from __future__ import annotations

import pytest

from lifestats_crawler.exceptions import NewerFormatError, RunError
from lifestats_crawler.ranges import IdRange
from lifestats_crawler.storage import lock, runs
from lifestats_crawler.storage.runs import Run
from lifestats_crawler.storage.source import Job
from tests.configurations import configured
from tests.storage.stored import JOB, NOW, conclude, restamp, spill

OTHER = Job.of(configured(last_id=500))
EARLY, LATE, TOMORROW = "2026-01-01T00:00:00.000Z", "2026-01-09T00:00:00.000Z", "2026-02-02T00:00:00.000Z"


@pytest.fixture
def parent(tmp_path):
    return tmp_path / "test"


def made(parent, name, *ended_at, job=JOB) -> Run:
    run = Run(parent / name, "test")
    run.segments.mkdir(parents=True)
    for begin, at in enumerate(ended_at):
        spill(run, (begin, begin + 1), job=job, ended_at=at)
    return run


@pytest.mark.parametrize(
    ("name", "ended_at", "worked_at"),
    [
        ("mine", [EARLY, LATE], LATE),
        ("mine", [LATE, TOMORROW], LATE),
        ("mine", [EARLY, NOW], NOW),
        ("20260105T060708Z", [TOMORROW], "2026-01-05T06:07:08.000Z"),
        ("20260105T060708Z-2", [], "2026-01-05T06:07:08.000Z"),
        ("20260105T060708Z", [""], "2026-01-05T06:07:08.000Z"),
        ("mine", [TOMORROW], ""),
        ("mine", [], ""),
    ],
)
def test_a_run_was_last_worked_on_when_its_last_segment_before_now_was_done_else_when_its_name_says(
    parent, name, ended_at, worked_at
):
    assert made(parent, name, *ended_at).worked_at(NOW) == worked_at


def test_a_segment_that_cannot_be_read_does_not_tell_when_a_run_was_worked_on(parent):
    run = made(parent, "mine", EARLY, LATE)
    (run.segments / "000002.parquet").write_bytes(b"rubbish")
    assert run.worked_at(NOW) == EARLY


def test_runs_are_the_directories_with_segments_the_one_last_worked_on_first(parent):
    for name, ended_at in (("a", EARLY), ("b", LATE), ("c", LATE), ("d", TOMORROW)):
        made(parent, name, ended_at)
    made(parent, "20260105T000000Z")
    (parent / "notes").mkdir()
    (parent / "latest.json").write_text("{}")
    assert [run.name for run in runs.of(parent, NOW)] == ["c", "b", "20260105T000000Z", "a", "d"]
    assert runs.of(parent / "nowhere", NOW) == []


def test_the_job_of_a_run_is_that_of_its_first_segment_that_can_be_read(parent):
    run = made(parent, "mine", EARLY, LATE)
    (run.segments / "000001.parquet").write_bytes(b"rubbish")
    assert run.job() == JOB
    (run.segments / "000002.parquet").unlink()
    assert run.job() is None
    restamp(spill(run, (5, 6)), format=99)
    with pytest.raises(NewerFormatError):
        run.job()


@pytest.mark.parametrize(
    ("name", "found"),
    [(None, "newest"), ("older", "older"), ("empty", "empty")],
)
def test_a_run_to_report_on_is_that_of_a_name_or_the_one_last_worked_on_of_the_job(parent, name, found):
    made(parent, "newest", LATE)
    made(parent, "older", EARLY)
    made(parent, "foreign", NOW, job=OTHER)
    made(parent, "empty")
    assert runs.find(parent, JOB, name, NOW).name == found


def test_a_run_of_a_newer_version_does_not_keep_a_later_one_from_its_report(parent):
    restamp(next(made(parent, "older", EARLY).segments.glob("*.parquet")), format=99)
    made(parent, "newest", LATE)
    assert runs.find(parent, JOB, None, NOW).name == "newest"


def test_what_cannot_be_reported_on_is_said_with_the_reason(parent):
    with pytest.raises(RunError, match=f"there is no run in {parent}. List the runs: scrapy runs"):
        runs.find(parent, JOB, None, NOW)
    foreign = made(parent, "foreign", NOW, job=OTHER)
    for name in (None, "foreign"):
        with pytest.raises(RunError) as error:
            runs.find(parent, JOB, name, NOW)
        assert str(error.value) == "run foreign was made with another configuration: last_id differs"
    conclude(foreign)
    with pytest.raises(RunError, match=f"last_id differs; its report is {foreign.report}"):
        runs.find(parent, JOB, None, NOW)
    with pytest.raises(RunError, match="there is no run 'mine' in"):
        runs.find(parent, JOB, "mine", NOW)


def test_a_run_stands_as_its_crawl_or_its_report_says_or_it_was_killed(parent):
    run = made(parent, "mine", EARLY)
    assert runs.state(run) == "killed"
    run.report.write_text("{}")
    assert runs.state(run) == "killed"
    conclude(run, finish_reason="refused")
    assert runs.state(run) == "refused"
    with lock.take(run.lock, JOB):
        assert runs.state(run) == "crawling"
        assert runs.ended_as(run) == "refused"
    assert runs.state(run) == "refused"


def given_up_twice(parent) -> Run:
    run = made(parent, "mine", EARLY)
    for started_at in (EARLY, LATE):
        spill(run, started_at=started_at, given_up=((1, 1000, "status 500"),))
    return run


def test_a_run_is_done_if_two_starts_gave_up_all_that_it_lacks_and_no_segment_is_damaged(parent):
    run = given_up_twice(parent)
    assert run.is_done(JOB.space)
    assert not run.is_done(IdRange(0, 1001))
    path = run.segments / "000002.parquet"
    content = path.read_bytes()
    path.write_bytes(content[:30] + bytes([content[30] ^ 1]) + content[31:])
    assert not run.is_done(JOB.space)
    path.write_bytes(b"rubbish")
    assert not run.is_done(JOB.space)
    path.unlink()
    assert not run.is_done(JOB.space)


def test_a_run_whose_segments_overlap_is_not_done_and_one_of_a_newer_version_is_refused(parent):
    run = given_up_twice(parent)
    path = spill(run, (0, 1))
    assert not run.is_done(JOB.space)
    path.unlink()
    restamp(spill(run), format=99)
    with pytest.raises(NewerFormatError):
        run.is_done(JOB.space)


@pytest.mark.parametrize("content", ["{}", "[", "[]", '{"coverage": {}}', '{"coverage": {"complete": false}}'])
def test_only_a_report_that_says_so_makes_a_run_complete(parent, content):
    run = made(parent, "mine", EARLY)
    assert not run.is_complete()
    run.report.write_text(content)
    assert not run.is_complete()
    conclude(run)
    assert run.is_complete()


@pytest.mark.parametrize(
    ("fill", "stays"),
    [
        (lambda run: run.lock.touch(), False),
        (lambda run: spill(run, (0, 1)), True),
        (conclude, True),
        (lambda run: (run.directory / "notes").touch(), True),
    ],
    ids=["nothing but a lock", "a segment", "a report", "a file of somebody's"],
)
def test_of_a_run_that_counted_nothing_nothing_stays(parent, fill, stays):
    run = made(parent, "mine")
    fill(run)
    run.close()
    assert run.directory.exists() is stays
