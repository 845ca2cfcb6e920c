from __future__ import annotations

from math import inf
from random import Random

import pytest

from lifestats_crawler.crawl.throttle import Pause, Throttle
from lifestats_crawler.items import Answer


def refusal(left_at: float, told: str = "", status: int = 429) -> Answer:
    return Answer(status, {"Retry-After": told} if told else {}, left_at=left_at)


def good(left_at: float, seconds: float = 0.1) -> Answer:
    return Answer(200, left_at=left_at, seconds=seconds)


@pytest.fixture
def throttle():
    return Throttle(Random(1))


@pytest.mark.parametrize("status", [429, 503, 529, 403])
def test_everybody_waits_as_long_as_the_server_says(throttle, status):
    assert throttle.take(refusal(0.0, "7", status), 1.0) == Pause(7.0)
    assert (throttle.refused_since, throttle.told_until) == (1.0, 8.0)


@pytest.mark.parametrize("answer", [good(0.0), Answer(503), Answer(500), Answer(404), Answer(error="none")])
def test_other_answers_are_no_pause(throttle, answer):
    assert throttle.take(answer, 1.0) == Pause()
    assert (throttle.refused_since, throttle.told_until) == (None, -inf)


def test_one_burst_of_refusals_is_one_refusal(throttle):
    first = throttle.take(refusal(0.0), 1.0)
    assert 0 < first.seconds < 0.5
    assert [throttle.take(refusal(left_at), 1.2) for left_at in (0.0, 0.5, 0.99)] == [Pause()] * 3
    for seed in range(50):
        throttle = Throttle(Random(seed))
        throttle.take(refusal(0.0), 1.0)
        for _ in range(40):
            throttle.take(refusal(0.5), 1.2)
        assert throttle.take(refusal(3.0), 3.1).seconds <= 1.0, "the second in a row"


def test_a_time_told_in_a_burst_makes_its_pause_longer_and_never_shorter(throttle):
    throttle.take(refusal(0.0, "5"), 1.0)
    assert throttle.take(refusal(0.5, "2"), 1.5) == Pause()
    assert throttle.take(refusal(0.5, "8"), 1.5) == Pause(8.0)
    assert throttle.take(refusal(0.6, "7"), 2.0) == Pause()
    assert throttle.told_until == 9.5


def last_wait(seed: int, answers: list[str]) -> float:
    """The last pause for answers to requests that leave one after another."""
    throttle, wait = Throttle(Random(seed)), 0.0
    for at, what in enumerate(answers):
        answer = {"bare": refusal(at), "good": good(at), "stray": good(-1.0), "500": Answer(500)}.get(what)
        wait = throttle.take(answer or refusal(at, what), at + 0.5).seconds
    return wait


@pytest.mark.parametrize(
    ("answers", "most"),
    [
        (["bare"], 0.5),
        (["bare"] * 2, 1.0),
        (["bare"] * 3, 2.0),
        (["bare"] * 30, 30.0),
        (["bare", "bare", "good", "bare"], 0.5),
        (["bare", "bare", "stray", "500", "bare"], 2.0),
        (["bare", "5", "bare"], 1.0),
    ],
    ids=str,
)
def test_pauses_in_a_row_for_which_no_time_is_named_become_longer_until_a_good_answer(answers, most):
    waits = [last_wait(seed, answers) for seed in range(300)]
    assert 0.9 * most < max(waits) <= most
    assert min(waits) < 0.1 * most


def test_refused_since_is_the_first_refusal_after_the_last_good_answer(throttle):
    throttle.take(refusal(0.0, "1"), 1.0)
    throttle.take(refusal(2.5, "1"), 3.0)
    throttle.take(good(0.5), 3.0)
    assert throttle.refused_since == 1.0, "that one had left before the server refused"
    throttle.take(good(4.5), 5.0)
    assert throttle.refused_since is None
    throttle.take(refusal(6.0), 7.0)
    assert throttle.refused_since == 7.0


@pytest.mark.parametrize("told", ["", "1"])
@pytest.mark.parametrize(
    ("between", "left_at", "is_crowded"),
    [
        ([good(0.5)], 2.05, True),
        ([good(0.5)], 2.15, False),  # later than at once: too fast, and not too many
        ([good(0.5, seconds=2.0)], 3.9, True),  # as many are under way only after a while
        ([], 2.05, False),  # it answers nobody
        ([Answer(500, left_at=0.5)], 2.05, False),
    ],
)
def test_refusals_at_once_after_a_pause_beside_good_answers_are_of_too_many(told, between, left_at, is_crowded):
    throttle = Throttle(Random(1))
    assert not throttle.take(refusal(0.0, "1"), 1.0).is_crowded, "the first one"
    for answer in between:
        throttle.take(answer, 1.5)
    assert throttle.take(refusal(left_at, told), 5.0).is_crowded is is_crowded
    assert not throttle.take(refusal(left_at, told), 5.1).is_crowded, "the same burst"


@pytest.mark.parametrize(
    ("status", "headers", "is_unexplained"),
    [
        (429, {}, True),
        (429, {"Retry-After": "1"}, True),
        (429, {"Retry-After": "0"}, True),
        (429, {"Retry-After": "5"}, False),  # longer than the window: another limit
        (429, {"X-RateLimit-Remaining": "0"}, False),
        (429, {"X-RateLimit-Remaining": "3"}, True),
        (429, {"RateLimit-Reset": "1"}, False),
        (429, {"RateLimit": '"default";r=0;t=1'}, False),
        (503, {"Retry-After": "1"}, False),
    ],
)
def test_only_a_refusal_that_nothing_else_explains_means_that_the_server_counts_more_strictly(
    throttle, status, headers, is_unexplained
):
    assert throttle.take(Answer(status, headers, left_at=0.0), 1.0).is_unexplained is is_unexplained


def test_a_refusal_right_after_a_pause_means_too_many_at_once_and_not_a_stricter_count(throttle):
    pause = throttle.take(refusal(0.0, "1"), 1.0)
    assert pause.is_unexplained
    throttle.take(good(0.5), 1.5)
    again = throttle.take(refusal(2.01, "1"), 2.2)
    assert (again.is_crowded, again.is_unexplained) == (True, False)
