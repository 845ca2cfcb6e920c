"""A crawl at its rate limit, in simulated time: its chains, pacer and growth, and no machine's noise.

What a real crawl of a real server reaches is measured by ``make bench``.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from functools import cache
from itertools import count
from random import Random

import pytest

from lifestats_crawler.crawl.frontier import Frontier
from lifestats_crawler.crawl.growth import LOOK_AHEAD_SECONDS, more_chains
from lifestats_crawler.downloader.pacer import Pacer
from lifestats_crawler.items import Tally
from lifestats_crawler.ranges import Coverage, IdRange
from tests.conftest import FIRST

PAGE = 100
CHAINS, MOST_CHAINS = 100, 400


@cache
def even(records: int) -> tuple[list[int], IdRange]:
    """Ids of which 95 in 100 exist."""
    random = Random(1).random
    space = IdRange(FIRST, FIRST + round(records / 0.95))
    return [an_id for an_id in range(space.begin, space.end) if random() < 0.95], space


def skewed(records: int) -> tuple[list[int], IdRange]:
    """Ids of which half are in 5 % of the space."""
    random = Random(1).random
    space = IdRange(FIRST, FIRST + 10 * records)
    dense = IdRange(FIRST + 4 * records, FIRST + 4 * records + records // 2)
    return [i for i in range(space.begin, space.end) if random() < (1.0 if i in dense else 0.5 / 9.5)], space


class Simulation:
    """Walks a space; an answer takes from ``latency`` to ``latency + jitter`` seconds."""

    def __init__(self, ids, space, rate, latency, jitter=0.0) -> None:
        self.ids, self.space = ids, space
        self.latency, self.jitter = latency, jitter
        self.random = Random(2).random
        self.pacer = Pacer(rate)
        self.frontier = Frontier([space], CHAINS, PAGE, MOST_CHAINS)
        self.coverage, self.records = Coverage(), 0
        self.departures: list[float] = []
        self.answers = 0
        self._events, self._order = [], count()

    def run(self):
        for chain in self.frontier.start():
            self.ask(chain, 0.0)
        self.at(LOOK_AHEAD_SECONDS, self.look)
        while self._events:
            now, _, event, arguments = heapq.heappop(self._events)
            event(*arguments, now)
        assert list(self.coverage) == [self.space]
        assert self.records == len(self.ids)
        return self

    def at(self, time, event, *arguments) -> None:
        heapq.heappush(self._events, (time, next(self._order), event, arguments))

    def ask(self, chain, now) -> None:
        self.at(now + self.pacer.reserve(now), self.depart, chain)

    def depart(self, chain, now) -> None:
        if wait := self.pacer.depart(now):
            self.at(now + wait, self.depart, chain)
            return
        self.departures.append(now)
        self.at(now + self.latency + self.jitter * self.random(), self.answer, chain)

    def answer(self, chain, now) -> None:
        self.answers += 1
        tally = self.page(chain.left)
        if tally.next is None and not len(tally.settles):
            self.frontier.claim(chain)  # one more request is made at the end, to confirm it
            self.coverage.add(IdRange(chain.cursor, chain.end))
        else:
            self.frontier.advance(chain, tally)
        self.coverage.add(tally.settles)
        self.records += tally.records
        for other in self.frontier.start():
            self.ask(other, now)
        if self.frontier.is_under_way(chain):
            self.ask(chain, now)

    def look(self, now) -> None:
        for chain in more_chains(self.frontier, self.pacer, self.answers, now):
            self.ask(chain, now)
        if len(self.frontier):
            self.at(now + LOOK_AHEAD_SECONDS, self.look)

    def page(self, left) -> Tally:
        first = bisect_left(self.ids, left.begin)
        shown = self.ids[first : first + PAGE]
        following = self.ids[first + PAGE] if first + PAGE < len(self.ids) else None
        end = following or max([left.begin, *(an_id + 1 for an_id in shown[-1:])])
        settles = IdRange(left.begin, min(end, left.end))
        inside = min(bisect_left(self.ids, settles.end) - first, len(shown))
        return Tally(settles, {}, inside, next=following, highest=shown[-1] if shown else None)

    @property
    def pages(self) -> int:
        return -(-len(self.ids) // PAGE)

    @property
    def seconds(self) -> float:
        return self.departures[-1] - self.departures[0]


@pytest.mark.parametrize(
    ("latency", "jitter", "lost"),
    # Seconds: what a crawl loses at its end, about the time of one answer, however long it is.
    [(0, 0, 0.1), (0.05, 0, 0.15), (0.05, 0.05, 0.2), (0.5, 0, 0.75), (0.5, 0.5, 1.5), (2, 0, 3)],
)
def test_whatever_the_latency_the_pace_is_held_to_the_last_page(latency, jitter, lost):
    crawl = Simulation(*even(600_000), rate=100, latency=latency, jitter=jitter).run()
    assert crawl.seconds <= len(crawl.departures) / 99.8 + lost
    steps = zip(crawl.departures, crawl.departures[100:], strict=False)
    assert min(later - earlier for earlier, later in steps) > 1


def test_with_half_of_all_records_in_a_twentieth_of_the_space_hardly_any_time_is_lost():
    crawl = Simulation(*skewed(1_000_000), rate=200, latency=0.2).run()
    assert crawl.seconds + 0.2 <= 1.03 * crawl.pages / 200


def test_requests_beyond_the_pages_are_about_half_a_page_for_each_chain():
    crawl = Simulation(*even(600_000), rate=100, latency=0.5).run()
    assert len(crawl.departures) - crawl.pages < 0.75 * CHAINS
