"""The lock of a run. It is the kernel's, held by a process: a crash leaves none behind."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from socket import gethostname
from time import sleep
from typing import IO, TYPE_CHECKING, Any

from lifestats_crawler.ranges import IdRange
from lifestats_crawler.storage.source import Job, from_format_1

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_TRIES, _PAUSE_SECONDS = 5, 0.05  # a process that only looks holds the lock for a moment


def take(path: Path, job: Job, pause: Callable[[float], None] = sleep) -> IO[str] | None:
    """Lock for as long as the returned file is open, and note this process and its job; None if another has it.

    ``pause`` waits so many seconds between two tries.
    """
    # Not inherited. The text of the file holds only while the lock does: who has it, and for which job.
    file = path.open("a+", encoding="utf-8")
    if not _is_ours_now(file, pause):
        file.close()
        return None
    file.truncate(0)
    since = datetime.now(UTC).isoformat(timespec="seconds")
    about = {"source": job.source, "space": [job.space.begin, job.space.end]}
    json.dump({"who": f"process {os.getpid()} on {gethostname()} since {since}"} | about, file)
    file.flush()
    return file


def is_at(path: Path, file: IO[str]) -> bool:
    """Tell whether an open lock is the one at its path: it may have been removed, and another made, since."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
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


def _is_ours_now(file: IO[str], pause: Callable[[float], None]) -> bool:
    for again in range(_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if again < _TRIES - 1:
            pause(_PAUSE_SECONDS)
    return False


def _noted(file: IO[str]) -> dict[str, Any]:
    with suppress(ValueError, KeyError, TypeError):
        noted = json.load(file)
        is_of_format_1 = "space" not in noted
        job = from_format_1(noted["source"]) if is_of_format_1 else Job(noted["source"], IdRange(*noted["space"]))
        return {"who": noted["who"], "job": job}
    return {}
