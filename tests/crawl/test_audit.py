from __future__ import annotations

from bisect import bisect_left
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.crawl.audit import Outcome, Shown, audit, difference, parts, widest_gap
from lifestats_crawler.crawl.talk import Heard
from lifestats_crawler.exceptions import FaultyPageError
from lifestats_crawler.items import Answer, Tally
from lifestats_crawler.ranges import IdRange

LIMIT = 10


def nearest(ids, first, limit):
    at = bisect_left(ids, first)
    return ids[at : at + limit]


def answered(ids, first, limit):
    shown = nearest(ids, first, limit)
    following = nearest(ids, (shown[-1] + 1) if shown else first, 1)
    return shown, following[0] if following else None


HONEST = {
    "nearest": answered,
    "fewer": lambda ids, first, limit: answered(ids, first, max(1, limit - 3)),
    "ignores the limit": lambda ids, first, _: answered(ids, first, LIMIT),
    "repeats earlier records": lambda ids, first, limit: (
        sorted({*nearest(ids, max(0, first - 5), 2), *answered(ids, first, limit)[0]}),
        answered(ids, first, limit)[1],
    ),
    "clamps its last page": lambda ids, first, limit: answered(ids, min(first, max(ids[-limit:])), limit),
}


def newest(ids, first, limit):
    return [an_id for an_id in ids if an_id >= first][-limit:], None


def pinned(ids, first, limit):
    return sorted({ids[-1], *nearest(ids, first, limit - 1 or 1)}), None


def as_texts(ids, first, limit):
    return sorted(sorted((an_id for an_id in ids if str(an_id) >= str(first)), key=str)[:limit]), None


def filtered_late(ids, first, limit):
    return [an_id for an_id in nearest(ids, first, limit) if an_id % 7 == 0], None


LIARS = [newest, pinned, as_texts, filtered_late]


def _answer(told) -> Answer:
    return Answer(200, {"shown": told}, b"read by the test")


def audited(api, ids, first, seed, *, is_inclusive=True) -> Outcome:
    def look(answer, at) -> Tally:
        if answer.status != 200:
            raise FaultyPageError("status")
        shown, following = answer.headers["shown"]
        return Tally(IdRange(at, at), ids=shown, next=following)

    page = Shown.of(first, look(_answer(api(ids, first, LIMIT)), first))
    talk = audit(page, look, LIMIT, Random(seed), is_inclusive=is_inclusive)
    try:
        question = next(talk)
        while True:
            limit = LIMIT if question.limit is None else question.limit
            question = talk.send(Heard(_answer(api(ids, question.first, limit)), 0.0))
    except StopIteration as over:
        return over.value.outcome


@given(
    st.sampled_from(sorted(HONEST)),
    st.lists(st.integers(0, 300), min_size=1, unique=True).map(sorted),
    st.integers(0, 300),
    st.integers(0, 50),
    st.booleans(),
)
def test_an_honest_api_never_differs(kind, ids, first, seed, is_inclusive):
    assert audited(HONEST[kind], ids, first, seed, is_inclusive=is_inclusive) in {Outcome.AGREED, Outcome.UNHEARD}


@pytest.mark.parametrize("liar", LIARS)
def test_an_api_that_is_not_what_the_configuration_says_differs_now_and_then(liar):
    ids = list(range(1, 3000, 2))
    outcomes = [audited(liar, ids, first, seed) for first in (1, 501, 1999) for seed in range(40)]
    assert outcomes.count(Outcome.DIFFERS) >= len(outcomes) / 10


@pytest.mark.parametrize(
    ("page", "gap"),
    [
        (Shown(10, [10, 11, 15, 16], 17), IdRange(12, 15)),
        (Shown(10, [20, 21], 22), IdRange(10, 20)),
        (Shown(10, [10, 11], 30), IdRange(12, 30)),
        (Shown(10, [10, 11], 12), IdRange(10, 10)),
        (Shown(10, [], 15), IdRange(10, 15)),
    ],
)
def test_the_widest_gap_may_be_before_the_first_record_or_before_next(page, gap):
    assert widest_gap(page) == gap or not len(gap)
    assert len(widest_gap(page)) == len(gap)


def test_parts_begin_at_a_record_or_after_one_and_inside_the_widest_gap():
    page = Shown(10, [10, 12, 40, 42], 43)
    asked = {
        (kind, tuple(parts(page, Random(seed), is_inclusive=kind))) for kind in (True, False) for seed in range(50)
    }
    assert {first for kind, (first, _) in asked if kind} == {10, 12, 40, 42}
    assert {first for kind, (first, _) in asked if not kind} == {11, 13, 41}
    assert all(13 <= inside < 40 for _, (_, inside) in asked)


@pytest.mark.parametrize(
    ("part", "differs"),
    [
        (Shown(12, [12, 14], 15), False),
        (Shown(12, [12], 13), False),
        (Shown(12, [12, 13], 14), True),
        (Shown(12, [14], 15), True),
        (Shown(12, [12, 14, 16, 99], 100), False),
        (Shown(12, [], 12, has_any=False), True),
        (Shown(12, [], 12, has_any=True), False),
        (Shown(12, [], 12, has_any=False, names_next=True), False),
        (Shown(12, [], 13, has_any=False, names_next=True), True),
        (Shown(17, [], 17, has_any=False), False),
    ],
)
def test_what_a_part_must_show(part, differs):
    page = Shown(10, [10, 12, 14, 16], 17)
    assert (difference(page, part) is not None) is differs
