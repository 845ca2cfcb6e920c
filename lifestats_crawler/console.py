"""What a crawl says at its end, on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 10


def show(report: dict[str, Any], path: Path) -> None:
    """Print the first rows of each counter, aligned, whether they are complete, and the path."""
    console = Console(highlight=False)
    for name, counter in report["counters"].items():
        console.print(Text(f"\n{name}: {counter['distinct']:,} values in {counter['items']:,} records", "bold"))
        console.print(_table(counter))
    console.print(_headline(report))
    console.print(Text(str(path)), soft_wrap=True)


def _table(counter: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("rank", "key", "count", "share"):
        table.add_column(heading, justify="right")
    for row in counter["top"][:ROWS]:
        table.add_row(str(row["rank"]), Text(str(row["key"])), f"{row['count']:,}", f"{row['share']:.3%}")
    return table


def _headline(report: dict[str, Any]) -> Text:
    totals, coverage = report["totals"], report["coverage"]
    done = f"{totals['items']:,} records on {totals['pages']:,} pages in {report['run']['elapsed_seconds']:.1f} s"
    if coverage["complete"]:
        return Text(f"\nComplete: {done}.", style="green")
    missing = coverage["ids"] - coverage["settled"]
    return Text(f"\nINCOMPLETE: {done}; {missing:,} of {coverage['ids']:,} ids are missing.", style="red")
