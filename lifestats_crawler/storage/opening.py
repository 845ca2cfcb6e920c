"""Opening a run to work on it: chosen or made, locked, and cleaned of what a crash has left."""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from shutil import rmtree
from time import time
from typing import TYPE_CHECKING

from lifestats_crawler.exceptions import RunError, StorageError
from lifestats_crawler.storage import durable, lock, segments
from lifestats_crawler.storage.choice import choose
from lifestats_crawler.storage.runs import NAME, Run, another_configuration, crawler_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lifestats_crawler.storage.source import Job

logger = logging.getLogger(__name__)

NEW = "new"
_ABANDONED_SECONDS = 86_400
_JUST_ENDED = "run {name} has just ended without a count. Run the same command again"


def open_run(parent: Path, job: Job, name: str | None, now: str) -> Run:
    """Open the run of an environment's directory that a crawl is to work on, and lock it against other processes.

    Without a name that is the newest unfinished run of the same job, or else a new one; ``new`` is a new one; any
    other name is that run, created if need be. ``now`` is the time as segments have it.

    Raises RunError for a name that cannot be, a run of another job, or one that another process is crawling;
    NewerFormatError for one of a later version; StorageError where the storage cannot be written.
    """
    if name is not None and name != NEW and not NAME.fullmatch(name):
        raise RunError(
            f"run {name!r}: use 1 to 100 letters, digits, dots, dashes and underscores for a name. Begin it with a"
            " letter or a digit, and do not end it with .json or .js"
        )
    try:
        with lock.opening(parent):  # else two that look at the same time make a run each
            if name and name != NEW:
                return _named(parent, name, job)
            found = None if name == NEW else _unfinished(parent, job, now)
            return found or _lock(_make(parent, now), job)
    except OSError as error:
        raise StorageError(f"{error.filename or parent} cannot be used as storage: {error.strerror}") from None


@contextmanager
def locked(run: Run, job: Job) -> Iterator[Run]:
    """Keep every crawl from a run for a moment. Raises RunError while one works on it."""
    held = _lock(run, job)
    try:
        yield held
    finally:
        held.close()


def _named(parent: Path, name: str, job: Job) -> Run:
    run = Run(parent / name, parent.name)
    run.segments.mkdir(parents=True, exist_ok=True)
    known = run.job()
    if known is not None and known != job:
        raise RunError(f"{another_configuration(run, known, job)}. Use that configuration, or choose another name")
    return _prepared(_lock(run, job), job)


def _unfinished(parent: Path, job: Job, now: str) -> Run | None:
    choice = choose(parent, job, now)
    for run, why in choice.passed_over:
        logger.info("Not continuing run %s: %s", run, why)
    if choice.continues is None:
        return None
    held = _lock(choice.continues, job)
    if segments.paths(held.segments):
        logger.info("Continuing run %s", held.name)
    return _prepared(held, job)


def _make(parent: Path, now: str) -> Run:
    stamp = datetime.fromisoformat(now).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    parent.mkdir(parents=True, exist_ok=True)
    for name in (stamp, *(f"{stamp}-{again}" for again in range(2, 1000))):
        with suppress(FileExistsError):
            (parent / name).mkdir()
            break
    run = Run(parent / name, parent.name)
    run.segments.mkdir()
    return run


def _prepared(run: Run, job: Job) -> Run:
    try:
        set_aside = segments.set_aside(run.segments, job)
    except BaseException:
        run.close()
        raise
    for path in set_aside:
        logger.warning(
            "A segment was damaged or of another run. Its file is now %s, and its ids are fetched again", path
        )
    for rest in run.directory.glob(f".*{durable.UNFINISHED}"):
        rest.unlink()
    for rest in run.directory.glob(f"{segments.MERGE_PREFIX}*"):
        if time() - rest.stat().st_mtime > _ABANDONED_SECONDS:  # of a merge that was killed
            rmtree(rest, ignore_errors=True)
    return run


def _lock(run: Run, job: Job) -> Run:
    """Lock a run for this process; the lock goes with the process, however that ends."""
    try:
        held = lock.take(run.lock, job)
    except FileNotFoundError:
        raise RunError(_JUST_ENDED.format(name=run.name)) from None
    if held and not held.is_at_its_path:
        held.close()
        raise RunError(_JUST_ENDED.format(name=run.name))
    if held is None:
        crawler = crawler_of(run) or {"who": "another process"}
        raise RunError(
            f"run {run.name} is being crawled by {crawler['who']}. Stop that crawl first, or wait for its end"
        )
    # A crawl that counted nothing may have taken it away at its end, a moment ago.
    run.segments.mkdir(exist_ok=True)
    return Run(run.directory, run.environment, held)
