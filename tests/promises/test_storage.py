"""Disks that are full, closed or gone."""

from __future__ import annotations

import resource
import shutil

import pytest

from tests.promises.conftest import assert_exact, wait_until


@pytest.fixture
def api(start_api):
    with start_api(ids=20_000) as api:
        yield api


@pytest.fixture
def crawls(crawls, api):
    crawls.configure(**api.space, rate_limit=400, results_per_page=50, spill_every=10)
    return crawls


def assert_finishes_exactly(crawls, api, **variables):
    done = crawls.run(**variables)
    assert done.returncode == 0, done.stderr
    assert "Continuing run" in done.stderr
    assert crawls.report()["totals"]["items"] == api.get("/truth?top=1")["records"]


def assert_stopped_with_one_line(process, stderr, reason):
    assert process.returncode == 3
    assert "Traceback" not in stderr
    (line,) = [line for line in stderr.splitlines() if "Stopping:" in line]
    assert reason in line
    assert "the segments on disk are intact. Make room in the storage, or mend it, and run this command" in line


def test_a_disk_that_fills_up_stops_the_crawl_and_keeps_what_was_spilled(crawls, api, tmp_path):
    segments = crawls.directory / "runs" / "test"
    # As after a first installation: no bytecode of ours is there yet, and none must be left half written.
    with crawls.start(PYTHONPYCACHEPREFIX=str(tmp_path / "bytecode")) as process:
        wait_until(crawls.segments, process)
        # From here on the kernel refuses every write past the first kilobyte of a file.
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1024, 1024))
        stderr = process.communicate(timeout=30)[1]
    assert_stopped_with_one_line(process, stderr, "File too large")
    assert list(segments.glob("*/segments/*.parquet"))
    assert not list(segments.glob("**/*.unfinished"))
    assert not list(segments.glob("*/report.json"))
    assert_finishes_exactly(crawls, api, PYTHONPYCACHEPREFIX=str(tmp_path / "bytecode"))


def test_a_disk_without_room_for_the_page_s_script_has_the_report_all_the_same(crawls, api):
    crawls.change(counters={"foods": {"field": "food_id", "top": 20_000}})
    with crawls.start() as process:
        wait_until(crawls.segments, process)
        # The kernel refuses what is larger from here on: the script has some 5 MB, every other file far less.
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4_000_000, 4_000_000))
        stderr = process.communicate(timeout=60)[1]
    assert process.returncode == 0, stderr
    assert "The charts of the page need" in stderr
    assert "Traceback" not in stderr
    assert_exact(crawls.report(), api.truth)
    runs = crawls.directory / "runs" / "test"
    assert (runs / "latest.json").exists()
    assert not [path for path in runs.rglob("*") if "plotly" in path.name]
    assert len(list(runs.glob("*/report.html"))) == 1


def test_storage_that_vanishes_stops_the_crawl(crawls, api):
    with crawls.start() as process:
        wait_until(crawls.segments, process)
        (crawls.directory / "runs").rename(crawls.directory / "unmounted")
        stderr = process.communicate(timeout=30)[1]
    assert_stopped_with_one_line(process, stderr, "is not the directory any more")
    shutil.rmtree(crawls.directory / "runs", ignore_errors=True)
    (crawls.directory / "unmounted").rename(crawls.directory / "runs")
    assert_finishes_exactly(crawls, api)


def test_storage_that_cannot_be_written_is_refused_before_the_first_request(crawls, api, tmp_path):
    (tmp_path / "file").write_text("not a directory")
    crawls.change(storage=str(tmp_path / "file" / "runs"))
    done = crawls.run()
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("cannot be used as storage: Not a directory")
    assert "Traceback" not in done.stderr
    assert api.requests == []
