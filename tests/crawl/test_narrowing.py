from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.crawl.narrowing import Narrowing

PAGE = 100


def narrowed(ids, fails, end, *, has_limit=True, spacing=1.0):
    """Narrow from id 0 on as the walk does; return the lost ranges, and how many requests that took."""
    cursor, lost, requests = 0, [], 0
    while cursor < end:
        narrowing = Narrowing(cursor, end, PAGE if has_limit else None, spacing, PAGE)
        requests += 1
        if not fails(cursor, PAGE):
            cursor = _after(ids, cursor, PAGE, end)
            continue
        while not narrowing.is_last:
            first, limit = narrowing.asks
            requests += 1
            is_bad = fails(first, PAGE if limit is None else limit)
            if narrowing.is_probing:
                narrowing.probed(is_good=not is_bad, end=end)
            elif is_bad:
                narrowing.failed(end)
            else:
                cursor = _after(ids, first, limit or PAGE, end)
                if narrowing.advanced(cursor) or cursor >= end:
                    break
        else:
            lost.append((cursor, narrowing.lost_until(end)))
            cursor = lost[-1][1]
    return lost, requests


def _after(ids, first, limit, end):
    at = bisect_left(ids, first) + limit
    return min(end, ids[at] if at < len(ids) else end)


@pytest.mark.parametrize("bad", [0, 1, 49, 50, 98, 99])
def test_a_record_that_makes_its_page_fail_costs_its_id_and_a_dozen_requests(bad):
    ids = range(1000)
    lost, requests = narrowed(ids, lambda first, limit: first <= bad < first + limit, 1000)
    assert lost == [(bad, bad + 1)]
    assert requests <= 10 + 14


@given(st.integers(0, 900), st.integers(1, 300))
def test_of_a_dead_region_the_ends_are_found(begin, pages):
    end = begin + pages * PAGE
    ids = range(end + 1000)
    lost, requests = narrowed(ids, lambda first, _: begin <= first < end, end + 1000)
    dead = sum(high - low for low, high in lost)
    assert all(begin <= low < high for low, high in lost)
    assert pages * PAGE - PAGE <= dead <= pages * PAGE + PAGE / 2
    assert requests <= 12 * (pages + 1) + (end + 1000) / PAGE + 30


def test_among_sparse_ids_what_is_lost_is_measured_in_records_and_not_in_ids():
    ids = range(0, 10**9, 10**6)
    bad = 50 * 10**6

    def fails(first, limit) -> bool:
        at = bisect_left(ids, first)
        return bad in ids[at : at + limit]

    lost, requests = narrowed(ids, fails, 10**9, spacing=10**6)
    ((low, high),) = lost
    assert low <= bad < high <= bad + 2 * 10**6
    assert requests <= 40


def test_without_a_limit_ranges_have_to_do():
    lost, _ = narrowed(range(1000), lambda first, limit: first <= 250 < first + limit, 1000, has_limit=False)
    assert lost[-1][1] == 251
    assert sum(high - low for low, high in lost) <= PAGE + 1
