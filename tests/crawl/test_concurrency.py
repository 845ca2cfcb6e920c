from __future__ import annotations

import asyncio
import heapq
from contextlib import asynccontextmanager
from itertools import count
from math import inf
from random import Random

import pytest

from lifestats_crawler.crawl.concurrency import Concurrency
from lifestats_crawler.crawl.gate import Gate


class Server:
    """A closed loop in simulated time: clients that ask again and again, and a server that takes so many at once.

    One too many is refused soon, and asks again after a while.
    """

    def __init__(self, most: float, clients: int = 100, failing: float = 0.0) -> None:
        self.most, self.failing = most, failing
        self.concurrency = Concurrency()
        self.random = Random(1)
        self.good = self.lost = self.busy = 0
        self.waiting = 0
        self.events, self.order = [], count()
        for _ in range(clients):
            self.at(0.0, self.come)

    def at(self, time: float, event, *arguments) -> None:
        heapq.heappush(self.events, (time, next(self.order), event, arguments))

    def run(self, until: float) -> None:
        while self.events[0][0] < until:
            now, _, event, arguments = heapq.heappop(self.events)
            event(*arguments, now)

    def come(self, now: float) -> None:
        self.waiting += 1
        self.admit(now)

    def admit(self, now: float) -> None:
        while self.waiting and self.concurrency.has_room:
            self.waiting -= 1
            self.concurrency.inside += 1
            self.concurrency.under_way += 1
            if self.busy < self.most and self.random.random() >= self.failing:
                self.busy += 1
                self.at(now + self.random.uniform(0.09, 0.11), self.answered)
            else:
                self.at(now + 0.01, self.refused, now)

    def answered(self, now: float) -> None:
        self.busy -= 1
        self.good += 1
        self.concurrency.good()
        self.leave(now, 0.0)

    def refused(self, began: float, now: float) -> None:
        self.lost += 1
        self.concurrency.lost(began, now)
        self.leave(now, self.random.uniform(0, 0.5))

    def leave(self, now: float, wait: float) -> None:
        self.concurrency.inside -= 1
        self.concurrency.under_way -= 1
        self.at(now + wait, self.come)
        self.admit(now)


@pytest.mark.parametrize("most", [1, 2, 6, 40])
def test_a_server_that_takes_only_so_many_is_asked_near_what_it_can_do(most):
    server = Server(most)
    server.run(until=30.0)
    good, lost = server.good, server.lost
    server.run(until=130.0)
    assert server.good - good > 0.9 * most * 100 / 0.1
    assert server.lost - lost < 0.08 * (server.good - good), "hardly any is lost once it is known"


def test_one_lost_in_a_hundred_whatever_the_load_costs_hardly_anything():
    server = Server(most=inf, failing=0.01)
    server.run(until=60.0)
    assert server.good > 0.95 * 100 * 60 / 0.1


def test_a_server_that_takes_more_again_is_asked_more_again():
    server = Server(most=4)
    server.run(until=60.0)
    assert server.concurrency.limit in {3, 4, 5}
    server.most = 80
    server.run(until=120.0)
    assert 60 <= server.concurrency.limit <= 82


def crowd(under_way: int = 40, limit: int | None = None) -> Concurrency:
    """A server that has answered, and has now so many requests under way."""
    concurrency = Concurrency()
    concurrency.inside = concurrency.under_way = under_way
    concurrency.good()
    concurrency.limit = limit
    return concurrency


def lose(concurrency: Concurrency, many: int = 2, began: float = 0.0, now: float = 1.0) -> list[bool]:
    return [concurrency.lost(began, now) for _ in range(many)]


def test_two_lost_of_few_make_half_of_what_is_under_way_the_limit():
    concurrency = crowd(40)
    assert lose(concurrency) == [False, True]
    assert concurrency.limit == 20


def test_one_refusal_too_many_is_enough():
    concurrency = crowd(40)
    assert concurrency.crowded(0.0, 1.0)
    assert concurrency.limit == 20


def test_without_a_good_answer_since_the_beginning_or_the_last_decrease_nothing_is_a_sign():
    concurrency = Concurrency()
    concurrency.under_way = 40
    assert not any(lose(concurrency, 40))
    assert not concurrency.crowded(0.0, 1.0)
    concurrency.good()
    lose(concurrency)
    assert not any(lose(concurrency, 40, began=2.0, now=3.0)), "the server is down: it answers nobody"
    assert not concurrency.crowded(2.0, 3.0)
    assert concurrency.limit == 20


def test_what_left_before_the_decrease_is_the_same_sign():
    concurrency = crowd(40)
    lose(concurrency, now=1.0)
    concurrency.good()
    assert not any(lose(concurrency, 30, began=0.9, now=1.1))
    assert not concurrency.crowded(0.9, 1.1)
    assert concurrency.crowded(1.0, 1.2)
    assert concurrency.limit == 10


@pytest.mark.parametrize(
    ("good", "lost", "is_lower"), [(94, 5, False), (94, 6, True), (500, 5, False), (500, 6, True)]
)
def test_more_than_one_in_twenty_of_the_last_hundred_are_a_sign(good, lost, is_lower):
    concurrency = crowd(40)
    for _ in range(good):
        concurrency.good()
    assert any(lose(concurrency, lost)) is is_lower


@pytest.mark.parametrize("limit", [1, None])
def test_it_never_falls_below_one(limit):
    concurrency = crowd(1, limit=limit)
    assert not any(lose(concurrency, 9))
    assert not concurrency.crowded(0.0, 1.0)
    assert concurrency.limit == limit
    concurrency = crowd(3, limit=3)
    for at in range(9):
        concurrency.good()
        concurrency.crowded(at, at + 1.0)
    assert concurrency.limit == 1


def raises(concurrency: Concurrency, answers: int) -> list[int]:
    """The numbers of the answers, from 1, that raise the limit; as many are under way as may be."""
    raised = []
    for number in range(1, answers + 1):
        concurrency.under_way = concurrency.limit
        if concurrency.good():
            raised.append(number)
    return raised


def test_each_round_at_the_limit_makes_it_one_more_and_next_to_what_was_too_many_fifty_do():
    concurrency = crowd(8)
    lose(concurrency)
    assert concurrency.limit == 4
    assert raises(concurrency, 4 + 5 + 6) == [4, 9, 15]
    assert concurrency.limit == 7, "eight were too many"
    assert raises(concurrency, 50 * 7 + 50 * 8 + 9 + 10) == [350, 750, 759, 769]
    assert concurrency.limit == 11


def test_a_limit_that_is_not_used_up_is_not_raised():
    concurrency = crowd(8)
    lose(concurrency)
    concurrency.under_way = 3
    assert not any(concurrency.good() for _ in range(100))


def test_where_the_limit_had_been_raised_since_a_quarter_less_is_enough():
    concurrency = crowd(16)
    lose(concurrency)
    raises(concurrency, 8 + 9 + 10 + 11)
    assert concurrency.limit == 12
    assert concurrency.crowded(2.0, 3.0)
    assert concurrency.limit == 9
    concurrency.good()
    assert concurrency.crowded(4.0, 5.0)
    assert concurrency.limit == 4, "not raised since: half"


@asynccontextmanager
async def inside_of(gate: Gate, **how):
    await gate.enter(**how)
    yield
    gate.leave()


async def test_the_gate_lets_in_as_many_as_there_is_room_for_and_the_others_in_the_order_they_came():
    concurrency = Concurrency()
    concurrency.limit = 2
    gate, inside, done = Gate(concurrency), [], [asyncio.Event() for _ in range(5)]

    async def go(number: int) -> None:
        async with inside_of(gate):
            inside.append(number)
            await done[number].wait()

    tasks = [asyncio.ensure_future(go(number)) for number in range(5)]
    await asyncio.sleep(0)
    assert (inside, concurrency.inside) == ([0, 1], 2)
    async with inside_of(gate, through=True):
        assert concurrency.inside == 3, "one that goes through does not wait"
    done[1].set()
    await tasks[1]
    await asyncio.sleep(0)
    assert inside == [0, 1, 2]
    concurrency.limit = 1
    done[2].set()
    await tasks[2]
    await asyncio.sleep(0)
    assert (inside, concurrency.inside) == ([0, 1, 2], 1)
    tasks[3].cancel()
    done[0].set()
    await tasks[0]
    await asyncio.sleep(0)
    assert (inside, concurrency.inside) == ([0, 1, 2, 4], 1), "one that was given up is passed over"
    done[4].set()
    await tasks[4]
    assert concurrency.inside == 0


async def test_whoever_was_let_in_and_cancelled_at_the_same_moment_makes_room_for_the_next():
    concurrency = Concurrency()
    concurrency.limit = 1
    gate, inside = Gate(concurrency), []

    async def go(number: int) -> None:
        async with inside_of(gate):
            inside.append(number)

    async with inside_of(gate):
        first, second = (asyncio.ensure_future(go(number)) for number in range(2))
        await asyncio.sleep(0)
    first.cancel()
    await second
    assert (inside, concurrency.inside) == ([1], 0)


async def test_an_open_gate_lets_everything_in():
    concurrency = Concurrency()
    concurrency.limit = 1
    gate, inside = Gate(concurrency), []

    async def go() -> None:
        async with inside_of(gate):
            inside.append(True)

    async with inside_of(gate):
        waiting = [asyncio.ensure_future(go()) for _ in range(3)]
        await asyncio.sleep(0)
        assert not inside
        gate.open()
        await asyncio.gather(*waiting, go())
        assert len(inside) == 4
    assert concurrency.inside == 0


@pytest.mark.parametrize(("most", "limit", "together"), [(3, None, 3), (3, 2, 2), (3, 8, 3), (inf, 8, 8)])
def test_no_more_requests_are_under_way_than_the_user_or_the_process_allows(most, limit, together):
    concurrency = Concurrency(most)
    concurrency.limit = limit
    assert concurrency.most == together
    concurrency.inside = concurrency.under_way = together - 1
    assert (concurrency.has_room, concurrency.may_leave) == (True, True)
    concurrency.inside = concurrency.under_way = together
    assert (concurrency.has_room, concurrency.may_leave) == (False, False)
