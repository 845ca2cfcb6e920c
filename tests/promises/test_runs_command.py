"""``scrapy runs``: what is there, whoever works on it."""

from __future__ import annotations

import json
import signal

import pytest

from lifestats_crawler.storage.runs import Run
from tests.conftest import FIRST
from tests.promises.conftest import URL, wait_until
from tests.storage.stored import conclude, spill

LAST = FIRST + 19_999


def runs(crawls, *arguments: str):
    return crawls.scrapy("runs", "-s", f"LIFESTATS_CONFIG={crawls.config}", "-s", "ENV=test", *arguments)


def listed(crawls, *arguments: str):
    done = runs(crawls, "--json", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)["runs"]


def files(crawls):
    return sorted(path for path in crawls.directory.rglob("*"))


def test_where_there_is_nothing_one_line_says_so(crawls):
    crawls.configure()
    done = runs(crawls)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"There is no run in {crawls.directory}/runs.\n"
    assert files(crawls) == [crawls.config]


def test_complete_partial_and_running_are_told_apart_and_looking_changes_nothing(crawls, start_api):
    with start_api(f"--last-id={LAST}") as api:
        crawls.configure(url=api.url + URL)
        assert crawls.run("-a", "run=small").returncode == 0
        crawls.configure(url=api.url + URL, last_id=LAST, rate_limit=20)
        with crawls.start("-a", "run=large") as process:
            known = len(crawls.segments())
            wait_until(lambda: len(crawls.segments()) > known, process)
            large, small = listed(crawls)
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)
            process.stderr.read()
        before = files(crawls)
        stopped, complete = listed(crawls)
        table = runs(crawls)
    assert files(crawls) == before
    assert [run["run"] for run in (large, small, stopped, complete)] == ["large", "small", "large", "small"]
    assert [run["state"] for run in (large, small, stopped, complete)] == [
        "crawling",
        "complete",
        "partial",
        "complete",
    ]
    assert f"process {process.pid}" in large["crawled_by"]
    assert stopped["crawled_by"] is None
    assert 0 < large["settled"] <= stopped["settled"] < stopped["ids"] == 20_000
    assert complete["settled"] == complete["ids"] == 2111
    assert complete["records"] == 2012
    assert complete["bytes"] > 1000
    assert complete["started_at"] <= stopped["started_at"] <= stopped["last_worked_on"] + "Z"
    heading, first, second = table.stdout.splitlines()
    assert heading.split()[:4] == ["environment", "run", "state", "settled"]
    assert first.split()[:3] == ["test", "large", "partial"]
    assert second.split()[:5] == ["test", "small", "complete", "100.0", "%"]
    assert "\x1b" not in table.stdout


def test_what_is_not_a_run_is_not_listed_and_what_is_damaged_is_told(crawls):
    crawls.configure()
    storage = crawls.directory / "runs"
    mine = Run(storage / "test" / "mine", "test")
    conclude(mine)
    spill(mine, (0, 10))
    spill(mine, (10, 20)).write_bytes(b"rubbish")
    (storage / "other" / "thing" / "segments").mkdir(parents=True)
    done = runs(crawls)
    _, line = done.stdout.splitlines()
    assert "complete, 1 damaged" in line
    (listed_one,) = listed(crawls, "--environment", "test")
    assert (listed_one["run"], listed_one["damaged_segments"], listed_one["settled"]) == ("mine", 1, 10)


@pytest.mark.parametrize("command", ["plan", "probe", "runs"])
def test_a_users_mistake_is_one_line(crawls, command):
    crawls.configure(rate_limit=0)
    done = crawls.scrapy(command, "-s", f"LIFESTATS_CONFIG={crawls.config}", "-s", "ENV=test")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("lifestats: ")
    assert "rate_limit = 0: must be greater than 0" in done.stderr
    assert done.stderr.count("\n") == 1


def test_help_says_what_a_command_is_for_and_how_to_begin(crawls):
    done = crawls.scrapy("plan", "--help")
    assert done.returncode == 0
    assert "Example: scrapy plan " in done.stdout
