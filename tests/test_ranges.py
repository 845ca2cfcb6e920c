from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.exceptions import OverlapError
from lifestats_crawler.ranges import Coverage, IdRange, in_two, missing, missing_from_each, share, split, union

ranges = st.builds(lambda begin, size: IdRange(begin, begin + size), st.integers(0, 60), st.integers(0, 20))
disjoint = st.sets(st.integers(0, 40)).map(lambda ids: [IdRange(i * 2, i * 2 + 2) for i in ids])


def ids_of(items) -> list[int]:
    return [an_id for item in items for an_id in range(item.begin, item.end)]


@given(st.lists(ranges))
def test_a_union_has_every_id_once_and_no_two_ranges_that_touch(items):
    merged = union(items)
    assert ids_of(merged) == sorted(set(ids_of(items)))
    assert all(a.end < b.begin for a, b in pairwise(merged))


@given(ranges, st.lists(ranges))
def test_what_is_covered_and_what_is_missing_make_the_whole(whole, covered):
    left = ids_of(missing(whole, covered))
    assert not set(left) & set(ids_of(covered))
    assert set(left) | (set(ids_of(covered)) & set(ids_of([whole]))) == set(ids_of([whole]))


@given(st.lists(ranges), st.lists(ranges))
def test_what_is_missing_from_each_of_many_ranges_is_what_is_missing_from_it_alone(items, covered):
    left = list(missing_from_each(items, covered))
    assert left == [list(missing(item, covered)) for item in items]


@given(st.lists(st.lists(ranges)))
def test_in_two_is_what_two_groups_have_and_not_what_one_has_twice(groups):
    counted = Counter(an_id for group in groups for an_id in set(ids_of(group)))
    assert ids_of(in_two(groups)) == sorted(an_id for an_id, times in counted.items() if times > 1)


@given(ranges, st.integers(1, 30))
def test_the_parts_of_a_split_make_the_whole_and_differ_by_one_id_at_most(whole, parts):
    pieces = split(whole, parts)
    assert ids_of(pieces) == ids_of([whole])
    assert len(pieces) == min(parts, len(whole))
    assert max(map(len, pieces), default=0) - min(map(len, pieces), default=0) <= 1


@given(st.lists(ranges), st.integers(1, 30))
def test_sharing_out_loses_no_id_and_makes_as_many_parts_as_asked_for(items, parts):
    shared = share(items, parts)
    whole = union(items)
    assert ids_of(shared) == ids_of(whole)
    assert len(shared) >= min(parts, len(ids_of(whole)), max(parts, len(whole))) or len(whole) > parts


@given(disjoint, st.randoms())
def test_coverage_in_any_order_is_the_union(items, random):
    random.shuffle(items)
    coverage = Coverage(items)
    assert list(coverage) == union(items)
    assert len(coverage) == sum(map(len, items))


@given(disjoint, ranges)
def test_coverage_refuses_an_id_that_it_has_and_stays_as_it_was(items, another):
    coverage = Coverage(items)
    if set(ids_of(items)) & set(ids_of([another])):
        with pytest.raises(OverlapError):
            coverage.add(another)
        assert list(coverage) == union(items)
    else:
        coverage.add(another)
        assert list(coverage) == union([*items, another])


@given(disjoint, disjoint)
def test_of_ranges_that_are_settled_together_none_is_if_one_is_settled_already(items, others):
    coverage = Coverage(items)
    if set(ids_of(items)) & set(ids_of(others)):
        with pytest.raises(OverlapError):
            coverage.add(*others)
        others = []
    else:
        coverage.add(*others)
    assert list(coverage) == union([*items, *others])
    assert len(coverage) == sum(map(len, [*items, *others]))
