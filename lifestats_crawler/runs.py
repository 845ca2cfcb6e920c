"""Runs: the directories that hold the segments and the report of one walk of the id space."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifestats_crawler import merge, segments
from lifestats_crawler.ranges import IdRange, missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lifestats_crawler.config import Config


@dataclass(frozen=True, slots=True)
class Run:
    """One walk of the id space, on disk."""

    directory: Path
    environment: str

    @property
    def name(self) -> str:
        """The name of the run: its directory's."""
        return self.directory.name

    @property
    def segments(self) -> Path:
        """Where its segments are."""
        return self.directory / "segments"

    @property
    def report(self) -> Path:
        """Where its report is, once there is one."""
        return self.directory / "report.json"

    @property
    def latest(self) -> Path:
        """Where a complete report is copied to."""
        return self.directory.parent / "latest.json"

    def discard(self) -> None:
        """Remove the directory of a run that has never started."""
        if not segments.paths(self.segments):
            self.segments.rmdir()
            self.directory.rmdir()

    def settled(self) -> merge.Settled:
        """Add up what its segments say in their footers."""
        return merge.add_up(segments.settled(self.segments))

    def unsettled(self, space: IdRange) -> list[IdRange]:
        """Return what is left to crawl of the id space."""
        return list(missing(space, self.settled().covers))


def create(config: Config, environment: str, now: datetime) -> Run:
    """Make the directory of a new run, named by its time. Raises OSError."""
    parent = Path(config.storage) / environment
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    names = [stamp, *(f"{stamp}-{again}" for again in range(2, 100))]
    run = Run(next(parent / name for name in names if not (parent / name).exists()), environment)
    run.segments.mkdir(parents=True)
    return run


def source(config: Config) -> Mapping[str, Any]:
    """Return what makes two crawls count the same thing: url, id space, and how records are read."""
    asked = config.model_dump(include={"url", "items", "id", "next", "inclusive", "first_id", "last_id"})
    return asked | {"counters": {name: counter.field for name, counter in config.counters.items()}}
