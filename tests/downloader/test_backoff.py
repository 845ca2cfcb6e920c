from __future__ import annotations

from random import Random

import pytest

from lifestats_crawler.downloader import backoff


@pytest.mark.parametrize(("failures", "most"), [(1, 0.5), (2, 1), (3, 2), (7, 30), (60, 30), (5000, 30)])
def test_waits_are_spread_over_a_bound_that_doubles_up_to_a_limit(failures, most):
    waits = [backoff.full_jitter(failures, Random(seed)) for seed in range(500)]
    assert 0 <= min(waits) < 0.05 * most
    assert 0.95 * most < max(waits) <= most
