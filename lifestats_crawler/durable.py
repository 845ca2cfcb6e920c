"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNFINISHED = ".unfinished"


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; at the end it is made durable and takes its name.

    If the block fails, nothing appears and the unfinished file is removed.
    """
    unfinished = path.with_name(f".{path.name}{UNFINISHED}")
    try:
        yield unfinished
        _sync(unfinished)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    # Without it the rename itself can be lost on power failure.
    _sync(path.parent)


def write(path: Path, content: bytes) -> None:
    """Write a whole file, or nothing. Raises OSError where the storage does not take it."""
    with appearing(path) as unfinished:
        unfinished.write_bytes(content)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
