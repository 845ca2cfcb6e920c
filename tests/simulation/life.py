"""One life: crawls of a simulated API, killed and resumed, until the count is complete or says what is missing.

A life is its seed.
"""

from __future__ import annotations

import logging
import tempfile
import traceback
from collections import Counter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from lifestats_crawler.config.model import Config
from lifestats_crawler.ending import Ending
from lifestats_crawler.ranges import IdRange, missing, union
from lifestats_crawler.storage.source import Job
from tests.simulation.kinds import COMPLETE, EXACT, KINDS
from tests.simulation.process import Crawling
from tests.simulation.promises import COUNTER, BrokenPromiseError, Figures
from tests.simulation.stores import DiskStorage, Failing, MemoryStorage
from tests.simulation.world import World

if TYPE_CHECKING:
    from tests.simulation.process import Page

# A pace is one process's: what left before a kill is not known after it. Starting takes longer than the window.
_RESTART_SECONDS = 2.0
_MOST_CRAWLS = 12
_ON_DISK = 25  # of so many lives one has real segments, and a real merge and report


class Life:
    """All crawls of one run."""

    def __init__(self, seed: int, kind: str | None = None, *, on_disk: bool | None = None) -> None:
        """Draw a life by its seed, of any server, or of one of ``kinds.KINDS``."""
        self.kind = kind
        self.random = random = Random(seed)
        self.on_disk = seed % _ON_DISK == 0 if on_disk is None else on_disk
        limit = random.choice([1, 3, 10, 50])
        width = random.choice([1, 30, 400, 2000]) * (1 if limit < 10 else 2)
        begin = random.choice([0, 1, 658_330_693])
        self.space = IdRange(begin, begin + random.randint(1, width))
        self.world = World(random, self.space, limit, KINDS.get(kind or ""))
        self.config = self._config(limit)
        self.job = Job.of(self.config)
        self.failing = Failing(random, random.choice([0, 0, 0, 0.1]))
        self.now = 0.0
        self.figures = Figures(lives=1)
        #: The pages of each spill, by its number: the ranges that each settles, and its records' values.
        self.spilled: dict[int, list[Page]] = {}

    def _config(self, limit: int) -> Config:
        random, shape = self.random, self.world.shape
        rate = random.choice([None, 5, 20, 100])
        return Config(
            url="http://simulated/x?offset={cursor}&limit={limit}",
            items=shape.items,
            next=shape.following or None,
            inclusive=not shape.exclusive,
            results_per_page=limit,
            first_id=self.space.begin,
            last_id=self.space.end - 1,
            subsets=random.choice([1, 3, 20]),
            rate_limit=rate,
            strict_rate=random.random() < 0.2,
            retries=random.choice([1, 4, 8]),
            spill_every=random.choice([1, 5, 40]),
            spill_seconds=random.choice([0.5, 30.0]),
            spill_keys=random.choice([5, 200_000]),
            counters={COUNTER: {"field": "value", "top": 100}},
        )

    def run(self) -> Figures:
        """Live it, and return what it held. Raises BrokenPromiseError."""
        if not self.on_disk:
            return self._run(MemoryStorage(self))
        with tempfile.TemporaryDirectory() as directory:
            return self._run(DiskStorage(self, Path(directory)))

    def _run(self, storage: MemoryStorage | DiskStorage) -> Figures:
        kills = self.random.choice([0, 1, 3, 8])
        ending = None
        for number in range(_MOST_CRAWLS):
            is_killed = number < kills
            crawling = Crawling(self, storage, self.random.expovariate(0.2) if is_killed else None)
            ending = crawling.run()
            self.figures.crawls += 1
            self.figures.endings[ending.word if ending else "killed"] += 1
            self._check(storage)
            if ending is Ending.MISCONFIGURED and not self.world.manners.lies:
                raise BrokenPromiseError("an API that tells no lies was accused")
            if ending is Ending.FINISHED:
                self._check_left_out(list(missing(self.space, storage.settled().settled)))
                break
            self.now += _RESTART_SECONDS
        self.figures.failed_writes += self.failing.met
        self.figures.faults += sum(self.world.seen_lies.values())
        return self.figures

    def _check(self, storage: MemoryStorage | DiskStorage) -> None:
        """What is on disk is exactly what the pages that settled it have shown, and the truth of it."""
        pages = [page for number in storage.numbers() for page in self.spilled[number]]
        covers, counted = storage.counted()
        if union(part for parts, _ in pages for part in parts) != covers:
            raise BrokenPromiseError(f"the footers cover {covers}, not what the pages settled")
        expected: Counter[int | str] = Counter(value for _, values in pages for value in values)
        if expected != counted:
            raise BrokenPromiseError(
                f"counted too little {+(expected - counted)}, too much {+(counted - expected)}"
            )
        if self.world.manners.restless:
            return
        real = sum(len(self.world.records.within(item)) for item in covers)
        if real != counted.total():
            raise BrokenPromiseError(f"what is settled has {real} records, {counted.total()} were counted")

    def _check_left_out(self, left_out: list[IdRange]) -> None:
        """Of a server with one kind of trouble, only what cannot be had is left out."""
        manners = self.world.manners
        # With one retry a page may be unlucky.
        if self.kind in COMPLETE and left_out and self.config.retries > 1:
            raise BrokenPromiseError(f"{left_out} could have been had")
        if self.kind not in EXACT:
            return
        shift = self.world.shape.exclusive  # the cursor of a request for an id is so much less
        dead = range(manners.dead.begin + shift, manners.dead.end + shift) if manners.dead else range(0)
        bad = {*manners.poison, *manners.spoilt, *dead}
        for part in left_out:
            for an_id in self.world.records.within(part):
                # Between two that cannot be had it would take a request for each id to find one that can.
                is_between = any(one in bad for one in range(part.begin, an_id)) and any(
                    one in bad for one in range(an_id, part.end)
                )
                if an_id not in bad and not is_between:
                    raise BrokenPromiseError(f"record {an_id} could have been had, of {part}")


def live(seed: int, kind: str | None = None) -> tuple[int, Figures, str]:
    """Live one seed; with what it held, and how it failed."""
    quiet()
    life = Life(seed, kind)
    try:
        return seed, life.run(), ""
    except Exception as error:  # noqa: BLE001  # whatever it is, the seed has to be known
        where = traceback.extract_tb(error.__traceback__)[-1]
        return seed, life.figures, f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"


def quiet() -> None:
    """Keep what the crawls log of their faults to themselves."""
    logging.getLogger("lifestats_crawler").setLevel(logging.CRITICAL)
