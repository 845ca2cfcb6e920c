from __future__ import annotations

from heapq import heappop, heappush
from itertools import count, pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.downloader.pacer import Pacer

# How late each timer fires, in seconds: mostly on time, now and then a stall.
lateness = st.lists(st.one_of(st.just(0.0), st.floats(0, 0.002), st.floats(0, 0.3)), min_size=1, max_size=40)


def departures(pacer: Pacer, late: list[float], many: int) -> list[float]:
    """Send ``many`` requests that all wait from the start; timers are late by turns."""
    places = sorted(pacer.reserve(0.0) for _ in range(many))
    now, left = 0.0, []
    for turn, place in enumerate(places):
        now = max(now, place + late[turn % len(late)])
        while (wait := pacer.depart(now)) > 0:
            now += wait
        left.append(now)
    return left


@given(st.sampled_from([0.5, 1, 2.5, 10, 100]), lateness)
def test_however_late_the_timers_are_no_second_sees_more_than_the_rate(rate, late):
    left = departures(Pacer(rate), late, 250)
    most = max(sum(1 for other in left if start <= other < start + 1) for start in left)
    assert most <= max(1, -(-rate // 1))


@given(st.sampled_from([10, 100]), st.floats(0, 0.009))
def test_timers_that_are_always_late_do_not_push_back_the_schedule(rate, late):
    left = departures(Pacer(rate), [late], 500)
    assert left[-1] <= 500 / (rate * 0.99) + late


def test_what_is_late_after_a_stall_catches_up_at_four_times_the_rate_and_not_in_a_burst():
    pacer = Pacer(100)
    places = [pacer.reserve(0.0) for _ in range(40)]
    left, now = [], 0.2  # nothing ran before that: twenty places are overdue
    for place in places:
        now = max(now, place)
        while (wait := pacer.depart(now)) > 0:
            now += wait
        left.append(now)
    gaps = [late - early for early, late in pairwise(left)]
    assert min(gaps) == pytest.approx(0.0025)
    assert left[-1] == pytest.approx(0.39), "and then it is on time again"


def test_a_hold_makes_everybody_wait_and_then_leave_one_by_one():
    pacer = Pacer(10)
    places = [pacer.reserve(0.0) for _ in range(3)]
    pacer.hold(5.0)
    waits = [place + pacer.depart(place) for place in places]
    assert waits == pytest.approx([5.0, 5.1, 5.2])
    assert [pacer.depart(wait) for wait in waits] == [0.0, 0.0, 0.0]


def test_without_a_rate_only_a_hold_makes_anybody_wait():
    pacer = Pacer(None)
    assert [pacer.reserve(1.0) + pacer.depart(1.0) for _ in range(500)] == [0.0] * 500
    pacer.hold(3.0)
    assert pacer.reserve(1.0) == 2.0
    assert pacer.depart(3.0) == 0.0


def test_places_that_nobody_takes_are_not_saved_up_for_a_burst():
    pacer = Pacer(10)
    pacer.reserve(0.0)
    assert pacer.reserve(60.0) == 0.0
    assert pacer.reserve(60.0) > 0.09


def test_free_places_are_those_that_nobody_has_booked():
    pacer = Pacer(100)
    assert pacer.free_places(0.0, 0.05) == 5
    for _ in range(3):
        pacer.reserve(0.0)
    assert (pacer.free_places(0.0, 0.05), pacer.booked) == (2, 3)
    assert [pacer.depart(0.0), pacer.booked, pacer.departed] == [0.0, 3, 1]
    pacer.hold(0.04)
    assert pacer.free_places(0.0, 0.05) == 1
    pacer.hold(0.06)
    assert pacer.depart(0.01) > 0
    assert (pacer.free_places(0.0, 0.05), pacer.booked, pacer.departed) == (0, 3, 1)


def test_strictly_paced_departures_leave_room_for_the_jitter_of_a_network():
    strict, normal = (departures(Pacer(100, is_strict=is_strict), [0.0], 1000) for is_strict in (True, False))
    assert 900 / (strict[-1] - strict[99]) == pytest.approx(99.3, abs=0.05)
    assert 900 / (normal[-1] - normal[99]) == pytest.approx(99.8, abs=0.05)
    gaps = [late - early for early, late in zip(strict, strict[100:], strict=False)]
    assert min(gaps) == pytest.approx(1.007)


def test_every_departure_is_counted_and_every_place_that_was_booked():
    pacer = Pacer(None)
    for number in range(1, 4):
        pacer.reserve(0.0)
        assert pacer.depart(0.0) == 0.0
        assert (pacer.booked, pacer.departed) == (number, number)


@pytest.mark.parametrize(
    ("rate", "is_strict", "gap"),
    # A quarter of the interval, if timers are so fine; strictly, the window has room for a burst.
    [(10, False, 0.025), (100, False, 0.0025), (10, True, 0.0), (200, False, 0.0)],
)
def test_what_is_late_leaves_at_four_times_the_rate_if_timers_are_so_fine(rate, is_strict, gap):
    pacer = Pacer(rate, is_strict=is_strict)
    for _ in range(3):
        pacer.reserve(0.0)
    assert pacer.depart(5.0) == 0.0
    assert pacer.depart(5.0) == pytest.approx(gap)


def test_a_server_that_holds_us_off_until_the_next_look_leaves_no_place_even_without_a_rate():
    pacer = Pacer(None)
    pacer.hold(1.0)
    assert pacer.free_places(0.5, 0.5) == 0
    assert pacer.free_places(1.0, 0.5) == float("inf")


def test_in_a_pause_only_what_goes_through_leaves_and_at_the_rate():
    pacer = Pacer(10)
    pacer.pause()
    assert (pacer.is_paused, pacer.depart(pacer.reserve(0.0))) == (True, inf)
    assert pacer.free_places(0.0, 60.0) == 0
    assert [pacer.reserve(1.0, through=True) for _ in range(20)] == [0.0] * 20
    left = [leave(pacer, 1.0, through=True) for _ in range(20)]
    assert left[10] - left[0] > 1
    assert (pacer.booked, pacer.departed) == (21, 20)


def test_what_goes_through_leaves_in_spite_of_a_hold():
    pacer = Pacer(10)
    pacer.hold(60.0)
    assert pacer.reserve(1.0, through=True) == 0.0
    assert pacer.depart(1.0, through=True) == 0.0
    assert pacer.depart(1.0) > 58


def test_when_a_pause_ends_is_told_once_and_places_are_booked_again_one_after_another():
    pacer, told = Pacer(10), []
    pacer.pause()
    pacer.when_resumed(lambda now: told.append((now, pacer.is_paused)))
    assert told == []
    pacer.resume(4.0)
    pacer.pause()
    pacer.resume(5.0)
    assert told == [(4.0, False)]
    waits = [pacer.rebook(5.0) for _ in range(3)]
    assert waits == pytest.approx([0.0, 0.1, 0.2])
    assert [pacer.depart(5.0 + wait) for wait in waits] == [0.0] * 3
    assert pacer.booked == 0, "booked again is not booked more"


def test_a_place_that_is_given_back_is_not_booked():
    pacer = Pacer(10)
    pacer.reserve(0.0)
    pacer.give_back()
    assert (pacer.booked, pacer.departed) == (0, 0)


def leave(pacer: Pacer, now: float, *, through: bool = False) -> float:
    """Wait from ``now`` on until a request leaves, and return when."""
    while (wait := pacer.depart(now, through=through)) > 0:
        now += wait
    return now


class Requests:
    """Requests that wait for their place, for a hold, or for the end of a pause; timers are exact."""

    def __init__(self, pacer: Pacer) -> None:
        self.pacer = pacer
        self.held = 0.0
        self.left: list[float] = []
        self._asleep: list[tuple[float, int, bool]] = []
        self._order = count()

    def act(self, what: str, now: float) -> None:
        match what:
            case "come" | "through":
                through = what == "through"
                self._sleep(now + self.pacer.reserve(now, through=through), through)
            case "pause":
                self.pacer.pause()
            case "resume":
                self.pacer.resume(now)
            case "hold":
                self.held = now + 0.5
                self.pacer.hold(self.held)

    def wake(self, until: float) -> None:
        while self._asleep and self._asleep[0][0] <= until:
            now, _, through = heappop(self._asleep)
            wait = self.pacer.depart(now, through=through)
            if wait == inf:
                self.pacer.when_resumed(lambda now: self._sleep(now + self.pacer.rebook(now), through=False))
            elif wait:
                self._sleep(now + wait, through)
            else:
                assert through or (now >= self.held and not self.pacer.is_paused)
                self.left.append(now)

    def _sleep(self, until: float, through: bool) -> None:  # noqa: FBT001
        heappush(self._asleep, (until, next(self._order), through))


acts = st.lists(
    st.tuples(st.sampled_from(["come", "come", "through", "pause", "resume", "hold"]), st.floats(0, 0.3)),
    max_size=200,
)


@given(st.sampled_from([1, 2.5, 10, 100]), acts)
def test_whatever_is_paused_held_and_resumed_no_second_sees_more_than_the_rate_and_everything_leaves(rate, acts):
    requests, now = Requests(Pacer(rate)), 0.0
    for what, after in [*acts, ("resume", 1.0)]:
        now += after
        requests.wake(now)
        requests.act(what, now)
    requests.wake(inf)
    left, pacer = requests.left, requests.pacer
    assert len(left) == pacer.booked == pacer.departed
    most = max((sum(1 for other in left if start <= other < start + 1) for start in left), default=0)
    assert most <= max(1, -(-rate // 1))


def test_what_has_waited_for_the_end_of_a_pause_leaves_one_by_one_at_the_rate():
    requests = Requests(Pacer(10))
    requests.act("pause", 0.0)
    for _ in range(30):
        requests.act("come", 0.0)
    requests.wake(60.0)
    requests.act("resume", 60.0)
    requests.wake(inf)
    assert requests.left == pytest.approx([60 + 0.1 * number for number in range(30)], abs=0.01)
