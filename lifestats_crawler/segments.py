"""Segments: partial counts on disk, and in the footer the ranges that they come from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from shutil import rmtree
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from lifestats_crawler import durable
from lifestats_crawler.exceptions import StorageError
from lifestats_crawler.ranges import IdRange

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lifestats_crawler.items import Key

SCHEMA = pa.schema(
    [
        pa.field("counter", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("key", pa.int64()),
        pa.field("text_key", pa.string()),
        pa.field("count", pa.int64(), nullable=False),
    ]
)
_METADATA_KEY = b"lifestats"
_SUFFIX = ".parquet"
SET_ASIDE = ".set-aside"
MERGE_PREFIX = ".merge-"


@dataclass(frozen=True, slots=True)
class Footer:
    """What a segment says of itself. Every number is of this segment alone: segments add up."""

    #: What the counts are of (url, id space, fields): see ``runs.source``.
    source: Mapping[str, Any]
    #: The ranges settled by the pages that the counts come from.
    covers: tuple[IdRange, ...]
    records: int
    pages: int
    requests: int
    retries: int
    #: Per counter, how many of the records are without its field.
    without: Mapping[str, int]
    #: When the crawl that wrote it was started, ISO 8601.
    started_at: str
    #: How long that crawl has worked on this segment.
    seconds: float


def write(directory: Path, number: int, counts: Mapping[str, Mapping[Key, int]], footer: Footer) -> Path:
    """Write a segment, durably and whole, and return its path. Raises OSError."""
    path = directory / f"{number:06d}{_SUFFIX}"
    about = asdict(footer) | {"covers": [[item.begin, item.end] for item in footer.covers]}
    metadata = {_METADATA_KEY: json.dumps(about, separators=(",", ":"))}
    with durable.appearing(path) as unfinished:
        pq.write_table(_table(counts).replace_schema_metadata(metadata), unfinished, compression="zstd")
    return path


def paths(directory: Path) -> list[Path]:
    """List the segments of a directory in the order they were written."""
    return sorted(path for path in directory.glob(f"*{_SUFFIX}") if path.stem.isdigit())


def footer(path: Path) -> Footer:
    """Read what a segment says of itself, without its counts."""
    try:
        about = json.loads(pq.read_schema(path).metadata[_METADATA_KEY])
        return Footer(**about | {"covers": tuple(IdRange(*bounds) for bounds in about["covers"])})
    except (OSError, pa.ArrowException, TypeError, KeyError, ValueError) as error:
        raise StorageError(f"{path} is no segment: {' '.join(str(error).split())[:80]}") from None


def settled(directory: Path) -> Iterator[tuple[Path, Footer]]:
    """Yield each segment of a directory with its footer; the counts are not read.

    Raises StorageError that names a file which cannot be read: ``set_aside`` comes first.
    """
    return ((path, footer(path)) for path in paths(directory))


def set_aside(directory: Path, source: Mapping[str, Any]) -> list[Path]:
    """Rename what is no whole segment of this source, so that its range is crawled again.

    Returns the new names. Unfinished files and the rests of a merge that was killed are removed.
    """
    for rest in directory.glob(f".*{durable.UNFINISHED}"):
        rest.unlink()
    for rest in directory.glob(f"{MERGE_PREFIX}*"):
        rmtree(rest)
    return [path.rename(path.with_suffix(SET_ASIDE)) for path in paths(directory) if not _is_ours(path, source)]


def _is_ours(path: Path, source: Mapping[str, Any]) -> bool:
    try:
        return footer(path).source == source
    except StorageError:
        return False


def next_number(directory: Path) -> int:
    """Return a number that no segment of the directory has."""
    return max((int(path.stem) for path in paths(directory)), default=0) + 1


def _table(counts: Mapping[str, Mapping[Key, int]]) -> pa.Table:
    return pa.concat_tables([SCHEMA.empty_table(), *(_rows(name, counter) for name, counter in counts.items())])


def _rows(name: str, counter: Mapping[Key, int]) -> pa.Table:
    texts = {key: count for key, count in counter.items() if isinstance(key, str)}
    numbers = {key: count for key, count in counter.items() if key not in texts} if texts else counter
    keys = pa.chunked_array([pa.array(numbers, pa.int64()), pa.nulls(len(texts), pa.int64())])
    text_keys = pa.chunked_array([pa.nulls(len(numbers), pa.string()), pa.array(texts, pa.string())])
    values = pa.chunked_array([pa.array(part.values(), pa.int64()) for part in (numbers, texts)])
    names = pa.repeat(name, len(keys)).dictionary_encode()
    return pa.table([names, keys, text_keys, values], schema=SCHEMA)
