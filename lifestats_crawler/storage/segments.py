"""Segments: partial counts on disk, and in the footer the ranges that they come from."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pyarrow as pa
import pyarrow.parquet as pq

from lifestats_crawler.exceptions import NewerFormatError, StorageError
from lifestats_crawler.storage import durable, footers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lifestats_crawler.items import Key
    from lifestats_crawler.storage.footers import Footer
    from lifestats_crawler.storage.source import Job

SCHEMA = pa.schema(
    [
        pa.field("counter", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("key", pa.int64()),
        pa.field("text_key", pa.string()),
        pa.field("count", pa.int64(), nullable=False),
    ]
)
LABEL = "label"
# A dictionary of keys, of which each occurs once, would be made for nothing: it costs time and size.
_ENCODING: dict[str, Any] = {
    "compression": "zstd",
    "use_dictionary": ["counter", "count", LABEL],
    "column_encoding": {"key": "DELTA_BINARY_PACKED"},
}
_METADATA_KEY, _CHECKSUM_KEY = b"lifestats", b"lifestats.crc32"
_SUFFIX = ".parquet"
SET_ASIDE = ".set-aside"
MERGE_PREFIX = ".merge-"
REMEDY = "the next crawl of its run renames it and fetches its ids again"


def write(
    directory: Path,
    number: int,
    counts: Mapping[str, Mapping[Key, int]],
    footer: Footer,
    labels: Mapping[str, Mapping[Key, str]] | None = None,
) -> Path:
    """Write a segment, durably and whole, and return its path. Raises OSError.

    A column ``label`` is there only in segments of a run with labels.
    """
    path = directory / f"{number:06d}{_SUFFIX}"
    about = footers.encode(footer)
    table = _table(counts, labels or {})
    file = BytesIO()
    with pq.ParquetWriter(file, table.schema, **_ENCODING) as writer:
        writer.write_table(table)
        # What comes after the counts is Parquet's own footer, with this in it.
        size = file.tell()
        checksum = f"{size} {_checksum(file.getvalue(), about)}"
        writer.add_key_value_metadata({_METADATA_KEY: about, _CHECKSUM_KEY: checksum})
    durable.write(path, file.getvalue())
    return path


class SegmentDirectory:
    """The segments of one run, as the spiller takes them."""

    def __init__(self, directory: Path) -> None:
        """Write into a directory that exists."""
        self._directory = directory

    def next_number(self) -> int:
        """Return a number that no segment has."""
        return next_number(self._directory)

    def write(
        self,
        number: int,
        counts: Mapping[str, Mapping[Key, int]],
        footer: Footer,
        labels: Mapping[str, Mapping[Key, str]],
    ) -> None:
        """Write a segment, durably and whole. Raises OSError."""
        write(self._directory, number, counts, footer, labels)


def paths(directory: Path) -> list[Path]:
    """List the segments of a directory in the order they were written."""
    return sorted(path for path in directory.glob(f"*{_SUFFIX}") if path.stem.isdigit())


def footer(path: Path) -> Footer:
    """Read what a segment says of itself, without its counts. Older formats are read as the present one.

    Raises NewerFormatError for a segment of a later version, and StorageError for a file that is no segment.
    """
    try:
        return footers.decode(pq.read_metadata(path).metadata[_METADATA_KEY])
    except NewerFormatError as error:
        raise NewerFormatError(
            f"run {path.parent.parent.name} was written by a newer version of lifestats ({path} {error}):"
            " use the newer version, or start another run with -a run=new"
        ) from None
    except (OSError, pa.ArrowException, TypeError, KeyError, ValueError, AttributeError) as error:
        raise StorageError(f"{path} is not a segment ({' '.join(str(error).split())[:80]}): {REMEDY}") from None


def check(path: Path) -> None:
    """Compare the counts of a segment, and what it says of itself, with its checksum.

    Raises StorageError for a file that is not what was written: Parquet's own readers take many a
    changed bit for other counts.
    """
    try:
        metadata = pq.read_metadata(path).metadata
        size, checksum = map(int, metadata[_CHECKSUM_KEY].split())
        with path.open("rb") as file:
            if _checksum(file.read(size), metadata[_METADATA_KEY]) == checksum:
                return
        reason = "its checksum differs"
    except (OSError, pa.ArrowException, TypeError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())[:80]
    raise StorageError(f"{path} is damaged ({reason}): {REMEDY}")


def settled(directory: Path) -> Iterator[tuple[Path, Footer]]:
    """Yield each segment of a directory with its footer; the counts are not read.

    Raises StorageError that names a file which cannot be read: ``set_aside`` comes first.
    """
    return ((path, footer(path)) for path in paths(directory))


def set_aside(directory: Path, job: Job) -> list[Path]:
    """Rename what is no whole segment of this job, so that its range is crawled again.

    Returns the new names. Unfinished files are removed. Raises NewerFormatError, and changes nothing, if there is
    a segment of a later version.
    """
    foreign = [path for path in paths(directory) if not _is_of(path, job)]
    for rest in directory.glob(f".*{durable.UNFINISHED}"):
        rest.unlink()
    return [path.rename(path.with_suffix(SET_ASIDE)) for path in foreign]


def _is_of(path: Path, job: Job) -> bool:
    """Tell whether a file is a whole segment of the same source, and covers no id outside the space of the job."""
    try:
        found = footer(path)
        check(path)
    except NewerFormatError:
        raise
    except StorageError:
        return False
    return found.is_of(job)


def _checksum(data: bytes, about: bytes) -> int:
    return crc32(about, crc32(data))


def next_number(directory: Path) -> int:
    """Return a number that no segment of the directory has."""
    return max((int(path.stem) for path in paths(directory)), default=0) + 1


def _table(counts: Mapping[str, Mapping[Key, int]], labels: Mapping[str, Mapping[Key, str]]) -> pa.Table:
    table = pa.concat_tables([SCHEMA.empty_table(), *(_rows(name, counter) for name, counter in counts.items())])
    if not labels:
        return table
    keys = zip(table["counter"].to_pylist(), table["key"].to_pylist(), table["text_key"].to_pylist(), strict=True)
    names = (labels.get(name, {}).get(text if key is None else key) for name, key, text in keys)
    return table.append_column(LABEL, pa.array(names, pa.string()))


def _rows(name: str, counter: Mapping[Key, int]) -> pa.Table:
    texts: Mapping[Key, int] = {}
    numbers = counter
    if str in set(map(type, counter)):
        texts = {key: count for key, count in counter.items() if isinstance(key, str)}
        numbers = {key: count for key, count in counter.items() if key not in texts}
    keys = pa.chunked_array([pa.array(numbers, pa.int64()), pa.nulls(len(texts), pa.int64())])
    text_keys = pa.chunked_array([pa.nulls(len(numbers), pa.string()), pa.array(texts, pa.string())])
    values = pa.chunked_array([pa.array(part.values(), pa.int64()) for part in (numbers, texts)])
    names = pa.repeat(name, len(keys)).dictionary_encode()
    return pa.table([names, keys, text_keys, values], schema=SCHEMA)
