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
    console.print(_headline(report), soft_wrap=True)
    console.print(Text(str(path)), soft_wrap=True)
    if (shown := path.with_name("report.html")).exists():
        console.print(Text(str(shown)), soft_wrap=True)


def show_diff(document: dict[str, Any]) -> None:
    """Print what has changed between two reports."""
    console = Console(highlight=False)
    for which in ("before", "after"):
        run = document[which]
        note = "" if run["complete"] else " (INCOMPLETE: ranks may be others)"
        console.print(Text(f"{which}: {run['environment']} {run['name']}, {run['finished_at']}{note}"))
    for name, changes in document["counters"].items():
        console.print(Text(f"\n{name}", "bold"))
        console.print(_changes(changes))
    if not document["counters"]:
        console.print("They have no counter of the same name and field in common.")


def _changes(changes: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("rank", "was", "key", "count", "was", "share", "was"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for change in changes:
        table.add_row(
            *(_number(change[name]) for name in ("rank", "rank_before")),
            Text(_named(change)),
            *(_number(change[name]) for name in ("count", "count_before")),
            *("" if change[name] is None else f"{change[name]:.3%}" for name in ("share", "share_before")),
            _kind(change),
        )
    return table


def _kind(change: dict[str, Any]) -> Text:
    if change["kind"] in ("new", "gone"):
        return Text(change["kind"], "green" if change["kind"] == "new" else "red")
    return Text(f"{change['rank_change']:+d}" if change["rank_change"] else "")


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _named(row: dict[str, Any]) -> str:
    return f"{row['key']} {row['label']}" if row.get("label") else str(row["key"])


def _table(counter: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("rank", "key", "count", "share"):
        table.add_column(heading, justify="right")
    for row in counter["top"][:ROWS]:
        table.add_row(str(row["rank"]), Text(_named(row)), f"{row['count']:,}", f"{row['share']:.3%}")
    return table


def _headline(report: dict[str, Any]) -> Text:
    totals, coverage = report["totals"], report["coverage"]
    done = f"{totals['items']:,} records on {totals['pages']:,} pages in {report['run']['elapsed_seconds']:.1f} s"
    if coverage["complete"]:
        return Text(f"\nComplete: {done}.", style="green")
    missing = coverage["ids"] - coverage["settled"]
    return Text(f"\nINCOMPLETE: {done}; {missing:,} of {coverage['ids']:,} ids are missing.", style="red")
