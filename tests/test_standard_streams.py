"""A stream that a thread writes: whole where somebody reads, and never waited for where nobody does."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from threading import Thread
from time import monotonic

import pytest

from lifestats_crawler import standard_streams
from lifestats_crawler.standard_streams import Relay

FULL = 1024 * 1024  # more than any pipe takes


@contextmanager
def pipe(encoding="utf-8"):
    reading, writing = os.pipe()
    try:
        with os.fdopen(writing, "w", encoding=encoding) as stream:
            yield reading, stream
    finally:
        os.close(reading)


def test_what_is_written_arrives_whole_and_in_order_and_what_cannot_be_encoded_with_backslashes():
    with pipe("latin-1") as (reading, stream):
        relay = Relay(stream)
        relay.writelines(["one\n", "", "zwölf €\n"])
        assert relay.drain()
        assert os.read(reading, 100) == "one\nzwölf \\u20ac\n".encode("latin-1")
        assert not relay.isatty()
        assert relay.fileno() == stream.fileno()


def test_where_nobody_reads_nothing_waits_and_lines_are_dropped_and_counted(monkeypatch):
    monkeypatch.setattr(standard_streams, "_PATIENCE_SECONDS", 0.1)
    with pipe() as (reading, stream):
        relay = Relay(stream, FULL)
        began = monotonic()
        for _ in range(3):
            relay.write("x" * (FULL // 2 - 1) + "\n")
        assert not relay.drain(0.1)
        assert monotonic() - began < 5
        read: list[bytes] = []
        reader = Thread(target=lambda: [read.append(data) for data in iter(lambda: os.read(reading, 65536), b"")])
        reader.start()
        assert relay.drain()
        stream.close()
        reader.join()
    lines = b"".join(read).decode().splitlines()
    told = "lifestats: 1 lines of the log were dropped, because nobody read it"
    assert [line for line in lines if not line.startswith("x")] == [told]
    assert sum(line.count("x") for line in lines) == FULL - 2


@pytest.mark.parametrize("is_wanted", [True, False])
def test_a_reader_who_has_gone_is_no_error(is_wanted):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        relay = Relay(stream, None)
        relay.write("x")
        assert relay.drain(60, lambda: is_wanted)
        relay.write("y")
        relay.close()


def test_a_stream_without_a_descriptor_stays_as_it_is(capsys):
    usual = sys.stdout
    standard_streams.show(lambda: print("shown"), 1, lambda: True)  # noqa: T201  # what is shown
    assert sys.stdout is usual
    assert capsys.readouterr().out == "shown\n"
