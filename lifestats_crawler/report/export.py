"""Reports in other formats: JSON, CSV, and every value's count in Parquet."""

from __future__ import annotations

import csv
import io
import re
import shutil
import stat
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lifestats_crawler.exceptions import StorageError
from lifestats_crawler.storage.durable import appearing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifestats_crawler.config.model import Config
    from lifestats_crawler.storage.reports import Report
    from lifestats_crawler.storage.runs import Run

#: How a text begins that a spreadsheet takes for a formula.
_RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"[-+][0-9]+(\.[0-9]+)?")
COLUMNS = ("counter", "rank", "key", "label", "count", "share", "certain", "rank_change", "new", "type")


def rows_as_csv(report: Report) -> str:
    """Return the rows of every counter, with a heading.

    The last column has the type of ``key``, because the number 0 and the text "0" look alike.

    >>> report = {"counters": {"foods": {"top": [{"rank": 1, "key": "a,b", "count": 2, "new": True}]}}}
    >>> print(rows_as_csv(report), end="")
    counter,rank,key,label,count,share,certain,rank_change,new,type
    foods,1,"a,b",,2,,,,true,text
    """
    out = io.StringIO()
    usual = csv.DictWriter(out, COLUMNS, lineterminator="\n", extrasaction="ignore")
    # Python quotes a line feed, but no carriage return alone, which is an end of a line as well.
    quoted = csv.DictWriter(out, COLUMNS, lineterminator="\n", quoting=csv.QUOTE_ALL, extrasaction="ignore")
    usual.writeheader()
    for name, counter in report["counters"].items():
        for row in counter["top"]:
            type_of = "integer" if isinstance(row["key"], int) else "text"
            facts = {"counter": name} | row | {"type": type_of}
            cells = {key: _cell(value) for key, value in facts.items()}
            has_return = any(isinstance(cell, str) and "\r" in cell for cell in cells.values())
            (quoted if has_return else usual).writerow(cells)
    return out.getvalue()


def _cell(value: Any) -> Any:
    """Write true and false as JSON does, and a text that a spreadsheet would run behind an apostrophe.

    >>> [_cell(value) for value in (True, -7, "-7", "=1+2", "a=1", "@x", "+1 800")]
    ['true', -7, '-7', "'=1+2", 'a=1', "'@x", "'+1 800"]
    """
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str) or not value.startswith(_RUN_BY_SPREADSHEETS) or _NUMBER.fullmatch(value):
        return value
    return f"'{value}"


def write_parquet(run: Run, config: Config, path: Path) -> None:
    """Write the count of every value that a run has seen, with its name. Raises OSError."""
    from lifestats_crawler.counting import merge  # noqa: PLC0415  # DuckDB is large

    merge.write_all(run.segments, path, {name: one.names for name, one in config.counters.items()})


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Give a path to write to for what a user has named, whatever that is. Raises OSError.

    A file appears whole or not at all. A device, a pipe or a link is written to, and never replaced.
    Raises StorageError where there is no directory for it.
    """
    if not path.parent.is_dir():
        raise StorageError(f"{path} cannot be written: there is no directory {path.parent}")
    try:
        is_plain = stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        is_plain = True
    if is_plain:
        with appearing(path) as unfinished:
            yield unfinished
        return
    with TemporaryDirectory(prefix="lifestats-") as directory:
        made = Path(directory) / "made"
        yield made
        with made.open("rb") as content, path.open("wb") as out:
            shutil.copyfileobj(content, out)
