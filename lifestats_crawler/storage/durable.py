"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import logging
import os
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

logger = logging.getLogger(__name__)

UNFINISHED = ".unfinished"
# What fsync says of a directory where it is not supported, or where a directory cannot be opened to read.
_REFUSALS = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EPERM}
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_is_refusal_told = False


@contextmanager
def appearing(path: Path, take_name: Callable[[Path, Path], object] = Path.replace) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; at the end it is made durable and takes its name.

    If the block fails, nothing appears and the unfinished file is removed. ``take_name`` gives the file its name.
    """
    # Of this process: another one that writes the same file does not write into this one.
    unfinished = path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        _reached("begun", path)
        yield unfinished
        _reached("written", path)
        _sync(unfinished)
        _reached("synced", path)
        take_name(unfinished, path)
        _reached("renamed", path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def write(path: Path, content: bytes) -> None:
    """Write a whole file, or nothing. Raises OSError where the storage does not take it."""
    with appearing(path) as unfinished:
        unfinished.write_bytes(content)


def create(path: Path, content: bytes) -> None:
    """Write a whole file that is not there yet, or nothing.

    Raises FileExistsError for one that is there, and other OSErrors where the storage does not take it.
    """
    with appearing(path, _link) as unfinished:
        unfinished.write_bytes(content)


def _link(unfinished: Path, path: Path) -> None:
    """Give a file a name that nothing has, in one step."""
    try:
        path.hardlink_to(unfinished)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # A file system without links: the name is taken first, so that nothing is replaced but what is our own.
        path.open("xb").close()
        unfinished.replace(path)
        return
    unfinished.unlink()


def _reached(step: str, path: Path) -> None:
    """Stop the process here if LIFESTATS_STOP_AT names this step: a place for a test to kill it at."""
    if os.environ.get("LIFESTATS_STOP_AT") == f"{step}:{path.name}":
        os.kill(os.getpid(), signal.SIGSTOP)


def _sync_directory(path: Path) -> None:
    """Make a new name durable: without it the rename can be lost on power failure.

    Some file systems cannot do that for a directory. The file is whole all the same, so it is said once.
    """
    global _is_refusal_told  # noqa: PLW0603  # once a process
    try:
        _sync(path)
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        if not _is_refusal_told:
            _is_refusal_told = True
            logger.warning(
                "The file system of %s cannot make a new name in a directory durable (%s): after a power failure"
                " the last segment may be missing, and its ids are fetched again",
                *(path, error.strerror),
            )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
