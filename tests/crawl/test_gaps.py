from __future__ import annotations

import pytest

from lifestats_crawler.crawl.gaps import confirms, improbable
from lifestats_crawler.items import Tally
from lifestats_crawler.ranges import IdRange

EMPTY = IdRange(0, 0)


def shown(*ids: int, following: int | None = None) -> Tally:
    return Tally(EMPTY, ids=ids, next=following)


ROWS = [
    # dense: the next page's records cannot be missing by chance
    (shown(*range(100), following=100), IdRange(0, 1000), 1.0, None),
    (shown(*range(30, 130), following=130), IdRange(0, 1000), 1.0, IdRange(0, 30)),
    (shown(*range(20, 120), following=120), IdRange(0, 1000), 1.0, None),
    (shown(*range(50), *range(80, 130), following=130), IdRange(0, 1000), 1.0, IdRange(50, 80)),
    (shown(*range(100), following=200), IdRange(0, 1000), 1.0, IdRange(100, 200)),
    # sparse: gaps of a thousand ids are usual there, and twenty of these are not
    (shown(*range(0, 100_000, 1000), following=100_000), IdRange(0, 10**6), 0.001, None),
    (shown(*range(30_000, 130_000, 1000), following=130_000), IdRange(0, 10**6), 0.001, IdRange(0, 30_000)),
    # what is known around it is sparse, although the page itself is dense
    (shown(*range(5000, 5100), following=5100), IdRange(0, 10_000), 0.001, None),
    # no record in what was asked for
    (shown(700, 701, following=702), IdRange(0, 500), 1.0, IdRange(0, 700)),
    (shown(501, following=502), IdRange(490, 500), 1.0, IdRange(490, 501)),
    (shown(following=400), IdRange(0, 1000), 1.0, IdRange(0, 400)),
    (shown(following=5), IdRange(0, 1000), 1.0, None),
]


@pytest.mark.parametrize(("tally", "asked", "density", "gap"), ROWS)
def test_what_a_page_settles_without_a_record_is_asked_into_where_it_is_improbable(tally, asked, density, gap):
    assert improbable(tally, asked, 100, lambda ids: density * len(ids)) == gap


@pytest.mark.parametrize(("limit", "least"), [(1, 7), (5, 7), (10, 10), (100, 20.7)])
def test_a_page_of_records_will_do_but_no_fewer_than_seven(limit, least):
    def is_asked(width: int) -> bool:
        tally = shown(width, width + 1, width + 2, following=width + 3)
        return improbable(tally, IdRange(0, 1000), limit, len) is not None

    assert [is_asked(width) for width in (int(least) - 1, int(least) + 1)] == [False, True]


@pytest.mark.parametrize(
    ("page", "again", "is_confirmed"),
    [
        (shown(50, 51), shown(50, 51), True),
        (shown(50, 51), shown(5, 50), True),
        (shown(50, 51), shown(20, 50), False),
        (shown(50, 51), shown(51), False),
        (shown(50, 51), shown(), False),
        (shown(50, 51), shown(5), False),
        (shown(following=50), shown(), True),
        (shown(following=50), shown(5), False),
        (shown(following=50), shown(50), True),
        (shown(following=50), shown(49), False),
    ],
)
def test_a_second_answer_confirms_only_the_same_record_next(page, again, is_confirmed):
    assert confirms(page, IdRange(10, 50), again) is is_confirmed
