from __future__ import annotations

from random import Random

import pytest

from lifestats_crawler.crawl.throttle import Throttle
from lifestats_crawler.items import Answer


@pytest.mark.parametrize(
    ("status", "told", "wait"),
    [(429, 7.0, 7.0), (503, 7.0, 7.0), (429, 0.0, 0.0), (503, 0.0, 0.0), (503, None, 0.0)],
)
def test_everybody_waits_as_long_as_the_server_says_and_a_503_that_does_not_say_is_no_pause(status, told, wait):
    assert Throttle(Random(1)).wait(Answer(status), told) == wait


def after(seed: int, *answers) -> float:
    """The wait for the last of some answers: a status, told seconds, or None for one that asks for no pause."""
    throttle, wait = Throttle(Random(seed)), 0.0
    for answer in answers:
        if answer is None:
            throttle.relax()
        else:
            wait = throttle.wait(Answer(429), None if answer == "bare" else answer)
    return wait


@pytest.mark.parametrize(
    ("answers", "most"),
    [
        (["bare"], 0.5),
        (["bare"] * 2, 1.0),
        (["bare"] * 3, 2.0),
        (["bare"] * 30, 30.0),
        (["bare", "bare", None, "bare"], 0.5),
        (["bare", 5.0, "bare"], 1.0),
    ],
    ids=str,
)
def test_pauses_in_a_row_for_which_no_time_is_named_become_longer_until_an_answer_asks_for_none(answers, most):
    waits = [after(seed, *answers) for seed in range(300)]
    assert 0.9 * most < max(waits) <= most
    assert min(waits) < 0.1 * most
