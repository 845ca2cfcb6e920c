"""Segments: partial counts on disk, and in the footer the ranges that they come from."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pyarrow as pa
import pyarrow.parquet as pq

from lifestats_crawler.exceptions import NewerFormatError, StorageError, UnreadableError
from lifestats_crawler.storage import durable, footers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
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
_METADATA_KEY = b"lifestats"
# In front of the checksum's eight digits. It is searched for from the end: Parquet writes metadata last.
_SEAL_KEY, _SEAL, _DIGITS = b"lifestats.seal", b"lifestats crc32 ", 8
# Where formats 1 and 2 have the size of the counts, and the checksum of counts and footer.
_OLD_CHECKSUM_KEY = b"lifestats.crc32"
_FORMAT = re.compile(rb'(?<="format":)\d+')
_SUFFIX = ".parquet"
_FOOTER_END = 8  # bytes: the length of Parquet's footer, and its mark
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

    Raises FileExistsError for a number that a segment has: none ever replaces another. A column ``label`` is there
    only in segments of a run with labels.
    """
    path = directory / f"{number:06d}{_SUFFIX}"
    table = _table(counts, labels or {})
    file = BytesIO()
    with pq.ParquetWriter(file, table.schema, **_ENCODING) as writer:
        writer.write_table(table)
        # The last of all metadata, so that nothing in a footer can look like it.
        writer.add_key_value_metadata({_METADATA_KEY: footers.encode(footer), _SEAL_KEY: _SEAL + bytes(_DIGITS)})
    del table
    durable.create(path, sealed(file.getvalue()))
    pa.default_memory_pool().release_unused()
    return path


def sealed(content: bytes) -> bytes:
    """Return the content of a segment with its checksum: over every byte but the checksum's own eight."""
    at = content.rindex(_SEAL) + len(_SEAL)
    return content[:at] + _seal(content, at) + content[at + _DIGITS :]


class SegmentDirectory:
    """The segments of one run, as the spiller takes them."""

    def __init__(self, directory: Path, keep: Callable[[], None] = lambda: None) -> None:
        """Write into a directory that exists; ``keep`` raises OSError where another process may write there."""
        self._directory = directory
        self._keep = keep

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
        self._keep()
        write(self._directory, number, counts, footer, labels)


def paths(directory: Path) -> list[Path]:
    """List the segments of a directory in the order they were written; none where there is no directory.

    Raises UnreadableError for a directory that cannot be read: it is not empty.
    """
    try:
        return sorted(path for path in directory.iterdir() if path.suffix == _SUFFIX and path.stem.isdigit())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unreadable(directory, error) from None


def footer(path: Path) -> Footer:
    """Read what a segment says of itself, without its counts. Older formats are read as the present one.

    Raises NewerFormatError for a segment of a later version, StorageError for a file that is no segment, and
    UnreadableError for one that cannot be read.
    """
    return _footer(path, _read(path, only_end=True))


def _footer(path: Path, content: bytes) -> Footer:
    try:
        return footers.decode(pq.read_metadata(BytesIO(content)).metadata[_METADATA_KEY])
    except NewerFormatError as error:
        if _is_of_an_older_format(_read(path)):
            raise StorageError(f"{path} is damaged (its format differs): {REMEDY}") from None
        raise NewerFormatError(
            f"run {path.parent.parent.name} was written by a newer version of lifestats ({path} {error}):"
            " use the newer version, or start another run with -a run=new"
        ) from None
    except (OSError, pa.ArrowException, TypeError, KeyError, ValueError, AttributeError) as error:
        raise StorageError(f"{path} is not a segment ({' '.join(str(error).split())[:80]}): {REMEDY}") from None


def checked(path: Path) -> Footer:
    """Read what a segment says of itself, if the file is what was written. Raises as ``footer`` and ``check``."""
    content = _read(path)
    found = _footer(path, content)  # a newer version may have another way to check
    _check(path, content)
    return found


def check(path: Path) -> None:
    """Compare a segment with its checksum, and its columns with those of a segment.

    Raises StorageError for a file that is not what was written: Parquet's own readers take many a
    changed bit for other counts. Raises UnreadableError for one that cannot be read.
    """
    _check(path, _read(path))


def _check(path: Path, content: bytes) -> None:
    try:
        reason = _fault(content)
    except (OSError, pa.ArrowException, TypeError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())[:80] or "it cannot be read"
    if reason:
        raise StorageError(f"{path} is damaged ({reason}): {REMEDY}")


def _read(path: Path, *, only_end: bool = False) -> bytes:
    """Read a file, or no more of it than Parquet's footer.

    With our own hands: an error of reading is then none of the content. Parquet's readers give both the same name,
    and take some paths for urls.
    """
    try:
        if not only_end:
            return path.read_bytes()
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _FOOTER_END))
            end = file.read()
            file.seek(max(0, size - int.from_bytes(end[:4], "little") - _FOOTER_END))
            return file.read()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> UnreadableError:
    return UnreadableError(
        f"{path} cannot be read: {error.strerror or error}. Nothing was changed; make it readable, and run this"
        " command again"
    )


def _fault(content: bytes) -> str:
    """Say what is wrong with the content of a segment, if anything is. Raises what reading it raises."""
    if not _is_as_written(content):
        return "its checksum differs"
    columns = pq.read_metadata(BytesIO(content)).schema
    return "" if any(columns.equals(known) for known in _parquet_schemas()) else "its columns differ"


def _is_as_written(content: bytes) -> bool:
    seal = content.rfind(_SEAL)
    if seal >= 0:
        at = seal + len(_SEAL)
        return content[at : at + _DIGITS] == _seal(content, at)
    metadata = pq.read_metadata(BytesIO(content)).metadata
    size, checksum = map(int, metadata[_OLD_CHECKSUM_KEY].split())
    return crc32(metadata[_METADATA_KEY], crc32(content[:size])) == checksum


def _seal(content: bytes, at: int) -> bytes:
    return b"%08x" % crc32(content[at + _DIGITS :], crc32(content[:at]))


def _is_of_an_older_format(content: bytes) -> bool:
    """Tell whether a file is as it was written but for the number of its format, which is then damaged."""
    for number in range(1, footers.FORMAT + 1):
        with suppress(OSError, pa.ArrowException, TypeError, KeyError, ValueError):
            if _is_as_written(_FORMAT.sub(b"%d" % number, content)):
                return True
    return False


@cache
def _parquet_schemas() -> list[pq.ParquetSchema]:
    """Return the columns of a segment as Parquet has them: without and with labels."""
    files = []
    for schema in (SCHEMA, SCHEMA.append(pa.field(LABEL, pa.string()))):
        file = BytesIO()
        pq.write_table(schema.empty_table(), file)
        files.append(file)
    return [pq.read_metadata(file).schema for file in files]


def settled(directory: Path) -> Iterator[tuple[Path, Footer]]:
    """Yield each segment of a directory with its footer; the counts are not read.

    Raises StorageError that names a file which cannot be read: ``set_aside`` comes first.
    """
    return ((path, footer(path)) for path in paths(directory))


def set_aside(directory: Path, job: Job) -> list[Path]:
    """Rename what is no whole segment of this job, so that its range is crawled again.

    Returns the new names. Unfinished files are removed. Raises NewerFormatError or UnreadableError, and changes
    nothing, if there is a segment of a later version, or one that cannot be read.
    """
    foreign = [path for path in paths(directory) if not _is_of(path, job)]
    for rest in directory.glob(f".*{durable.UNFINISHED}"):
        rest.unlink()
    return [path.rename(path.with_suffix(SET_ASIDE)) for path in foreign]


def _is_of(path: Path, job: Job) -> bool:
    """Tell whether a file is a whole segment of the same source, and covers no id outside the space of the job."""
    try:
        return checked(path).is_of(job)
    except NewerFormatError:
        raise
    except StorageError:
        return False


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
