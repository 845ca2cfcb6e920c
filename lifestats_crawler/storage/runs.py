"""Runs: the directories that hold the segments and the report of one walk of the id space."""

from __future__ import annotations

import json
import logging
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from time import time
from typing import IO, TYPE_CHECKING, Any

from lifestats_crawler.exceptions import RunError, StorageError
from lifestats_crawler.storage import durable, lock, segments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lifestats_crawler.config.model import Config
    from lifestats_crawler.storage.segments import Settled

logger = logging.getLogger(__name__)

NEW = "new"
_ABANDONED = 86_400  # seconds
# What is beside the runs of an environment ends so: latest.json, and the script for its pages.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(?<!\.json)(?<!\.js)")


@dataclass(frozen=True, slots=True)
class Run:
    """One walk of the id space, on disk."""

    directory: Path
    environment: str
    #: The open lock file, for as long as this process crawls the run.
    _held: IO[str] | None = field(default=None, repr=False, compare=False)

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
        return segments.add_up(list(segments.settled(self.segments)))

    def source(self) -> Mapping[str, Any] | None:
        """Return what its first segment that can be read is a count of, None without one."""
        for path in segments.paths(self.segments):
            with suppress(StorageError):
                return segments.footer(path).source
        return None

    def is_complete(self) -> bool:
        """Tell whether its report is there and complete."""
        try:
            return bool(json.loads(self.report.read_bytes())["coverage"]["complete"])
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def close(self) -> None:
        """Let go of the run, and remove it if nothing was ever counted for it."""
        if not segments.paths(self.segments) and not self.report.exists():
            with suppress(OSError):
                self.lock.unlink()
                self.segments.rmdir()
                self.directory.rmdir()
        if self._held:
            self._held.close()


def source(config: Config) -> dict[str, Any]:
    """Return what makes two crawls count the same thing: url, id space, and how records are read."""
    asked = config.model_dump(include={"url", "items", "id", "next", "inclusive", "first_id", "last_id"})
    counted = {name: [counter.field, counter.missing] for name, counter in config.counters.items()}
    # Made-up records are others than those of the same url.
    return asked | {"counters": counted} | ({"mock": True} if config.mock else {})


def open_run(config: Config, environment: str, name: str | None, now: datetime) -> Run:
    """Open the run that a crawl is to work on, and lock it against every other process.

    Without a name that is the environment's newest unfinished run of the same source, or else a
    new one; ``new`` is a new one; any other name is that run, created if need be.

    Raises RunError for a name that cannot be, a run of another source, or one that another
    process is crawling; StorageError where the storage cannot be written.
    """
    parent = Path(config.storage) / environment
    try:
        if name and name != NEW:
            return _named(parent, name, config)
        found = None if name == NEW else _unfinished(parent, config)
        return found or _lock(_make(parent, now), config)
    except OSError as error:
        raise StorageError(f"{error.filename or parent} cannot be used as storage: {error.strerror}") from None


def find(config: Config, environment: str, name: str | None) -> Run:
    """Find a run to report on: that of a name, or the one last worked on. Raises RunError."""
    parent = Path(config.storage) / environment
    candidates = [run for run in of(parent) if name in (None, run.name)]
    for run in candidates:
        if run.source() in (None, source(config)):
            return run
    if candidates:
        reason = difference(candidates[0].source() or {}, config)
        report = candidates[0].report
        where = f"; what it counted then is in {report}" if report.exists() else ""
        raise RunError(f"run {candidates[0].name} counts another source: {reason}{where}")
    raise RunError(f"{parent} has no run{f' {name!r}' if name else ''}: scrapy runs lists those there are")


@contextmanager
def locked(run: Run, config: Config) -> Iterator[Run]:
    """Keep every crawl from a run for a moment. Raises RunError while one works on it."""
    held = _lock(run, config)
    try:
        yield held
    finally:
        held.close()


def state(run: Run) -> str:
    """Tell in a word how a run stands: ``crawling``, or how its last crawl ended."""
    if crawler_of(run):
        return "crawling"
    with suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads(run.report.read_bytes())["run"]["finish_reason"])
    return "killed"


def of(parent: Path) -> Iterator[Run]:
    """Yield the runs of an environment's directory, the one last worked on first."""
    found = []
    for path in parent.iterdir() if parent.is_dir() else ():
        # A crawl that has counted nothing takes its run away at its end.
        with suppress(FileNotFoundError, NotADirectoryError):
            found.append(((path / "segments").stat().st_mtime_ns, path.name))
    for _, name in sorted(found, reverse=True):
        yield Run(parent / name, parent.name)


def crawler_of(run: Run) -> Mapping[str, Any] | None:
    """Return who crawls a run, and for which source, None if nobody does. Changes nothing on disk."""
    return lock.holder(run.lock)


def difference(known: Mapping[str, Any], config: Config) -> str:
    """Say what keeps a run of another source from being continued."""
    ours = source(config)
    keys = [key for key in {**ours, **known} if known.get(key) != ours.get(key)]
    return f"its {', '.join(keys)} differ{'s' if len(keys) == 1 else ''} from the configuration's"


def _named(parent: Path, name: str, config: Config) -> Run:
    if not _NAME.fullmatch(name):
        raise RunError(
            f"run {name!r}: a name is letters, digits, dots, dashes and underscores, at most 100, and no .json"
        )
    run = Run(parent / name, parent.name)
    run.segments.mkdir(parents=True, exist_ok=True)
    known = run.source()
    if known not in (None, source(config)):
        raise RunError(f"run {name} counts another source: {difference(known or {}, config)}; choose another name")
    return _prepared(_lock(run, config), config)


def _unfinished(parent: Path, config: Config) -> Run | None:
    for run in of(parent):
        if run.is_complete():
            continue
        known = run.source()
        if known == source(config):
            held = _lock(run, config)
            logger.info("Continuing run %s", run.name)
            return _prepared(held, config)
        if known:
            logger.info("Not continuing run %s: %s", run.name, difference(known, config))
        elif not run.report.exists() and not _is_crawled(run, config):
            # Killed before its first spill: nothing tells it from a new one.
            return _prepared(_lock(run, config), config)
    return None


def _make(parent: Path, now: datetime) -> Run:
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    parent.mkdir(parents=True, exist_ok=True)
    for name in (stamp, *(f"{stamp}-{again}" for again in range(2, 1000))):
        with suppress(FileExistsError):
            (parent / name).mkdir()
            break
    run = Run(parent / name, parent.name)
    run.segments.mkdir()
    return run


def _prepared(run: Run, config: Config) -> Run:
    for rest in run.directory.glob(f".*{durable.UNFINISHED}"):
        rest.unlink()
    for rest in run.directory.glob(f"{segments.MERGE_PREFIX}*"):
        if time() - rest.stat().st_mtime > _ABANDONED:  # of a merge that was killed
            rmtree(rest, ignore_errors=True)
    for path in segments.set_aside(run.segments, source(config)):
        logger.warning("%s is no whole segment of this run: set aside, what it covered is crawled again", path)
    return run


def _lock(run: Run, config: Config) -> Run:
    """Lock a run for this process; the lock goes with the process, however that ends."""
    held = lock.take(run.lock, source(config))
    if held and not run.lock.exists():
        raise RunError(f"run {run.name} has just ended, with nothing counted: start again")
    if held is None:
        crawler = crawler_of(run) or {"who": "another process"}
        raise RunError(f"run {run.name} is being crawled by {crawler['who']}")
    return Run(run.directory, run.environment, held)


def _is_crawled(run: Run, config: Config) -> bool:
    """Tell whether a process that has not spilled yet has the run; RunError if it is of the same source."""
    crawler = crawler_of(run)
    if crawler and crawler.get("source") == source(config):
        raise RunError(f"run {run.name} is being crawled by {crawler['who']}")
    return crawler is not None
