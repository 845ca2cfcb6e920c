from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.report.audit import at_most


@pytest.mark.parametrize(
    ("ranges", "differing", "pages", "bound"),
    [
        (0, 0, 0, 0.0),
        (0, 0, 1, 1.0),
        (1, 0, 5000, 1.0),
        (3, 0, 5000, 1.0),
        (30, 0, 5000, 0.1),
        (7, 0, 5000, 0.428572),
        (4999, 0, 5000, 0.000601),
        (5000, 0, 5000, 0.0),
        (5001, 0, 5000, 0.0),
        (10, 1, 5000, 0.394163),
        (10, 3, 10, 0.606625),
        (5, 5, 5000, 1.0),
    ],
)
def test_of_all_pages_no_more_can_differ_than(ranges, differing, pages, bound):
    assert at_most(ranges, differing, pages) == pytest.approx(bound, abs=2e-6)


@given(st.integers(1, 400), st.data())
def test_with_a_share_at_the_bound_so_few_differences_have_one_chance_in_twenty(ranges, data):
    differing = data.draw(st.integers(1, ranges))
    bound = at_most(ranges, differing, 10**6)
    chance = sum(comb(ranges, k) * bound**k * (1 - bound) ** (ranges - k) for k in range(differing + 1))
    assert differing / ranges <= bound <= 1
    assert chance == pytest.approx(0.05 if differing < ranges else 1, rel=1e-2)
