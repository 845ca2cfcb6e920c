"""Runs: the directories that hold the segments and the report of one walk of the id space."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lifestats_crawler.ending import Ending
from lifestats_crawler.exceptions import NewerFormatError, OverlapError, RunError, StorageError, UnreadableError
from lifestats_crawler.program import called
from lifestats_crawler.storage import footers, lock, segments

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lifestats_crawler.ranges import IdRange
    from lifestats_crawler.storage.footers import Settled
    from lifestats_crawler.storage.lock import Lock
    from lifestats_crawler.storage.source import Job

#: What a run may be called. What is beside the runs of an environment ends so: latest.json, and the script for its
#: pages.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(?<!\.json)(?<!\.js)")
_STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z(-\d+)?")


@dataclass(frozen=True, slots=True)
class Run:
    """One walk of the id space, on disk."""

    directory: Path
    environment: str
    #: The lock, for as long as this process crawls the run.
    _held: Lock | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The name of the run: its directory's."""
        return self.directory.name

    @property
    def segments(self) -> Path:
        """Where its segments are."""
        return self.directory / "segments"

    @property
    def lock(self) -> Path:
        """Where the process that crawls it has its lock."""
        return self.directory / "lock"

    @property
    def report(self) -> Path:
        """Where its report is, once there is one."""
        return self.directory / "report.json"

    @property
    def page(self) -> Path:
        """Where its report is as a page."""
        return self.directory / "report.html"

    @property
    def latest(self) -> Path:
        """Where a complete report is copied to."""
        return self.directory.parent / "latest.json"

    def settled(self) -> Settled:
        """Add up what its segments say in their footers."""
        return footers.add_up(list(segments.settled(self.segments)))

    def job(self) -> Job | None:
        """Return what its first segment that can be read is a count of, None without one.

        Raises NewerFormatError for a run of a later version.
        """
        for path in segments.paths(self.segments):
            try:
                return segments.checked(path).job
            except NewerFormatError:
                raise
            except StorageError:
                continue
        return None

    def worked_at(self, now: str, *, is_to_show: bool = False) -> str:
        """Return when its last segment was done, ISO 8601, not after ``now``; else when its name says it began.

        Raises UnreadableError; where it is only to show, what cannot be read is passed over.

        The times of files are not asked: a restored backup or an object store has others. A segment from after
        ``now`` was written while the clock was wrong.
        """
        for path in reversed(segments.paths(self.segments)):
            with suppress(StorageError, *([UnreadableError] if is_to_show else [])):
                ended_at = segments.checked(path).ended_at
                if ended_at and ended_at <= now:
                    return ended_at
        return self.began_at

    @property
    def began_at(self) -> str:
        """When its name says that it was begun, ISO 8601; empty for another name."""
        stamp = _STAMP.fullmatch(self.name)
        return "{}-{}-{}T{}:{}:{}.000Z".format(*stamp.groups()) if stamp else ""

    def is_done(self, space: IdRange) -> bool:
        """Tell whether it lacks only ids of a space that were given up in two starts. Raises NewerFormatError."""
        try:
            if not self.settled().is_done(space):
                return False
            for path in segments.paths(self.segments):
                segments.check(path)  # one that is damaged is crawled again
        except NewerFormatError:
            raise
        except (StorageError, OverlapError):
            return False
        return True

    def is_complete(self) -> bool:
        """Tell whether its report is there and complete."""
        try:
            return bool(json.loads(self.report.read_bytes())["coverage"]["complete"])
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def close(self) -> None:
        """Let go of the run, and remove it if nothing was ever counted for it."""
        if not segments.paths(self.segments) and not self.report.exists():
            # The lock as late as can be: who takes the next one finds nothing that this one is still removing.
            with suppress(OSError):
                self.segments.rmdir()
                self.lock.unlink()
                self.directory.rmdir()
        self.release()

    def keep(self) -> None:
        """Make sure that no other process works on it. Raises LostLockError."""
        if self._held:
            self._held.keep()

    def release(self) -> None:
        """Let go of the lock, as the end of the process does."""
        if self._held:
            self._held.close()


def of(parent: Path, now: str, *, is_to_show: bool = False) -> list[Run]:
    """List the runs of an environment's directory, the one last worked on first.

    Raises UnreadableError where it cannot be told what is there; where they are only to show, not for a file of
    one of them.
    """
    try:
        return _of(parent, now, is_to_show=is_to_show)
    except OSError as error:
        where = error.filename or parent
        raise UnreadableError(
            f"{where} cannot be read: {error.strerror}. Make it readable, or use another storage"
        ) from None


def _of(parent: Path, now: str, *, is_to_show: bool) -> list[Run]:
    found = []
    for path in parent.iterdir() if parent.is_dir() else ():
        if not NAME.fullmatch(path.name):
            continue  # a volume, for example, has a directory lost+found that only root may look into
        # A crawl that has counted nothing takes its run away at its end.
        with suppress(FileNotFoundError, NotADirectoryError):
            if (path / "segments").is_dir():
                run = Run(path, parent.name)
                found.append((run.worked_at(now, is_to_show=is_to_show), run.name, run))
    return [run for _, _, run in sorted(found, key=lambda entry: entry[:2], reverse=True)]


def find(parent: Path, job: Job, name: str | None, now: str) -> Run:
    """Find a run to report on: that of a name, or the one last worked on. Raises RunError."""
    refused = None
    for run in of(parent, now):
        if name not in (None, run.name):
            continue
        known = run.job()
        if known is None or known == job:
            return run
        refused = refused or (run, known)
    if refused:
        where = f"; its report is {refused[0].report}" if refused[0].report.exists() else ""
        raise RunError(another_configuration(*refused, job) + where)
    raise RunError(f"there is no run{f' {name!r}' if name else ''} in {parent}. List the runs: {called('runs')}")


def another_configuration(run: Run, known: Job, job: Job) -> str:
    """Say why a run is not one of this configuration."""
    return f"run {run.name} was made with another configuration: {job.difference(known)}"


def state(run: Run) -> str:
    """Tell in a word how a run stands: ``crawling``, or how its last crawl ended."""
    return Ending.CRAWLING.word if crawler_of(run) else ended_as(run)


def ended_as(run: Run) -> str:
    """Tell in a word how the last crawl of a run ended, as its report has it; ``killed`` without one."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads(run.report.read_bytes())["run"]["finish_reason"])
    return Ending.KILLED.word


def crawler_of(run: Run) -> Mapping[str, Any] | None:
    """Return the process that crawls a run (``who``), its ``job``, and ``since`` when; None without one."""
    return lock.holder(run.lock)
