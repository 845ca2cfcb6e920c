"""What a storage holds, looked at without changing or locking anything: also while it is being crawled."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lifestats_crawler.ending import Ending
from lifestats_crawler.exceptions import NewerFormatError, StorageError, UnreadableError
from lifestats_crawler.storage import footers, runs, segments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lifestats_crawler.ranges import IdRange
    from lifestats_crawler.storage.footers import Footer
    from lifestats_crawler.storage.runs import Run
    from lifestats_crawler.storage.source import Job


@dataclass(frozen=True, slots=True)
class Entry:
    """A run as it is on disk now."""

    run: Run
    #: What it counts; None before its first segment.
    job: Job | None
    #: What it has settled, also by claims that nothing has refuted yet.
    covers: tuple[IdRange, ...]
    records: int
    #: Ranges that are settled, and how many records are in each: see ``Settled``.
    pieces: tuple[tuple[IdRange, float], ...]
    pages: int
    requests: int
    retries: int
    started_at: str | None
    #: ISO 8601; when its last segment was done, None where nothing tells.
    worked_at: str | None
    bytes: int
    #: Files named like segments that are none of this run's: a crawl sets them aside.
    damaged: int
    #: Whether a later version of lifestats wrote it: what it holds cannot be told.
    is_newer: bool
    #: Whether a file of it cannot be read: what it holds cannot be told either.
    is_unreadable: bool
    is_complete: bool
    #: Whether it lacks only ids that were given up in two starts: a crawl does not go on with it by itself.
    is_done: bool
    #: The process that crawls it, and for which job; None without one.
    crawler: Mapping[str, Any] | None

    @property
    def space(self) -> IdRange | None:
        """The id space that it walks, None as long as no segment tells."""
        return self.job.space if self.job else None

    @property
    def state(self) -> str:
        """Tell in a word how it stands."""
        if self.is_newer:
            return "of a newer version"
        if self.is_unreadable:
            return "cannot be read"
        if self.crawler:
            return Ending.CRAWLING.word
        return "complete" if self.is_complete else "done" if self.is_done else "partial"

    @property
    def settled(self) -> int:
        """How many ids it has settled."""
        return sum(map(len, self.covers))

    @property
    def bytes_per_record(self) -> float | None:
        """What a record has taken on disk, None before the first one."""
        return (
            sum(_size(path) for path in segments.paths(self.run.segments)) / self.records if self.records else None
        )


def environments(storage: Path, now: str) -> list[str]:
    """List the directories of a storage that hold a run."""
    found = []
    with suppress(FileNotFoundError, NotADirectoryError):
        for path in storage.iterdir():
            # A directory of another program that this process may not read, such as lost+found.
            with suppress(PermissionError, NotADirectoryError):
                if any(look_all(path, now)):
                    found.append(path.name)
    return sorted(found)


def look_all(parent: Path, now: str) -> Iterator[Entry]:
    """Look at the runs of an environment's directory, the one last worked on first.

    A directory that merely looks like a run, with neither segments nor lock nor report, is none.
    """
    for run in runs.of(parent, now, is_to_show=True):
        # A crawl that has counted nothing takes its run away at its end.
        with suppress(FileNotFoundError):
            if segments.paths(run.segments) or run.report.exists() or run.lock.exists():
                yield look(run, now)


def look(run: Run, now: str, *, is_checked: bool = False) -> Entry:
    """Look at one run, and at whether its segments are as they were written only if ``is_checked``."""
    is_unreadable = False
    try:
        found, damaged, is_newer = _footers(run, is_checked=is_checked)
    except (UnreadableError, PermissionError):
        found, damaged, is_newer, is_unreadable = [], 0, False, True
    settled = footers.together(found)
    job, crawler = found[0].job if found else None, runs.crawler_of(run)
    return Entry(
        run=run,
        job=job,
        covers=settled.settled,
        records=settled.records,
        pieces=settled.pieces,
        pages=settled.pages,
        requests=settled.requests,
        retries=settled.retries,
        # Before its first segment its name tells, or the lock of the process that works on it.
        started_at=settled.started_at or run.began_at or (crawler and crawler.get("since")) or None,
        worked_at=run.worked_at(now, is_to_show=True) or None,
        bytes=sum(_size(path) for path in run.directory.rglob("*")),
        damaged=damaged,
        is_newer=is_newer,
        is_unreadable=is_unreadable,
        is_complete=run.is_complete(),
        is_done=bool(job and not damaged and settled.is_done(job.space)),
        crawler=crawler,
    )


def _footers(run: Run, *, is_checked: bool) -> tuple[list[Footer], int, bool]:
    """Return the footers of the same job as the first one, the number of the other files, and if any is newer."""
    found: list[Footer] = []
    paths = segments.paths(run.segments)
    newer = 0
    for path in paths:
        try:
            found.append(segments.checked(path) if is_checked else segments.footer(path))
        except NewerFormatError:
            newer += 1
        except StorageError:
            continue
    ours = [footer for footer in found if footer.is_of(found[0].job)]
    return ours, len(paths) - len(ours) - newer, newer > 0


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size if path.is_file() else 0
    return 0
