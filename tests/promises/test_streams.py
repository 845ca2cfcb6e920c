"""Standard streams that are closed, and a log that nobody reads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.conftest import PROJECT
from tests.promises.conftest import assert_exact, environment, wait_until

IDS = 6000


@pytest.mark.parametrize("closed", [[0], [1], [2], [0, 1, 2]], ids=str)
def test_a_crawl_needs_no_standard_stream_and_writes_into_no_file_of_its_own(crawls, start_api, closed):
    with start_api(ids=2000) as api:
        crawls.configure(**api.space, spill_every=5, counters={"foods": {"field": "food_id", "top": 2000}})
        log = crawls.directory / "log"
        begin = "import os; [os.close(number) for number in {}]; os.execv({!r}, {!r})"
        command = [sys.executable, "-m", "scrapy", *crawls.crawl, "-s", f"LOG_FILE={log}"]
        done = subprocess.run(
            [sys.executable, "-c", begin.format(closed, sys.executable, command)],
            cwd=PROJECT,
            env=environment(),
            timeout=60,
            check=False,
        )
        assert done.returncode == 0
        assert "Traceback" not in log.read_text()
        assert_exact(crawls.report(), api.truth)


@pytest.mark.parametrize("to", ["stderr", "LOG_FILE"])
def test_a_log_that_nobody_reads_stops_nothing_and_a_signal_ends_the_crawl(crawls, start_api, to):
    with start_api(ids=IDS) as api:
        crawls.configure(**api.space, subsets=5, results_per_page=10, rate_limit=200)
        fifo = crawls.directory / "log"
        os.mkfifo(fifo)
        reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        arguments = ["-s", "LOG_LEVEL=DEBUG", *(["-s", f"LOG_FILE={fifo}"] if to == "LOG_FILE" else [])]
        with subprocess.Popen(
            [sys.executable, "-m", "scrapy", *crawls.crawl, *arguments],
            cwd=PROJECT,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            # A line has some 200 bytes, so that these are more than a pipe takes.
            wait_until(lambda: len(api.requests) > 600, process)
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 2
        os.close(reading)
    assert crawls.report()["run"]["finish_reason"] == "shutdown"
