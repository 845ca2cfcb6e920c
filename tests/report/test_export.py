"""Reports in other formats, and where they are written to."""

from __future__ import annotations

import csv
import io
import os
import stat
from threading import Thread

import pytest

from lifestats_crawler.report import export


def rows(*keys):
    top = [{"rank": rank, "key": key, "count": 1} for rank, key in enumerate(keys, 1)]
    return export.rows_as_csv({"counters": {"c": {"top": top}}})


@pytest.mark.parametrize("key", ["a,b", 'say "a"', "a\nb", "a\rb", "a\r\nb", "\u2028", "plain", ""])
def test_a_value_comes_back_from_csv(key):
    text = rows(key, "after")
    read = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["key"] for row in read] == [key, "after"]
    assert ("\r" in key) == ("\r" in text)


@pytest.mark.parametrize(
    ("key", "cell"),
    [
        ("=1+2", "'=1+2"),
        ("@x", "'@x"),
        ("+a", "'+a"),
        ("-a", "'-a"),
        ("\t=1", "'\t=1"),
        ("-7", "-7"),
        (-7, "-7"),
        ("a=1", "a=1"),
    ],
)
def test_before_a_value_that_a_spreadsheet_would_run_stands_an_apostrophe(key, cell):
    assert next(csv.DictReader(io.StringIO(rows(key), newline="")))["key"] == cell


def test_a_file_is_replaced_as_a_whole_and_a_link_is_written_to(tmp_path):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "top.csv", tmp_path / "link.csv"
    target.write_text("old, and longer")
    link.symlink_to("there/top.csv")
    for path in (target, link):
        with export.written(path) as made:
            made.write_bytes(str(path.name).encode())
        assert target.read_text() == path.name
    assert link.is_symlink()


def test_a_pipe_and_a_device_stay_what_they_are(tmp_path):
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    with export.written(pipe) as made:
        made.write_bytes(b"rows")
    reader.join()
    assert (got, stat.S_ISFIFO(pipe.lstat().st_mode)) == ([b"rows"], True)


def test_what_fails_half_way_writes_nothing_to_a_link(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)

    def fail():
        with export.written(link) as made:
            made.write_bytes(b"half")
            raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        fail()
    assert target.read_text() == "old"
