"""The pace beside a server that counts arrivals in any sliding second, in virtual time."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import pairwise
from random import Random

import pytest

from lifestats_crawler.crawl.throttle import Throttle
from lifestats_crawler.downloader.pacer import SLACKS, Pacer
from lifestats_crawler.items import Answer
from mocks.limiter import SlidingLimit

RATE, CHAINS, LATENCY, SECONDS = 50, 30, 0.2, 120.0


class Crawling:
    """Two minutes of a crawl, whose requests arrive up to ``jitter`` seconds late, at random.

    Now and then the process stalls for up to ``stall`` seconds before it looks whether a request may leave.
    """

    def __init__(self, pacer: Pacer, jitter: float, stall: float) -> None:
        self.pacer, self.jitter, self.stall = pacer, jitter, stall
        self.random, self.limit, self.throttle = Random(1), SlidingLimit(RATE), Throttle(Random(2))
        #: When requests left, and when pauses began.
        self.left: list[float] = []
        self.pauses: list[float] = []
        self.events: list[tuple[float, int, str, float]] = []  # (when, number, what, when its request left)

    def at(self, when: float, what: str, left_at: float = 0.0) -> None:
        heappush(self.events, (when, len(self.left) + len(self.events), what, left_at))

    def run(self) -> None:
        for _ in range(CHAINS):
            self.at(0.0, "ask")
        while self.events[0][0] < SECONDS:
            now, _, what, left_at = heappop(self.events)
            getattr(self, what)(now, left_at)

    def ask(self, now: float, _: float) -> None:
        self.at(now + self.pacer.reserve(now), "leave")

    def leave(self, now: float, _: float) -> None:
        if self.stall and self.random.random() < 0.3:
            now += self.random.uniform(0, self.stall)
        if (wait := self.pacer.depart(now)) > 0:
            self.at(now + wait, "leave")
            return
        self.left.append(now)
        self.at(now + self.random.uniform(0, self.jitter), "arrive", now)

    def arrive(self, now: float, left_at: float) -> None:
        self.at(now + LATENCY, "good" if self.limit.admits(now) else "refused", left_at)

    def good(self, now: float, left_at: float) -> None:
        self.throttle.take(Answer(200, left_at=left_at, seconds=LATENCY), now)
        self.at(now, "ask")

    def refused(self, now: float, left_at: float) -> None:
        pause = self.throttle.take(Answer(429, {"Retry-After": "1"}, left_at=left_at), now)
        if pause.seconds:
            self.pacer.hold(now + pause.seconds)
            self.pauses.append(now)
        if pause.is_unexplained:
            self.pacer.widen(left_at, now)
        self.at(now, "ask")


def crawled(jitter: float, pacer: Pacer, stall: float = 0.0) -> tuple[list[float], list[float]]:
    """Return when requests left, and when pauses began."""
    crawling = Crawling(pacer, jitter, stall)
    crawling.run()
    return crawling.left, crawling.pauses


def rate_between(left: list[float], pauses: list[float]) -> float:
    """The rate without the second of each pause and what led to it."""
    begins = [0.0, *(pause + 1.0 for pause in pauses)]
    begin, end = max(zip(begins, [*pauses, SECONDS], strict=True), key=lambda pair: pair[1] - pair[0])
    return sum(begin < at <= end for at in left) / (end - begin)


@pytest.mark.parametrize(
    ("jitter", "most_pauses", "least_share"),
    [(0.0, 0, 0.998), (0.002, 1, 0.985), (0.005, 1, 0.985), (0.02, 2, 0.975)],
)
def test_beside_a_strict_server_there_are_two_pauses_at_most_and_hardly_any_time_is_lost(
    jitter, most_pauses, least_share
):
    left, pauses = crawled(jitter, Pacer(RATE))
    assert len(pauses) <= most_pauses
    assert rate_between(left, pauses) >= least_share * RATE * 0.999  # a request at the border


def test_what_was_learnt_is_kept_by_the_next_crawl():
    first = Pacer(RATE)
    crawled(0.02, first)
    assert first.learnt_slack == SLACKS[-1]
    _, pauses = crawled(0.02, Pacer(RATE, slack=first.learnt_slack))
    assert pauses == []


def test_stalls_shorter_than_the_slack_cost_no_pause():
    _, pauses = crawled(0.002, Pacer(RATE, is_strict=True), stall=0.05)
    assert pauses == []


@pytest.mark.parametrize(
    ("strict", "known", "slacks"),
    [
        (False, None, [0.007, 0.02, None]),
        (True, None, [0.02, None]),
        (False, 0.007, [0.02, None]),
        (True, 0.007, [0.02, None]),
        (False, 0.02, [None]),
    ],
)
def test_the_slack_grows_with_each_burst_of_refusals_up_to_twenty_milliseconds(strict, known, slacks):
    pacer = Pacer(RATE, is_strict=strict, slack=known)
    assert pacer.learnt_slack == known
    assert [pacer.widen(left_at=10.0 * n, now=10.0 * n + 1) for n in range(len(slacks))] == slacks
    assert pacer.learnt_slack == SLACKS[-1]


def test_refusals_of_requests_that_left_before_it_grew_do_not_make_it_grow_again():
    pacer = Pacer(RATE)
    assert pacer.widen(left_at=1.0, now=2.0) == 0.007
    assert pacer.widen(left_at=1.9, now=2.1) is None
    assert pacer.widen(left_at=2.5, now=3.0) == 0.02


def test_without_a_rate_there_is_nothing_to_learn():
    assert Pacer(None).widen(1.0, 2.0) is None


@pytest.mark.parametrize("slack", SLACKS)
def test_with_any_slack_the_gaps_are_those_of_the_rate(slack):
    pacer = Pacer(RATE, slack=slack)
    left, _ = crawled(0.0, pacer)
    busiest = max(sum(at <= other < at + 1 for other in left[n : n + RATE + 1]) for n, at in enumerate(left))
    assert busiest <= RATE
    assert min(later - earlier for earlier, later in pairwise(left)) >= 0
