from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.pacer import Pacer

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
