"""A walk driven in memory: its asks go to the mock API in memory, and its answers come back in any order."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import replace
from itertools import count
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from lifestats_crawler.crawl.state import Crawl
from lifestats_crawler.crawl.walk import Walk
from lifestats_crawler.ending import Ending
from lifestats_crawler.ranges import IdRange, union
from lifestats_crawler.storage.footers import Settled
from lifestats_crawler.storage.runs import Run
from tests.configurations import configured
from tests.conftest import FIRST

if TYPE_CHECKING:
    from collections.abc import Callable

    from lifestats_crawler.crawl.asks import Ask, Step
    from lifestats_crawler.items import Answer, Tally
    from tests.memory_api import MemoryApi

COUNTERS = {"foods": {"field": "food_id"}, "categories": {"field": "food__category_id"}}
#: Where the clock of a walk begins: like a monotonic clock, not at 0.
BEGIN = 1000.0
_MOST_ANSWERS = 200_000


class Walking:
    """A walk of a space, its crawl, and the API that answers it."""

    def __init__(self, api: MemoryApi, ids: int = 1000, seed: int = 1, settled: Settled | None = None, **changes):
        space = {"first_id": FIRST, "last_id": FIRST + ids - 1, "results_per_page": 10, "subsets": 7}
        read = {"items": "response", "next": "meta.next_offset", "counters": COUNTERS}
        self.api = api
        self.random = Random(seed)
        self.is_running = True
        self.closed: list[Ending] = []
        config = configured(**space | read | changes)
        self.crawl = Crawl(
            *(config, Run(Path("one"), "test"), settled or Settled()),
            most_chains=2 * config.subsets,
            is_running=lambda: self.is_running,
            close=self.closed.append,
        )
        self.walk = Walk(self.crawl, self.random)
        self.now = BEGIN
        self.asked: list[Ask] = []
        self.tallies: list[Tally] = []
        self.records = 0
        self.counts = {name: Counter() for name in config.counters}
        #: What claims settle, beside the coverage.
        self.claims: list[IdRange] = []
        #: How many pages stand between two spills; 0 for none.
        self.spill_every = 0
        #: What each proof before a spill has told.
        self.spills: list[bool] = []
        self.before_each: Callable[[Ask], Answer | None] = lambda _: None
        self._connections = count(1)
        self._events: list[tuple[float, int, str, Ask, Answer | None]] = []
        self._order = count()
        self._paused: list[Ask] = []

    def answer(self, ask: Ask, now: float | None = None) -> Answer:
        self.asked.append(ask)
        answer = self.before_each(ask) or self.api.ask(self.crawl.dialect.url(ask.first, ask.limit))
        now = self.now if now is None else now
        return replace(answer, left_at=now, connection=answer.connection or next(self._connections))

    def take(self, ask: Ask, answer: Answer | None = None, now: float | None = None) -> Step:
        """Give an answer back, count what follows from it, and begin every chain that does."""
        self.now = self.now if now is None else now
        step = self.walk.take(ask, answer or self.answer(ask), self.now)
        for tally in step.tallies:
            self.count(tally)
        return replace(step, begun=[*step.begun, *step.starting], starting=())

    def run(self) -> Walking:
        """Let every ask leave when its wait is over, and its answer come a random time later."""
        self.send(*self.walk.begin())
        return self.go_on()

    def send(self, *asks: Ask) -> None:
        for ask in asks:
            self._at(self.now + ask.wait, "leave", ask)

    def go_on(self) -> Walking:
        for _ in range(_MOST_ANSWERS):
            if not self._events:
                break
            now, _, what, ask, answer = heapq.heappop(self._events)
            self.now = now
            if what == "leave":
                self._leave(ask, now)
            else:
                self._arrive(ask, answer, now)
        else:
            raise AssertionError("this walk does not end")
        assert self.closed or not self.is_running or not self.crawl.frontier.has_work, "ids are left to be walked"
        return self

    def _at(self, time: float, what: str, ask: Ask, answer: Answer | None = None) -> None:
        heapq.heappush(self._events, (time, next(self._order), what, ask, answer))

    def _leave(self, ask: Ask, now: float) -> None:
        if not self.crawl.goes_on:
            return
        if not ask.is_through and self.crawl.pacer.is_paused:
            self._paused.append(ask)
        elif not ask.is_through and (held := self.crawl.pacer.held_for(now)):
            self._at(now + held, "leave", ask)
        else:
            self._at(now + self.random.uniform(0.0, 0.2), "arrive", ask, self.answer(ask, now))

    def _arrive(self, ask: Ask, answer: Answer, now: float) -> None:
        if seconds := self.crawl.throttle.take(answer, now).seconds:
            self.crawl.pacer.hold(now + seconds)
        step = self.take(ask, answer, now)
        self._check_ranges()
        if not self.crawl.goes_on:
            return
        self.send(*step.begun, *filter(None, [step.following]))
        self.send(*self.walk.grow(now))
        if self.spill_every and step.tallies and len(self.tallies) % self.spill_every == 0:
            self.send(*filter(None, [self.walk.prove(self.spills.append, now)]))
        if not self.crawl.pacer.is_paused:
            paused, self._paused = self._paused, []
            self.send(*(replace(ask, wait=0.0) for ask in paused))

    def count(self, tally: Tally) -> None:
        self.tallies.append(tally)
        self.crawl.coverage.add(*tally.parts)
        self.records += tally.records
        self.claims += [tally.claims] if tally.claims else []
        for name, keys in tally.keys.items():
            self.counts[name].update(keys)

    def _check_ranges(self) -> None:
        """Settled, given up and left to crawl are each id of the space, once."""
        if Ending.MISCONFIGURED in self.closed:
            return
        frontier, space = self.crawl.frontier, self.crawl.config.space
        parts = [*self.crawl.coverage, *self.walk.checking.held(), *frontier.unsettled(), *frontier.believed]
        parts += [IdRange(begin, end) for begin, end, _ in frontier.given_up]
        assert (sum(map(len, parts)), union(parts)) == (len(space), [space])

    @property
    def settled(self) -> list[IdRange]:
        """What is settled, by pages and by claims that stand."""
        return union([*self.crawl.coverage, *self.crawl.frontier.believed])

    @property
    def missing(self) -> list[IdRange]:
        return union(IdRange(begin, end) for begin, end, _ in self.crawl.frontier.given_up)

    def assert_exact(self) -> None:
        config = self.crawl.config
        truth = self.api.truth(config.first_id, config.last_id)
        assert (self.closed, self.missing) == ([], [])
        assert self.settled == [config.space]
        assert self.records == truth.records
        assert self.counts == {name: truth.counts[counter.field] for name, counter in config.counters.items()}
