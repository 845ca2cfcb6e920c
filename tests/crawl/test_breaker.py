from __future__ import annotations

from lifestats_crawler.crawl.breaker import Breaker


def outcomes(breaker: Breaker, *successes: bool) -> bool:
    for success in successes:
        breaker.record(success=success)
    return breaker.is_open


def test_it_opens_when_more_than_the_limit_of_the_window_fails():
    breaker = Breaker(limit=0.5, window=10)
    assert not outcomes(breaker, *[True, False] * 5)
    assert outcomes(breaker, False)
    assert breaker.failures == "6 of the last 10 first tries"


def test_a_burst_of_failures_that_fits_into_the_window_passes():
    breaker = Breaker(limit=0.75, window=100)
    assert not outcomes(breaker, True, *[False] * 75)
    assert not outcomes(breaker, *[True] * 25, *[False] * 75)
