"""Where a simulated crawl's segments go: memory, or a real directory; both outlive a kill, and fail on demand."""

from __future__ import annotations

import errno
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from lifestats_crawler.ranges import missing
from lifestats_crawler.report import making
from lifestats_crawler.storage import footers, segments
from lifestats_crawler.storage.opening import open_run
from lifestats_crawler.storage.runs import Run
from tests.simulation.promises import COUNTER, BrokenPromiseError

if TYPE_CHECKING:
    from random import Random

    from lifestats_crawler.ranges import IdRange
    from lifestats_crawler.storage.footers import Footer
    from tests.simulation.life import Life


class Failing:
    """Decides which write of a segment fails, and whether the segment is there all the same."""

    def __init__(self, random: Random, share: float) -> None:
        self.random = random
        self.share = share
        self.met = 0
        #: How many segments are there although their write has failed.
        self.renamed = 0

    def step(self) -> str | None:
        """Name the step that fails, if one does: before the file has its name, or after."""
        if self.random.random() >= self.share:
            return None
        step = self.random.choice(["written", "renamed"])
        self.met += 1
        self.renamed += step == "renamed"
        return step


class MemoryStore:
    """Segments as what a spiller hands over: their footers and counts."""

    def __init__(self, failing: Failing) -> None:
        self.failing = failing
        self.segments: dict[int, tuple[Footer, dict, dict]] = {}

    def next_number(self) -> int:
        return max(self.segments, default=0) + 1

    def write(self, number, counts, footer, labels) -> None:
        step = self.failing.step()
        if step == "written":
            raise OSError(errno.ENOSPC, "No space left on device")
        assert number not in self.segments, "a segment was replaced"
        self.segments[number] = (footer, {name: dict(counter) for name, counter in counts.items()}, labels)
        if step == "renamed":
            raise OSError(errno.EIO, "Input/output error")


class DiskStore:
    """Real segments in a real directory."""

    def __init__(self, directory: Path, failing: Failing) -> None:
        self._real = segments.SegmentDirectory(directory)
        self._directory = directory
        self.failing = failing

    def next_number(self) -> int:
        return self._real.next_number()

    def write(self, number, counts, footer, labels) -> None:
        step = self.failing.step()
        if step == "written":
            (self._directory / f".{number:06d}.parquet.1.unfinished").write_bytes(b"PAR1 half")
            raise OSError(errno.ENOSPC, "No space left on device")
        self._real.write(number, counts, footer, labels)
        if step == "renamed":
            raise OSError(errno.EIO, "Input/output error")


def damage(directory: Path, random: Random) -> Path | None:
    """Change any bit of a segment, or cut one short: what is on a disk does not always stay as it was."""
    paths = segments.paths(directory)
    if not paths:
        return None
    path = random.choice(paths)
    content = bytearray(path.read_bytes())
    if random.random() < 0.5:
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    else:
        del content[random.randrange(len(content)) :]
    path.write_bytes(content)
    return path


class MemoryStorage:
    """A run whose segments are in memory."""

    def __init__(self, life: Life) -> None:
        self.store = MemoryStore(life.failing)
        self.run = Run(Path("simulated/run"), "simulated")

    def open(self, at: str) -> Run:  # noqa: ARG002  # a run on disk needs it
        return self.run

    def close(self) -> None:
        pass

    def settled(self) -> footers.Settled:
        known = [(Path(f"{number:06d}.parquet"), footer) for number, (footer, _, _) in self.store.segments.items()]
        return footers.add_up(known)

    def numbers(self) -> list[int]:
        return list(self.store.segments)

    def counted(self) -> tuple[list[IdRange], Counter[int | str]]:
        counted: Counter[int | str] = Counter()
        for _, counts, _ in self.store.segments.values():
            counted.update(counts[COUNTER])
        return list(self.settled().covers), counted


class DiskStorage:
    """A run on a real disk, opened, merged and reported as a real crawl does."""

    def __init__(self, life: Life, parent: Path) -> None:
        self.life = life
        self.parent = parent
        self.run: Run | None = None

    def open(self, at: str) -> Run:
        if (
            self.run is not None
            and self.life.random.random() < 0.1
            and damage(self.run.segments, self.life.random)
        ):
            self.life.figures.damaged += 1
        self.run = open_run(self.parent, self.life.job, None, at)
        self.store = DiskStore(self.run.segments, self.life.failing)
        return self.run

    def close(self) -> None:
        if self.run is not None:
            self.run.release()

    def settled(self) -> footers.Settled:
        assert self.run is not None
        return self.run.settled()

    def numbers(self) -> list[int]:
        assert self.run is not None
        return [int(path.stem) for path in segments.paths(self.run.segments)]

    def counted(self) -> tuple[list[IdRange], Counter[int | str]]:
        assert self.run is not None
        report = making.make(self.run, self.life.config, finish_reason="simulated", top=1000)
        counted = {row["key"]: row["count"] for row in report["counters"][COUNTER]["top"]}
        settled = self.settled()
        left = [[item.begin, item.end] for item in missing(self.life.space, settled.settled)]
        if report["coverage"]["missing"] != left:
            raise BrokenPromiseError(f"the report has {report['coverage']['missing']} as missing, not {left}")
        return list(settled.covers), Counter(counted)
