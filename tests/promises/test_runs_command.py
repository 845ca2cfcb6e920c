"""``scrapy runs``: what is there, whoever works on it."""

from __future__ import annotations

import json
import signal

import pytest

from tests.conftest import FIRST
from tests.promises.conftest import URL, wait_until

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
    other = runs(crawls, "--environment", "production")
    assert other.stdout == f"There is no run of environment production in {crawls.directory}/runs.\n"
    assert listed(crawls) == []
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


def test_what_is_not_a_run_is_not_listed_and_what_is_damaged_is_told(crawls, start_api):
    with start_api() as api:
        crawls.configure(url=api.url + URL)
        assert crawls.run("-a", "run=mine").returncode == 0
    storage = crawls.directory / "runs"
    (storage / "notes.txt").write_text("mine")
    (storage / "lost+found").mkdir()
    (storage / "other" / "thing" / "segments").mkdir(parents=True)
    (storage / "other" / "thing" / "segments" / "a.txt").write_text("")
    (storage / "test" / "backup").mkdir()
    (storage / "test" / "mine" / "segments" / "000001.parquet").write_bytes(b"rubbish")
    (mine,) = listed(crawls)
    assert (mine["run"], mine["damaged_segments"]) == ("mine", 1)
    assert mine["settled"] < mine["ids"]
    assert "complete, 1 damaged" in runs(crawls).stdout
    assert listed(crawls, "--environment", "other") == []


@pytest.mark.parametrize("command", ["plan", "probe", "runs"])
def test_a_users_mistake_is_one_line(crawls, command):
    crawls.configure(rate_limit=0)
    done = crawls.scrapy(command, "-s", f"LIFESTATS_CONFIG={crawls.config}", "-s", "ENV=test")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("lifestats: ")
    assert "rate_limit = 0: must be greater than 0" in done.stderr
    assert done.stderr.count("\n") == 1
    crawls.configure()
    done = crawls.scrapy(command, "nonsense", "-s", f"LIFESTATS_CONFIG={crawls.config}", "-s", "ENV=test")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("lifestats: unexpected argument 'nonsense'")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["plan", "probe", "runs", "report", "diff", "crawl"])
def test_help_says_what_a_command_is_for_and_how_to_begin(crawls, command):
    done = crawls.scrapy(command, "--help")
    assert done.returncode == 0
    assert f"Example: scrapy {command} " in done.stdout
    assert command == "crawl" or "--json" in done.stdout
