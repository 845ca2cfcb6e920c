"""Answers that were meant for another request, for a moment or on one connection: how often a crawl is wrong then.

python -m tests.simulation --mix-ups 1000
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

import orjson

from tests.simulation.liars import HONEST, LIMIT, LiarCrawling, LiarLife
from tests.simulation.life import quiet
from tests.simulation.stores import MemoryStorage

if TYPE_CHECKING:
    from lifestats_crawler.crawl.asks import Ask
    from lifestats_crawler.items import Answer

_LATEST = 80  # requests before the mix-up
_CONNECTIONS = 4
_LEAST_RIGHT = 0.99


class MixedUpCrawling(LiarCrawling):
    """A crawl in which, from some request on, answers are not those that were asked for."""

    def __init__(self, life: LiarLife) -> None:
        super().__init__(life, MemoryStorage(life), None)
        self.begins = self.random.randrange(5, _LATEST)
        self.number = count()
        #: Whether a page got an answer that hides a page of records or more.
        self.hides = False

    def _answer(self, ask: Ask, now: float) -> Answer:
        answer = super()._answer(ask, now)
        mixed = self._mixed(ask, answer, next(self.number))
        if mixed.body != answer.body:
            self.hides |= self._hidden(ask.first, mixed) >= LIMIT
        return mixed

    def _mixed(self, ask: Ask, answer: Answer, number: int) -> Answer:
        raise NotImplementedError

    def _hidden(self, first: int, answer: Answer) -> int:
        """Return how many records an answer to a request at an id passes over."""
        ids = self.world.ids
        shown = [record["id"] for record in orjson.loads(answer.body)["response"]]
        at = bisect_left(ids, first)
        return bisect_left(ids, shown[0]) - at if shown else len(ids) - at


class Swapped(MixedUpCrawling):
    """A proxy swaps the answers to two requests that are under way together."""

    def __init__(self, life: LiarLife) -> None:
        super().__init__(life)
        self.others: list[Answer] = []

    def _mixed(self, ask: Ask, answer: Answer, number: int) -> Answer:  # noqa: ARG002  # the others are told it
        self.others = [*self.others[-3:], answer]
        if number == self.begins:
            return self.others[0]
        return self.others[-2] if number == self.begins + 1 else answer


class OneBehind(MixedUpCrawling):
    """From some moment on a connection answers each request with the answer to the one before."""

    def __init__(self, life: LiarLife) -> None:
        super().__init__(life)
        self.connections = list(range(1, _CONNECTIONS + 1))
        self.ill = self.random.choice(self.connections)
        self.last: Answer | None = None

    def _mixed(self, ask: Ask, answer: Answer, number: int) -> Answer:
        self.connections = [one for one in self.connections if one not in self.crawl.distrusted]
        if ask.on_new_connection or not self.connections:
            self.connections.append(max([*self.connections, *self.crawl.distrusted, self.ill]) + 1)
            chosen = self.connections[-1]
        else:
            chosen = self.random.choice(self.connections)
        answer = replace(answer, connection=chosen)
        if chosen != self.ill or number < self.begins:
            return answer
        before, self.last = self.last or answer, answer
        return replace(before, connection=chosen)


KINDS = {"two answers swapped, once": Swapped, "a connection is one answer behind": OneBehind}


def tell(crawls: int) -> int:
    """Print how many crawls were falsely complete; 1 if more than one in a hundred of those with a hidden page."""
    quiet()
    write = sys.stdout.write
    write(f"{'mix-up':40} {'hid a page':>11} {'exact':>7} {'incomplete':>11} {'falsely complete':>17}\n")
    is_bad = False
    for name, kind in KINDS.items():
        hid = exact = false = 0
        for seed in range(crawls):
            life = LiarLife(seed, HONEST["nearest"])
            crawling = kind(life)
            _, is_complete, is_exact = life.crawl(crawling)
            hid += crawling.hides
            exact += crawling.hides and is_complete and is_exact
            false += crawling.hides and is_complete and not is_exact
        is_bad |= false > (1 - _LEAST_RIGHT) * hid
        write(f"{name:40} {hid:11} {exact:7} {hid - exact - false:11} {false:17}\n")
    return 1 if is_bad else 0
