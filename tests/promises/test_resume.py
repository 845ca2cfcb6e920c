"""Every way of stopping, with real processes and real signals, and going on from there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from random import Random
from time import monotonic

import pytest

from tests.conftest import FIRST, PROJECT
from tests.promises.conftest import assert_exact, environment, wait_until

IDS = 6000
LAST = FIRST + IDS - 1
SPILL_EVERY = 5
CHAINS = 8


@pytest.fixture
def api(start_api):
    with start_api(ids=IDS) as api:
        yield api


@pytest.fixture
def crawls(crawls, api):
    crawls.configure(
        **api.space,
        results_per_page=20,
        rate_limit=400,
        audit=False,  # each start would ask some hundred times before anything counts
        subsets=CHAINS,
        spill_every=SPILL_EVERY,
        counters={"foods": {"field": "food_id", "top": IDS}},
    )
    return crawls


def wait_for_pages(api, process, many):
    """Ask the API until it has seen so many requests, or the crawl has ended by itself."""
    wait_until(lambda: len(api.requests) >= many or process.poll() is not None)


def asked_again(api) -> int:
    cursors = Counter(request[1] for request in api.requests)
    return sum(cursors.values()) - len(cursors)


@pytest.mark.long
def test_killed_twenty_times_a_crawl_still_counts_every_record_once(crawls, api):
    random, kills = Random(3), 0
    crawls.change(rate_limit=100)  # slow enough for so many kills
    no_more = ("-s", f"CONCURRENT_REQUESTS={CHAINS}")  # chains than those it begins with
    while kills < 12:
        with crawls.start(*no_more) as process:
            seen = len(api.requests)
            wait_for_pages(api, process, seen + random.randrange(2, 25))
            if process.poll() is not None:
                break
            process.kill()
            kills += 1
    assert kills == 12
    for step in ["begun", "written", "synced", "renamed"] * 2:
        with crawls.start(*no_more, LIFESTATS_STOP_AT=f"{step}:{next_segment(crawls):06d}.parquet") as process:
            stopped(process)
            process.kill()
            kills += 1
    assert kills == 20
    done = crawls.run()
    assert done.returncode == 0, done.stderr
    assert_exact(crawls.report(), api.truth)
    assert len(list((crawls.directory / "runs" / "test").glob("*/segments"))) == 1
    # At each kill: what was not spilled yet, what was being spilled, and what was under way.
    assert asked_again(api) <= kills * (2 * SPILL_EVERY + CHAINS)


def test_what_a_killed_crawl_had_requested_is_told_as_far_as_it_was_noted(crawls, api):
    crawls.change(rate_limit=20, spill_every=1000, spill_seconds=1000)
    noted = crawls.directory / "runs" / "test"
    with crawls.start() as process:
        wait_until(lambda: any(noted.glob("*/.requested")), process)
        (note,) = noted.glob("*/.requested")
        wait_until(lambda: note.read_text().endswith("}"), process)
        process.kill()
    asked = len(api.requests)
    crawls.change(rate_limit=None)
    done = crawls.run()
    assert done.returncode == 0, done.stderr
    report = crawls.report()
    assert report["killed"]["starts"] == 1
    assert 20 <= report["killed"]["requests"] <= asked
    assert report["totals"]["requests"] == len(api.requests) - asked
    assert not note.exists()


def next_segment(crawls) -> int:
    numbers = [int(path.stem) for path in (crawls.directory / "runs").glob("test/*/segments/*.parquet")]
    return max(numbers, default=0) + 1


def stopped(process) -> None:
    """Wait until a process has stopped itself, as LIFESTATS_STOP_AT makes it."""
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), "the crawl ended before the step"


def later(moment: float):
    return lambda: monotonic() >= moment


def test_a_signal_ends_a_crawl_with_a_partial_report_that_says_what_it_rests_on(crawls, api):
    for number, pages in ((signal.SIGINT, 40), (signal.SIGTERM, 100)):
        with crawls.start() as process:
            wait_for_pages(api, process, pages)
            process.send_signal(number)
            process.communicate(timeout=10)
        assert process.returncode == 2
        assert_says_what_it_rests_on(crawls.report(), api)
    assert not (crawls.directory / "runs" / "test" / "latest.json").exists()
    assert crawls.run().returncode == 0
    assert_exact(crawls.report(), api.truth)
    assert len(crawls.runs()) == 1


def assert_says_what_it_rests_on(report, api):
    coverage = report["coverage"]
    assert (report["run"]["finish_reason"], coverage["complete"]) == ("shutdown", False)
    assert coverage["settled"] + sum(end - begin for begin, end in coverage["missing"]) == IDS
    missing = sum(
        api.get(f"/truth?first_id={begin}&last_id={end - 1}")["records"] for begin, end in coverage["missing"]
    )
    assert report["totals"]["items"] == api.truth["records"] - missing


@pytest.mark.parametrize(
    ("line", "answers", "changes"),
    [
        ("Spider opened", ["--latency=300"], {}),
        ("Page at", [], {"counters": {"x": {"field": "nothing"}}, "rate_limit": 20, "subsets": 50}),
        ("ids left to crawl", ["--latency=300"], {"rate_limit": 0.01, "subsets": 3}),
    ],
    ids=["first answer", "backoff", "place"],
)
def test_a_signal_waits_for_nothing_that_takes_longer(crawls, start_api, line, answers, changes):
    with start_api(*answers, ids=IDS) as silent:
        crawls.configure(**silent.space, **changes)
        with crawls.start() as process:
            assert any(line in text for text in process.stderr)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=10)
    assert process.returncode == 2
    assert crawls.report()["coverage"]["settled"] == 0


def test_a_signal_does_not_wait_for_a_silent_server(crawls, start_api):
    with start_api("--fault=stall:1", ids=IDS) as silent:
        crawls.configure(**silent.space)
        with crawls.start() as process:
            wait_for_pages(silent, process, 1)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=10)
    assert process.returncode == 2
    assert crawls.report()["coverage"]["settled"] == 0


def test_a_signal_while_the_report_is_written_waits_for_it(crawls, api):
    with crawls.start(LIFESTATS_STOP_AT="begun:report.html") as process:
        stopped(process)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=10)
    assert process.returncode == 0
    assert_exact(crawls.report(), api.truth)


def test_killed_while_the_report_is_written_a_run_is_gone_on_with(crawls, api):
    assert crawls.run("-a", "run=0-before").returncode == 0
    for step in ("renamed:report.html", "renamed:latest.json", "begun:report.json"):
        with crawls.start(LIFESTATS_STOP_AT=step) as process:
            stopped(process)
            process.kill()
        asked = len(api.requests)
    assert crawls.run().returncode == 0
    assert (len(crawls.runs()), len(api.requests)) == (2, asked)
    latest = json.loads((crawls.directory / "runs" / "test" / "latest.json").read_text())
    assert latest == crawls.report()
    assert latest["previous"]["name"] == "0-before"


def test_a_second_signal_ends_a_crawl_at_once_and_nothing_is_corrupt(crawls, api):
    with crawls.start() as process:
        wait_for_pages(api, process, 60)
        process.send_signal(signal.SIGINT)
        assert any("shutting down gracefully" in line for line in process.stderr)
        process.send_signal(signal.SIGSTOP)
        wait_until(later(monotonic() + 1.1))
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=5)
    assert process.returncode != 0
    assert crawls.run().returncode == 0
    assert_exact(crawls.report(), api.truth)


@pytest.mark.parametrize("numbers", [(signal.SIGHUP,), (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)], ids=len)
def test_a_hangup_ends_a_crawl_and_signals_within_a_second_are_one(crawls, api, numbers):
    with crawls.start() as process:
        wait_for_pages(api, process, 60)
        for number in numbers:
            process.send_signal(number)
        process.communicate(timeout=10)
    assert process.returncode == 2
    assert_says_what_it_rests_on(crawls.report(), api)


def test_a_hangup_that_was_ignored_at_the_start_stays_ignored(crawls, api):
    usual = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does it
    try:
        with crawls.start() as process:
            wait_for_pages(api, process, 60)
            process.send_signal(signal.SIGHUP)
            process.communicate(timeout=60)
    finally:
        signal.signal(signal.SIGHUP, usual)
    assert process.returncode == 0
    assert_exact(crawls.report(), api.truth)


def test_a_crawl_that_was_suspended_for_longer_than_any_timeout_goes_on_at_its_pace(crawls, api):
    crawls.change(rate_limit=50)
    with crawls.start("-s", "DOWNLOAD_TIMEOUT=1") as process:
        wait_for_pages(api, process, 60)
        process.send_signal(signal.SIGSTOP)
        wait_until(later(monotonic() + 3))
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert_exact(crawls.report(), api.truth)
    at = sorted(request[0] for request in api.requests)
    assert max(sum(begin <= moment < begin + 1 for moment in at) for begin in at) <= 55


@pytest.mark.parametrize("first", [[], ["unshare", "--pid", "--fork", "--kill-child"]], ids=["usual", "process 1"])
def test_a_signal_before_the_crawl_begins_is_heard(crawls, first):
    if first and subprocess.run([*first, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no right to make a process number 1 here")
    begin = (
        "import os, signal, sys, lifestats_crawler.settings; os.kill(os.getpid(), signal.SIGTERM);"
        "from scrapy.cmdline import execute; execute(['scrapy', *sys.argv[1:]])"
    )
    done = subprocess.run(
        [*first, sys.executable, "-c", begin, *crawls.crawl],
        cwd=PROJECT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert crawls.report()["run"]["finish_reason"] == "shutdown"


def test_a_second_process_on_the_same_run_is_refused_and_told_who_has_it(crawls):
    crawls.change(rate_limit=20)
    with crawls.start() as process:
        wait_until(crawls.segments, process)
        refused = crawls.run()
        process.kill()
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith("lifestats: run ")
    assert f" is being crawled by process {process.pid} on " in refused.stderr
    crawls.change(rate_limit=None)
    assert crawls.run().returncode == 0, "a lock that a crash leaves behind does not block"


def test_runs_are_continued_named_or_fresh_as_asked_for(crawls, api):
    with crawls.start("-a", "run=mine") as process:
        wait_until(crawls.segments, process)
        process.kill()
    fresh = crawls.run("-a", "run=new")
    assert (fresh.returncode, len(crawls.runs())) == (0, 2)
    continued = crawls.run()
    assert "Continuing run mine" in continued.stderr
    assert (continued.returncode, len(crawls.runs())) == (0, 2)
    asked = len(api.requests)
    again = crawls.run("-a", "run=mine")
    assert (again.returncode, len(api.requests)) == (0, asked), "nothing was left to ask for"


def test_a_run_name_cannot_leave_the_storage(crawls, tmp_path):
    before = sorted(tmp_path.iterdir())
    done = crawls.run("-a", "run=../outside")
    assert done.returncode == 1
    assert "use 1 to 100 letters" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_a_run_of_another_source_is_not_continued(crawls, api):
    with crawls.start() as process:
        wait_until(crawls.segments, process)
        process.kill()
    (first,) = crawls.runs()
    config = crawls.config.read_text()
    crawls.change(inclusive=False)
    done = crawls.run()
    assert f"Not continuing run {first}: inclusive differs from the configuration" in done.stderr
    assert len(crawls.runs()) == 2
    named = crawls.run("-a", f"run={first}")
    assert named.returncode == 1
    assert f"lifestats: run {first} was made with another configuration: inclusive differs" in named.stderr
    crawls.config.write_text(config)
    assert crawls.run("-a", f"run={first}").returncode == 0
    assert_exact(crawls.of(first), api.truth)


def test_a_damaged_or_foreign_segment_is_set_aside_and_its_range_crawled_again(crawls, api):
    with crawls.start() as process:
        wait_for_pages(api, process, 120)
        process.kill()
    segments = sorted((crawls.directory / "runs").glob("test/*/segments/*.parquet"))
    segments[0].write_bytes(segments[0].read_bytes()[:-100])
    content = segments[1].read_bytes()
    segments[1].write_bytes(content[:30] + bytes([content[30] ^ 1]) + content[31:])
    foreign = segments[0].with_name("000900.parquet")
    foreign.write_bytes(b"PAR1 not really PAR1")
    done = crawls.run()
    assert done.returncode == 0, done.stderr
    for path in (*segments[:2], foreign):
        assert f"Its file is now {path.with_suffix('.set-aside')}" in done.stderr
    assert_exact(crawls.report(), api.truth)


def test_segments_that_overlap_stop_the_merge_and_both_are_named(crawls):
    assert crawls.run("-a", "run=mine").returncode == 0
    segments = crawls.directory / "runs" / "test" / "mine" / "segments"
    (segments / "000900.parquet").write_bytes((segments / "000001.parquet").read_bytes())
    done = crawls.run("-a", "run=mine")
    assert done.returncode == 1
    assert "000001.parquet and 000900.parquet both count ids " in done.stderr
    assert "Traceback" not in done.stderr
