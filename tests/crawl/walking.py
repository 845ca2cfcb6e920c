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
from lifestats_crawler.crawl.walk import Step, Walk
from lifestats_crawler.storage.footers import Settled
from lifestats_crawler.storage.runs import Run
from tests.configurations import configured
from tests.conftest import FIRST

if TYPE_CHECKING:
    from lifestats_crawler.crawl.walk import Ask, Step
    from lifestats_crawler.ending import Ending
    from lifestats_crawler.items import Answer
    from tests.memory_api import MemoryApi

COUNTERS = {"foods": {"field": "food_id"}, "categories": {"field": "food__category_id"}}


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
        self.records = 0
        self.counts = {name: Counter() for name in config.counters}

    def answer(self, ask: Ask) -> Answer:
        return self.api.ask(self.crawl.dialect.url(ask.first))

    def take(self, ask: Ask, answer: Answer | None = None, now: float = 0.0) -> Step:
        """Give an answer back, and begin every chain that follows from it."""
        step = self.walk.take(ask, answer or self.answer(ask), now)
        return replace(step, begun=list(step.begun))

    def run(self) -> None:
        """Let every ask leave when its wait is over, and its answer come a random time later."""
        events, order = [], count()

        def leave(asks, now) -> None:
            for ask in asks:
                at = now + ask.wait + self.random.uniform(0.0, 0.2)
                heapq.heappush(events, (at, next(order), ask, self.answer(ask)))

        leave(self.walk.begin(), 0.0)
        while events:
            now, _, ask, answer = heapq.heappop(events)
            step = self.take(ask, answer, now)
            if step.tally:
                self.count(step.tally)
            leave([*step.begun, *filter(None, [step.following])], now)
            leave(self.walk.grow(now), now)

    def count(self, tally) -> None:
        self.crawl.coverage.add(tally.settles)
        self.records += tally.records
        for name, keys in tally.keys.items():
            self.counts[name].update(keys)

    def assert_exact(self) -> None:
        config, truth = self.crawl.config, self.api.truth(self.crawl.config.first_id, self.crawl.config.last_id)
        assert list(self.crawl.coverage) == [config.space]
        assert self.records == truth.records
        assert self.counts == {name: truth.counts[counter.field] for name, counter in config.counters.items()}
        assert self.closed == []
