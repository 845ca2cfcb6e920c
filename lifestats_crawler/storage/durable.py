"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import signal
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
    # Of this process: another one that writes the same file does not write into this one.
    unfinished = path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        _reached("begun", path)
        yield unfinished
        _reached("written", path)
        _sync(unfinished)
        _reached("synced", path)
        unfinished.replace(path)
        _reached("renamed", path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    # Without it the rename itself can be lost on power failure.
    _sync(path.parent)


def write(path: Path, content: bytes) -> None:
    """Write a whole file, or nothing. Raises OSError where the storage does not take it."""
    with appearing(path) as unfinished:
        unfinished.write_bytes(content)


def _reached(step: str, path: Path) -> None:
    """Stop the process here if LIFESTATS_STOP_AT names this step: a place for a test to kill it at."""
    if os.environ.get("LIFESTATS_STOP_AT") == f"{step}:{path.name}":
        os.kill(os.getpid(), signal.SIGSTOP)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
