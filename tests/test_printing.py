"""What commands write to standard output."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

WRITE = """
import sys
from lifestats_crawler import printing, standard_streams
standard_streams.open_output()
for _ in range(int(sys.argv[1])):
    {what}
"""
PRINT, WRITTEN, RICH = 'print("Łódź")', 'printing.write("Łódź\\n")', 'printing.console().print("Łódź")'


def ran(what, *, times, encoding="utf-8", stdout=subprocess.PIPE):
    command = [sys.executable, "-c", WRITE.format(what=what), str(times)]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, env=environment, check=False)


@pytest.mark.parametrize(
    ("what", "encoding", "written"),
    [
        (PRINT, "utf-8", "Łódź"),
        (PRINT, "latin-1", "\\u0141ód\\u017a"),
        (RICH, "ascii", "\\u0141\\xf3d\\u017a"),
        (WRITTEN, "ascii", "Łódź"),
        (WRITTEN, "latin-1", "Łódź"),
    ],
)
def test_whatever_the_encoding_it_is_written(what, encoding, written):
    done = ran(what, times=1, encoding=encoding)
    expected = written.encode("utf-8" if what == WRITTEN else encoding)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, expected, b"")


@pytest.mark.parametrize("what", [PRINT, WRITTEN, RICH])
def test_a_reader_who_has_enough_is_no_error(what):
    read, write = os.pipe()
    os.close(read)
    done = ran(what, times=100, stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("times", [1, 10_000])  # what fails at the very end, and before
@pytest.mark.parametrize("what", [PRINT, WRITTEN, RICH])
def test_a_device_that_is_full_is_said_in_a_line_and_the_exit_status(what, times):
    with Path("/dev/full").open("w") as full:
        done = ran(what, times=times, stdout=full)
    assert done.returncode == 1
    assert done.stderr == b"lifestats: standard output cannot be written: No space left on device\n"


def test_what_goes_into_a_pipe_is_whole():
    made = 'from lifestats_crawler.report.console import table; made = table("a", [["x" * 20_000]])'
    assert b"x" * 20_000 in ran(f"{made}; printing.console().print(made)", times=1).stdout
