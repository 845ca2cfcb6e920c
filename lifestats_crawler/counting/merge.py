"""Segments to totals and the top k, in DuckDB: outside Python's memory and, if need be, on disk."""

from __future__ import annotations

import errno
import re
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import duckdb

from lifestats_crawler import machine
from lifestats_crawler.exceptions import CountError, StorageError
from lifestats_crawler.formats import size
from lifestats_crawler.storage import footers, segments

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from lifestats_crawler.items import Key
    from lifestats_crawler.storage.footers import Settled
    from lifestats_crawler.storage.source import Job

MOST_BYTES = 400_000_000  # beside some 230 MB of the crawl
_LEAST_BYTES = 40_000_000
_BYTES_PER_THREAD = 100_000_000
_MOST_THREADS = 4
_SHARE = 0.5  # of what is left: DuckDB takes more than its limit
_LEAST_FILES, _OTHER_FILES, _OPENED = 4, 8, 2  # descriptors: DuckDB may open a segment twice
_SUMS = "SELECT counter, key, text_key, sum(count)::BIGINT AS count FROM {} GROUP BY ALL"
_NO_LABELS = "SELECT '' AS counter, 0::BIGINT AS key, '' AS text_key, NULL::VARCHAR AS label, '' AS filename"
_STEP = 10 ** (1 / 20)
_PLAIN = re.compile(r"[A-Za-z0-9/. _-]+")
_READ_ONLY = {errno.EACCES, errno.EPERM, errno.EROFS}


@dataclass(frozen=True, slots=True)
class Room:
    """How much memory and how many threads a merge takes."""

    bytes: int
    threads: int

    @classmethod
    def of(cls, memory: float, processors: int) -> Room:
        """Take what there is, within bounds: what a container has is also for the crawl and for the kernel.

        >>> Room.of(float("inf"), 16), Room.of(200_000_000, 2)
        (Room(bytes=400000000, threads=4), Room(bytes=100000000, threads=1))
        """
        most = int(max(_LEAST_BYTES, min(MOST_BYTES, _SHARE * memory)))
        return cls(most, max(1, min(_MOST_THREADS, processors, most // _BYTES_PER_THREAD)))


@dataclass(frozen=True, slots=True)
class CounterTotals:
    """The exact figures of one counter over a whole run."""

    items: int
    distinct: int
    #: Highest count first, smallest key first where counts tie; integers before texts. One more
    #: than was asked for, where there are as many: its lead tells whether the last rank is certain.
    top: list[tuple[Key, int]]
    #: The last name that a record gave to a value, for the values in ``top``.
    labels: Mapping[Key, str] = field(default_factory=dict)
    #: (rank, count) down the whole list, at ranks that are evenly far apart as logarithms.
    frequency: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Totals:
    """What a run has counted, and what that rests on."""

    settled: Settled
    counters: dict[str, CounterTotals]


def merge(
    directory: Path, top: Mapping[str, int], labelled: Collection[str] = (), job: Job | None = None
) -> Totals:
    """Merge the segments of a directory: all counts, the ``top`` k values, and names for ``labelled`` counters.

    Segments that appear meanwhile are left for the next time. Uses at most ``MOST_BYTES``, and
    beyond it a temporary directory beside that of the segments. ``job`` is what the segments count;
    without it, the job of the first one.

    Raises StorageError if a segment is damaged or of another job, or if the disk does not suffice,
    OverlapError if two segments settle the same ids, and CountError if their counts are not those of
    the records that they settled.
    """
    known = [(path, segments.checked(path)) for path in segments.paths(directory)]
    if known:
        footers.refuse_foreign(known, job or known[0][1].job)
    settled = footers.add_up(known)
    counters = dict.fromkeys(top, CounterTotals(0, 0, []))
    if known:
        with _totals([path for path, _ in known], directory) as (database, views):
            labels = {name: views if name in labelled else [] for name in top}
            counters = {name: _counter(database, name, k, labels[name]) for name, k in top.items()}
    for name, counter in counters.items():
        expected = settled.records - settled.without.get(name, 0)
        if counter.items != expected:
            raise CountError(f"{directory}: counter {name} has {counter.items} counts for {expected} records")
    return Totals(settled, counters)


def write_all(directory: Path, path: Path, names: Mapping[str, Mapping[str, str]] | None = None) -> None:
    """Write every value's count to one Parquet file, with the columns of the segments, highest first.

    A column ``label`` has the names that records gave to values, and in place of those the ``names`` by counter
    and value as it is written.
    """
    files = _checked(directory)
    with _totals(files, directory) as (database, views):
        database.execute("CREATE TEMP TABLE names (counter VARCHAR, value VARCHAR, label VARCHAR)")
        rows = [(name, value, label) for name, by in (names or {}).items() for value, label in by.items()]
        if rows:
            database.executemany("INSERT INTO names VALUES (?, ?, ?)", rows)
        labelled = [view for view in views if _has_labels(database, view)]
        given = " UNION ALL BY NAME ".join(f"FROM {view}" for view in labelled) or _NO_LABELS
        database.execute(
            "CREATE TEMP VIEW labels AS SELECT counter, key, text_key, arg_max(label, filename) AS label"  # noqa: S608
            f" FROM ({given}) WHERE label IS NOT NULL GROUP BY ALL"
        )
        database.execute(
            "COPY (SELECT totals.counter, totals.key, totals.text_key, totals.count,"
            " coalesce(names.label, labels.label) AS label FROM totals LEFT JOIN labels ON"
            " totals.counter = labels.counter AND totals.key IS NOT DISTINCT FROM labels.key"
            " AND totals.text_key IS NOT DISTINCT FROM labels.text_key"
            " LEFT JOIN names ON totals.counter = names.counter"
            " AND coalesce(totals.text_key, totals.key::VARCHAR) = names.value"
            " ORDER BY totals.counter, count DESC, totals.key ASC NULLS LAST, totals.text_key ASC) TO $path"
            " (FORMAT parquet, COMPRESSION zstd)",
            {"path": str(path)},
        )


def ranks(directory: Path, wanted: Mapping[str, Collection[Key]]) -> dict[str, dict[Key, tuple[int, int]]]:
    """Return rank and count of the ``wanted`` values of each counter; without those that no record had.

    Raises StorageError if a segment is damaged.
    """
    found: dict[str, dict[Key, tuple[int, int]]] = {name: {} for name in wanted}
    files = _checked(directory)
    if not files or not any(wanted.values()):
        return found
    with _totals(files, directory) as (database, _):
        for name, keys in wanted.items():
            rows = database.execute(
                "SELECT key, text_key, rank, count FROM (SELECT *, row_number() OVER (ORDER BY count DESC, key ASC"
                " NULLS LAST, text_key ASC) AS rank FROM totals WHERE counter = ?)"
                " WHERE list_contains(?::BIGINT[], key) OR list_contains(?::VARCHAR[], text_key)",
                [name, *_by_type(keys)],
            ).fetchall()
            found[name] = {(text if key is None else key): (rank, count) for key, text, rank, count in rows}
    return found


def occurring(directory: Path, wanted: Mapping[str, Collection[Key]]) -> dict[str, set[Key]]:
    """Return which of the ``wanted`` values of each counter any record had: ``ranks`` without adding up."""
    found: dict[str, set[Key]] = {name: set() for name in wanted}
    files = _checked(directory)
    if not files or not any(wanted.values()):
        return found
    with _views(files, directory) as (database, views):
        for name, keys in wanted.items():
            for view in views:
                rows = database.execute(
                    f"SELECT DISTINCT key, text_key FROM {view} WHERE counter = ?"  # noqa: S608  # a name of ours
                    " AND (list_contains(?::BIGINT[], key) OR list_contains(?::VARCHAR[], text_key))",
                    [name, *_by_type(keys)],
                ).fetchall()
                found[name] |= {text if key is None else key for key, text in rows}
    return found


def _checked(directory: Path) -> list[Path]:
    files = segments.paths(directory)
    for file in files:
        segments.check(file)
    return files


def _by_type(keys: Collection[Key]) -> tuple[list[int], list[str]]:
    return [key for key in keys if isinstance(key, int)], [key for key in keys if isinstance(key, str)]


def _has_labels(database: duckdb.DuckDBPyConnection, view: str) -> bool:
    return segments.LABEL in [column for column, *_ in database.execute(f"DESCRIBE {view}").fetchall()]


@contextmanager
def _views(files: list[Path], directory: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[str]]]:
    """Open a database with views of the segments: each of as many as may be open."""
    # Beside the segments and not among them: what DuckDB puts there is none.
    with (
        _plainly_named(directory) as plain,
        _place_to_spill(directory.parent) as spill,
        _database(spill) as database,
    ):
        at_once = int(max(_LEAST_FILES, min(len(files), (machine.descriptors() - _OTHER_FILES) / _OPENED)))
        views = []
        for begin in range(0, len(files), at_once):
            views.append(f"counts_{begin}")
            paths = ", ".join(f"'{_quoted(plain / path.name)}'" for path in files[begin : begin + at_once])
            database.execute(
                f"CREATE TEMP VIEW {views[-1]} AS FROM read_parquet([{paths}],"
                " union_by_name = true, filename = true, hive_partitioning = false)"
            )
        yield database, views


@contextmanager
def _totals(files: list[Path], directory: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[str]]]:
    """Open a database with a table of the sums, and the views of ``_views``."""
    with _views(files, directory) as (database, views):
        database.execute(f"CREATE TEMP TABLE totals AS {_SUMS.format(views[0])}")
        for view in views[1:]:
            database.execute(f"INSERT INTO totals {_SUMS.format(view)}")
        if views[1:]:
            database.execute(f"CREATE TEMP TABLE sums AS {_SUMS.format('totals')}")
            database.execute("DROP TABLE totals")
            database.execute("ALTER TABLE sums RENAME TO totals")
        yield database, views


@contextmanager
def _database(spill: str) -> Iterator[duckdb.DuckDBPyConnection]:
    machine.give_back_memory()
    room = Room.of(machine.memory(), machine.processors())
    limits: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{room.bytes}B",
        "temp_directory": spill,
        "threads": room.threads,
        "preserve_insertion_order": False,
    }
    try:
        with duckdb.connect(config=limits) as database:
            yield database
    except duckdb.OutOfMemoryException as error:
        few = f"the merge needs more memory than the {size(room.bytes)} that it may use"
        why = " ".join(str(error).split()).partition(" Possible solutions")[0]
        raise StorageError(f"{few}: give this process, or its container, more ({why})") from None
    except duckdb.Error as error:
        raise StorageError(f"the segments cannot be merged: {' '.join(str(error).split())}") from None


@contextmanager
def _plainly_named(directory: Path) -> Iterator[Path]:
    r"""Give a path to a directory that DuckDB takes for nothing else.

    It has no way to write every path literally: none was found for one with ``\*`` in it. And it takes every path
    for UTF-8, whatever the locale's encoding is.
    """
    if _PLAIN.fullmatch(str(directory)):
        yield directory
        return
    with TemporaryDirectory(prefix="lifestats-merge-") as beside:
        link = Path(beside) / "segments"
        link.symlink_to(directory.resolve(), target_is_directory=True)
        yield link


@contextmanager
def _place_to_spill(directory: Path) -> Iterator[str]:
    """Make a directory for what does not fit into memory: in the run's, or elsewhere for one who may only read."""
    with ExitStack() as stack:
        plain = stack.enter_context(_plainly_named(directory))
        try:
            place = TemporaryDirectory(dir=plain, prefix=segments.MERGE_PREFIX)
        except OSError as error:
            if error.errno not in _READ_ONLY:
                raise
            place = TemporaryDirectory(prefix=f"lifestats{segments.MERGE_PREFIX}")
        yield stack.enter_context(place)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _counter(database: duckdb.DuckDBPyConnection, name: str, k: int, labelled: list[str]) -> CounterTotals:
    """Read the figures of a counter; ``labelled`` are the views that have names for its values."""
    ((items, distinct),) = database.execute(
        "SELECT coalesce(sum(count), 0)::BIGINT, count(*) FROM totals WHERE counter = ?", [name]
    ).fetchall()
    rows = database.execute(
        "SELECT key, text_key, count FROM totals WHERE counter = ?"
        " ORDER BY count DESC, key ASC NULLS LAST, text_key ASC LIMIT ?",
        [name, k + 1],
    ).fetchall()
    top = [(text if key is None else key, count) for key, text, count in rows]
    labels = _labels(database, labelled, name, [key for key, _ in top])
    return CounterTotals(items, distinct, top, labels, _frequency(database, name))


def _labels(database: duckdb.DuckDBPyConnection, views: list[str], name: str, keys: list[Key]) -> dict[Key, str]:
    """Return the last name of each key: that of the newest segment that has one."""
    labels: dict[Key, str] = {}
    for view in views:  # in the order in which their segments were written
        if _has_labels(database, view):
            rows = database.execute(
                f"SELECT key, text_key, arg_max(label, filename) FROM {view}"  # noqa: S608  # a name of ours
                " WHERE counter = ? AND label IS NOT NULL"
                " AND (list_contains(?::BIGINT[], key) OR list_contains(?::VARCHAR[], text_key)) GROUP BY ALL",
                [name, *_by_type(keys)],
            ).fetchall()
            labels |= {(text if key is None else key): label for key, text, label in rows}
    return labels


def _frequency(database: duckdb.DuckDBPyConnection, name: str) -> list[tuple[int, int]]:
    """Return the count at the first rank of each order of magnitude's twentieths."""
    rows = database.execute(
        "SELECT count, count(*) FROM totals WHERE counter = ? GROUP BY count ORDER BY count DESC", [name]
    ).fetchall()
    frequency: list[tuple[int, int]] = []
    rank, following = 1, 1.0
    for count, values in rows:
        while (at := max(rank, ceil(following))) < rank + values:
            frequency.append((at, count))
            following = at * _STEP
        rank += values
    if rows and frequency[-1][0] < rank - 1:
        frequency.append((rank - 1, rows[-1][0]))
    return frequency
