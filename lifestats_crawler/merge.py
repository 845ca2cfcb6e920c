"""Segments to totals and the top k, in DuckDB: outside Python's memory and, if need be, on disk."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import duckdb

from lifestats_crawler import segments
from lifestats_crawler.exceptions import CountError, OverlapError
from lifestats_crawler.ranges import IdRange, union

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from lifestats_crawler.items import Key
    from lifestats_crawler.segments import Footer

MEMORY_LIMIT = "512MB"


@dataclass(frozen=True, slots=True)
class Settled:
    """What the footers of a run add up to."""

    covers: tuple[IdRange, ...] = ()
    records: int = 0
    pages: int = 0
    requests: int = 0
    retries: int = 0
    seconds: float = 0.0
    #: Per counter, how many of the records are without its field.
    without: Mapping[str, int] = field(default_factory=dict)
    #: When the first crawl of the run was started, ISO 8601; empty without a segment.
    started_at: str = ""


@dataclass(frozen=True, slots=True)
class CounterTotals:
    """The exact figures of one counter over a whole run."""

    items: int
    distinct: int
    #: Highest count first, smallest key first where counts tie; integers before texts. One more
    #: than was asked for, where there are as many: its lead tells whether the last rank is certain.
    top: list[tuple[Key, int]]


@dataclass(frozen=True, slots=True)
class Totals:
    """What a run has counted, and what that rests on."""

    settled: Settled
    counters: dict[str, CounterTotals]


def merge(directory: Path, top: Mapping[str, int]) -> Totals:
    """Merge the segments of a directory.

    Raises OverlapError if two of them settle the same ids, and CountError if their counts are not
    those of the records that they settled.
    """
    settled = add_up(segments.settled(directory))
    counters = top_k(directory, top)
    for name, counter in counters.items():
        expected = settled.records - settled.without.get(name, 0)
        if counter.items != expected:
            raise CountError(f"{directory}: counter {name} has {counter.items} items of {expected} records")
    return Totals(settled, counters)


def add_up(run: Iterable[tuple[Path, Footer]]) -> Settled:
    """Add up the footers of a run. Raises OverlapError that names two segments which overlap."""
    known = list(run)
    _refuse_overlap(known)
    footers = [footer for _, footer in known]
    return Settled(
        covers=tuple(union(item for footer in footers for item in footer.covers)),
        records=sum(footer.records for footer in footers),
        pages=sum(footer.pages for footer in footers),
        requests=sum(footer.requests for footer in footers),
        retries=sum(footer.retries for footer in footers),
        seconds=sum(footer.seconds for footer in footers),
        without=sum((Counter(footer.without) for footer in footers), Counter()),
        started_at=min((footer.started_at for footer in footers), default=""),
    )


def top_k(directory: Path, top: Mapping[str, int]) -> dict[str, CounterTotals]:
    """Sum the segments of a directory and take the ``top`` k of each named counter.

    Uses at most ``MEMORY_LIMIT``, and a temporary directory beside the segments beyond it.
    """
    files = [str(path) for path in segments.paths(directory)]
    if not files:
        return {name: CounterTotals(0, 0, []) for name in top}
    with (
        TemporaryDirectory(dir=directory, prefix=segments.MERGE_PREFIX) as spill,
        duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "temp_directory": spill}) as database,
    ):
        database.execute("SET preserve_insertion_order = false")
        database.execute(
            "CREATE TEMP TABLE totals AS SELECT counter, key, text_key, sum(count)::BIGINT AS count"
            " FROM read_parquet(?) GROUP BY ALL",
            [files],
        )
        return {name: _counter(database, name, k) for name, k in top.items()}


def _counter(database: duckdb.DuckDBPyConnection, name: str, k: int) -> CounterTotals:
    figures = database.execute(
        "SELECT coalesce(sum(count), 0)::BIGINT, count(*) FROM totals WHERE counter = ?", [name]
    ).fetchone()
    rows = database.execute(
        "SELECT key, text_key, count FROM totals WHERE counter = ?"
        " ORDER BY count DESC, key ASC NULLS LAST, text_key ASC LIMIT ?",
        [name, k + 1],
    ).fetchall()
    items, distinct = figures or (0, 0)
    return CounterTotals(items, distinct, [(text if key is None else key, count) for key, text, count in rows])


def _refuse_overlap(known: list[tuple[Path, Footer]]) -> None:
    owned = sorted((item, path.name) for path, footer in known for item in footer.covers if len(item))
    for (first, path), (second, other) in pairwise(owned):
        if second.begin < first.end:
            raise OverlapError(f"{path} and {other} both settle ids of {first} and {second}")
