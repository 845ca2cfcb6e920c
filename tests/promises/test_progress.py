from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest

from tests.conftest import PROJECT
from tests.promises.conftest import environment


@pytest.fixture
def configured(crawls, start_api):
    with start_api(ids=1500) as api:
        crawls.configure(**api.space, rate_limit=100)
        yield crawls


def test_on_a_terminal_a_live_line_goes_before_the_table(configured):
    terminal, end = pty.openpty()
    variables = environment(TERM="xterm", COLUMNS="140", LINES="40")
    command = [sys.executable, "-m", "scrapy", *configured.crawl]
    with subprocess.Popen(command, cwd=PROJECT, env=variables, stdout=end, stderr=end, stdin=end) as process:
        os.close(end)
        shown = read_all(terminal)
    os.close(terminal)
    assert process.returncode == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    lines = re.findall(
        r"[\d.]+ % of the ids,[^\r]*? [\d.]+/s of 100, [\d,]+ pages, 0 retries, [\d,]+ chains", text
    )
    assert len(lines) > 2
    assert lines[-1].startswith("100.0 % of the ids")
    assert text.rindex("100.0 % of the ids") < text.index("foods: ") < text.index("Complete: ")
    for line in re.split(r"[\r\n]+", text):
        assert not re.search(r"\S.*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[", line), "a log line has one of its own"
    report, page = text.split()[-2:]
    assert (report.rpartition("/")[2], page.rpartition("/")[2]) == ("report.json", "report.html")


def read_all(terminal: int) -> str:
    parts = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        parts.append(part)
    return b"".join(parts).decode()


def test_in_a_file_there_is_no_control_character(configured):
    configured.change(rate_limit=None)
    done = configured.run()
    assert done.returncode == 0
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", done.stdout + done.stderr)
    assert "INFO: Run " in done.stderr
