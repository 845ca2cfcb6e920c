"""Reports in other formats: JSON, CSV, and every value's count in Parquet."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from lifestats_crawler.storage import reports
from lifestats_crawler.storage.durable import appearing

if TYPE_CHECKING:
    from pathlib import Path

    from lifestats_crawler.storage.reports import Report
    from lifestats_crawler.storage.runs import Run

COLUMNS = ("counter", "rank", "key", "label", "count", "share", "certain", "rank_change", "new")


def text(report: Report, format_name: str) -> str:
    """Return a report as ``json``, or its rows as ``csv`` (which ``table`` becomes in a file)."""
    return reports.dump(report).decode() if format_name == "json" else rows_as_csv(report)


def rows_as_csv(report: Report) -> str:
    """Return the rows of every counter, with a heading.

    >>> report = {"counters": {"foods": {"top": [{"rank": 1, "key": "a,b", "count": 2, "new": True}]}}}
    >>> print(rows_as_csv(report), end="")
    counter,rank,key,label,count,share,certain,rank_change,new
    foods,1,"a,b",,2,,,,true
    """
    out = io.StringIO()
    rows = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    rows.writeheader()
    for name, counter in report["counters"].items():
        rows.writerows({"counter": name} | _as_csv(row) for row in counter["top"])
    return out.getvalue()


def _as_csv(row: dict[str, Any]) -> dict[str, Any]:
    """Write true and false as JSON does."""
    return {key: str(value).lower() if isinstance(value, bool) else value for key, value in row.items()}


def write_parquet(run: Run, path: Path) -> None:
    """Write the count of every value that a run has seen. Raises OSError."""
    from lifestats_crawler.counting import merge  # noqa: PLC0415  # DuckDB is large

    with appearing(path) as unfinished:
        merge.write_all(run.segments, unfinished)
