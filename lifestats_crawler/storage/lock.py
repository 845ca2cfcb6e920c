"""The lock of a run, and that of an environment: the kernel's, held by a process. A crash leaves none behind.

A run is locked by its lock file and by its directory: whoever removes the file, as what cleans /tmp does, lets
nobody in. On NFS the lock of a directory holds on one machine only; that of the file holds on all.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from socket import gethostname
from time import sleep
from typing import IO, TYPE_CHECKING, Any, Self

from lifestats_crawler.exceptions import RunError
from lifestats_crawler.ranges import IdRange
from lifestats_crawler.storage.source import Job, from_format_1

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_TRIES, _PAUSE_SECONDS = 5, 0.05  # a process that only looks holds the lock for a moment
_OPENING = ".opening"
_MOST_OPENING_SECONDS = 60.0  # to look through an environment on a slow disk


class LostLockError(OSError):
    """Raised where another process may be at work on a run that this one has locked."""


class Lock:
    """A lock that this process holds until it is closed."""

    def __init__(self, path: Path, file: IO[str], directory: int, text: str) -> None:
        """Hold a locked file, and the open descriptor of the directory that it is in, locked as well."""
        self._path = path
        self._file = file
        self._directory = directory
        self._text = text

    @property
    def is_at_its_path(self) -> bool:
        """Whether file and directory are those that are found there: they may have been removed since."""
        return _is_at(self._path, self._file.fileno()) and _is_at(self._path.parent, self._directory)

    def keep(self) -> None:
        """Make sure that nobody else can be at work; a lock file that was removed is made again.

        Raises LostLockError where another one is in its place, or the directory is another one or gone.
        """
        if not _is_at(self._path.parent, self._directory):
            raise LostLockError(f"{self._path.parent} is not the directory any more that this crawl has locked")
        if _is_at(self._path, self._file.fileno()):
            return
        with suppress(FileNotFoundError):
            self._path.stat()
            raise LostLockError(f"another process has put its lock into the place of {self._path}")
        file = self._path.open("a+", encoding="utf-8")
        if not _is_ours_now(file, sleep):
            file.close()
            raise LostLockError(f"another process has taken {self._path}, which was removed")
        _note(file, self._text)
        self._file.close()
        self._file = file

    def close(self) -> None:
        """Let go of it, as the end of the process does."""
        self._file.close()
        with suppress(OSError):
            os.close(self._directory)
        self._directory = -1

    def __enter__(self) -> Self:
        """Hold it for a while."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of it."""
        self.close()


def take(path: Path, job: Job, pause: Callable[[float], None] = sleep) -> Lock | None:
    """Lock a run for this process, and note the process and its job; None if another has it.

    ``path`` is the lock file's, in the directory of the run. ``pause`` waits so many seconds between two tries.
    """
    # Not inherited. The text of the file holds only while the lock does: who has it, and for which job.
    file = path.open("a+", encoding="utf-8")
    try:
        directory = os.open(path.parent, os.O_RDONLY)
    except BaseException:
        file.close()
        raise
    now = datetime.now(UTC)
    who = f"process {os.getpid()} on {gethostname()} since {now.isoformat(timespec='seconds')}"
    since = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    about = {"source": job.source, "space": [job.space.begin, job.space.end]}
    text = json.dumps({"who": who, "since": since} | about)
    lock = Lock(path, file, directory, text)
    try:
        if _is_ours_now(file, pause) and _is_ours_if_lockable(directory, pause):
            _note(file, text)
            return lock
    except BaseException:
        lock.close()
        raise
    lock.close()
    return None


@contextmanager
def opening(parent: Path, pause: Callable[[float], None] = sleep) -> Iterator[None]:
    """Keep every other process from looking for a run in an environment's directory, and from making one.

    Raises RunError where another one does not come to an end with that.
    """
    parent.mkdir(parents=True, exist_ok=True)
    with (parent / _OPENING).open("a") as file:
        waited = 0.0
        while not _is_ours_now(file, pause):
            waited += _TRIES * _PAUSE_SECONDS
            if waited > _MOST_OPENING_SECONDS:
                raise RunError(
                    f"another process has been opening a run in {parent} for {waited:.0f} s. Stop it, or wait"
                )
        yield


def _note(file: IO[str], text: str) -> None:
    file.truncate(0)
    file.write(text)
    file.flush()


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def holder(path: Path) -> dict[str, Any] | None:
    """Return the process that has a lock (``who``), and its ``job`` if that is noted; None without one.

    None also where that cannot be known: for a reader who may not open the file, or where there are no locks.
    """
    with suppress(OSError), path.open(encoding="utf-8") as file:
        try:
            # Shared, and for a moment: another process that looks is not taken for a crawl.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return {"who": "another process"} | _noted(file)
    return None


def _is_ours_now(file: IO[str] | int, pause: Callable[[float], None]) -> bool:
    for again in range(_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if again < _TRIES - 1:
            pause(_PAUSE_SECONDS)
    return False


def _is_ours_if_lockable(directory: int, pause: Callable[[float], None]) -> bool:
    """Lock a directory; where that cannot be done, as on NFS, the lock file has to do."""
    try:
        return _is_ours_now(directory, pause)
    except OSError:
        return True


def _noted(file: IO[str]) -> dict[str, Any]:
    with suppress(ValueError, KeyError, TypeError):
        noted = json.load(file)
        is_of_format_1 = "space" not in noted
        job = from_format_1(noted["source"]) if is_of_format_1 else Job(noted["source"], IdRange(*noted["space"]))
        return {"who": noted["who"], "job": job, "since": noted.get("since")}
    return {}
