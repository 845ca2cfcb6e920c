"""Reports and comparisons on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from lifestats_crawler import ending, printing, program
from lifestats_crawler.formats import audited, extent, many, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import TextIO

    from lifestats_crawler import shapes
    from lifestats_crawler.items import Key

ROWS = 10
REASONS = 3  # why ids are missing: report.json has every one


def show(
    report: dict[str, Any], path: Path, rows: int = ROWS, out: TextIO | None = None, *, is_made_up: bool = False
) -> None:
    """Print the first rows of each counter, aligned, whether they are complete, and the path.

    ``out`` is where to, in place of standard output. Where the data is made up by the mock, the last line says so.
    """
    console = printing.console(out)
    for name, counter in report["counters"].items():
        console.print(Text(f"\n{_plain(name)}: {_extent(counter)}", "bold"), soft_wrap=True)
        if counter["top"]:
            console.print(_table(counter, rows))
    console.print(_headline(report), soft_wrap=True)
    for line in _remarks(report):
        console.print(Text(line), soft_wrap=True)
    console.print(Text(str(path)), soft_wrap=True)
    if (shown := path.with_name("report.html")).exists():
        console.print(Text(str(shown)), soft_wrap=True)
    if is_made_up:
        console.print(Text(_made_up(report["run"]["environment"]), "yellow"), soft_wrap=True)


def show_diff(document: shapes.Diff) -> None:
    """Print what has changed between two reports."""
    console = printing.console()
    for which, run in (("before", document["before"]), ("after", document["after"])):
        note = "" if run["complete"] else " (INCOMPLETE, so its ranks are not final)"
        records = many(run["items"], "record")
        console.print(Text(f"{which}: {run['environment']} {run['name']}, {run['finished_at']}, {records}{note}"))
    for difference in document["differences"]:
        console.print(Text(_plain(f"The two differ: {difference}"), "yellow"), soft_wrap=True)
    for name, changes in document["counters"].items():
        totals = document["totals"][name]
        values = f"{many(totals['distinct'], 'value')} (before: {totals['distinct_before']:,})"
        records = f"{many(totals['items'], 'record')} (before: {totals['items_before']:,})"
        console.print(Text(f"\n{_plain(name)}: {values} in {records}", "bold"), soft_wrap=True)
        console.print(_changes(changes))
    if not document["counters"]:
        console.print("The two reports have no counter with the same name and field.")


def _changes(changes: list[shapes.Change]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("rank", "was", "value", "count", "was", "change", "share", "was"):
        table.add_column(heading, justify="right")
    table.add_column("ranks")
    for change in changes:
        table.add_row(
            *map(_number, (change["rank"], change["rank_before"])),
            Text(_named(change["key"], change["label"])),
            *map(_number, (change["count"], change["count_before"])),
            "" if change["count_change"] is None else f"{change['count_change']:+,}",
            *("" if share is None else f"{share:.3%}" for share in (change["share"], change["share_before"])),
            Text(_kind(change), {1: "green", -1: "red"}.get(change["direction"], "")),
        )
    return table


def _kind(change: shapes.Change) -> str:
    if change["below"] is not None:
        return f"below rank {change['below']:,}"
    if change["rank_change"] is None:
        return str(change["kind"])
    return f"{change['rank_change']:+,}" if change["rank_change"] else "="


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _named(key: Key, label: str | None) -> str:
    return visible(key) + (f" {_plain(label)}" if label is not None else "")


def _plain(value: object) -> str:
    """Write a value without the characters that a terminal obeys."""
    return "".join(character if character.isprintable() else "\ufffd" for character in str(value))


def _extent(counter: dict[str, Any]) -> str:
    without = f"; {many(counter['without'], 'record')} without the field" if counter.get("without") else ""
    return f"{many(counter['distinct'], 'value')} in {many(counter['items'], 'record')}{without}"


def _table(counter: dict[str, Any], most: int) -> Table:
    rows = counter["top"][:most]
    has_labels = any(row.get("label") is not None for row in rows)
    table = Table(box=None, pad_edge=False)
    for heading in ("rank", "value", *(["name"] if has_labels else []), "count", "share"):
        table.add_column(heading, justify="left" if heading == "name" else "right")
    for row in rows:
        name = [Text(_plain(row.get("label") or ""))] if has_labels else []
        table.add_row(
            str(row["rank"]), Text(visible(row["key"])), *name, f"{row['count']:,}", f"{row['share']:.3%}"
        )
    return table


def _headline(report: dict[str, Any]) -> Text:
    totals, coverage = report["totals"], report["coverage"]
    done = f"{many(totals['items'], 'record')} on {many(totals['pages'], 'page')}"
    done += f" in {report['run']['elapsed_seconds']:.1f} s"
    is_unwritten = not totals["pages"] and not coverage["settled"]
    if is_unwritten and report["run"]["finish_reason"] in (ending.Ending.CRAWLING.word, ending.Ending.KILLED.word):
        return Text("\nNothing has been written yet: a crawl writes after some pages or seconds.", style="yellow")
    if not coverage["complete"]:
        reason = report["run"]["finish_reason"]
        missing = f"; {coverage['ids'] - coverage['settled']:,} of {many(coverage['ids'], 'id')} are missing"
        why = f"{missing}." if coverage["settled"] < coverage["ids"] else f". {ending.sentence(reason)}"
        return Text(f"\nINCOMPLETE: {done}{why} {ending.advice(reason, report['run']['name'])}", style="red")
    nothing = [name for name, counter in report["counters"].items() if not counter["items"]]
    if nothing:
        names = ", ".join(map(_plain, nothing))
        counted = f"Complete, but NOTHING was counted for {names}: {done}"
        return Text(f"\n{counted}. Run {program.called('probe')} to check the configuration.", style="yellow")
    return Text(f"\nComplete: {done}.", style="green")


def _made_up(environment: str) -> str:
    other = f"To crawl your own API, name its environment: {program.called('crawl')} -s ENV=production"
    return f"This data is made up: the environment {environment} has mock: true, the mock API. {other}"


def _remarks(report: dict[str, Any]) -> Iterator[str]:
    """Say what partial shares are of, why ids are missing, whether a record was shown, what the audit found."""
    coverage, audit = report["coverage"], report.get("audit")
    if 0 < coverage["settled"] < coverage["ids"]:
        yield "Shares are of the records so far: where ids have few records, more of them are crawled by now."
    reasons = coverage.get("reasons", [])
    for begin, end, reason in reasons[:REASONS]:
        yield f"Missing {extent(begin, end)}: {_plain(reason)}"
    if len(reasons) > REASONS:
        yield f"{many(len(reasons) - REASONS, 'more reason')} in report.json"
    if not coverage.get("seen", True) and coverage["settled"]:
        yield "The API has not shown one record."
    if audit and audit["ranges"]:
        yield audited(audit)


def table(headings: Iterable[str], rows: Iterable[Iterable[str | Text]], right: Iterable[str] = ()) -> Table:
    """Make a table of texts as they are, without markup; the columns named in ``right`` are set to the right."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        made.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return made


def pairs(rows: Iterable[tuple[str, str]]) -> Table:
    """Make a table of names and what they are, without a heading."""
    made = Table(box=None, pad_edge=False, show_header=False)
    made.add_column(no_wrap=True, style="bold")
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(Text(name), Text(value))
    return made
