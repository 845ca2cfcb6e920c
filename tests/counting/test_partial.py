from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.counting.partial import Partial
from lifestats_crawler.items import Tally
from lifestats_crawler.ranges import IdRange, union

keys = st.lists(st.integers(0, 9) | st.sampled_from("ab"), max_size=4)
pages = st.lists(st.tuples(keys, keys, st.integers(0, 2), st.none() | st.integers(0, 99)), max_size=12)


def tally(number, colours, sizes, without, highest) -> Tally:
    settles = IdRange(number * 10, number * 10 + number % 4)
    found = {"colours": colours, "sizes": sizes}
    claims = IdRange(settles.end, settles.end + 3) if number % 3 == 1 else None
    return Tally(settles, found, len(colours), without={"sizes": without}, highest=highest, claims=claims)


@given(pages, st.randoms())
def test_in_whatever_order_pages_come_their_partial_counts_are_their_sum(rows, random):
    tallies = [tally(number, *row) for number, row in enumerate(rows)]
    partial = Partial(["colours", "sizes"])
    for page in random.sample(tallies, len(tallies)):
        partial.add(page)
    for name in ("colours", "sizes"):
        assert partial.counts[name] == Counter(key for page in tallies for key in page.keys[name])
    assert partial.keys == sum(
        len({*(key for page in tallies for key in page.keys[name])}) for name in ("colours", "sizes")
    )
    assert (partial.pages, partial.records) == (len(tallies), sum(page.records for page in tallies))
    assert partial.without["sizes"] == sum(page.without["sizes"] for page in tallies)
    assert [part for part, _ in partial.pieces] == union(page.settles for page in tallies)
    assert partial.ids == sum(len(part) for part, _ in partial.pieces)
    assert all(
        records == sum(page.records for page in tallies if page.settles.begin in part)
        for part, records in partial.pieces
    )
    assert sorted(partial.claims) == [page.claims for page in tallies if page.claims]
    assert partial.highest == max((page.highest for page in tallies if page.highest is not None), default=-1)


def test_of_the_names_of_a_value_the_last_one_stays():
    partial = Partial(["colours"])
    for begin, labels in ((0, {7: "red", 8: "blue"}), (5, {7: "crimson"})):
        partial.add(Tally(IdRange(begin, begin + 5), {"colours": [7]}, 1, labels={"colours": labels}))
    assert partial.labels == {"colours": {7: "crimson", 8: "blue"}}


def test_a_page_that_settles_nothing_is_a_page_all_the_same():
    partial = Partial(["colours"])
    assert not partial
    partial.add(Tally(IdRange(5, 5)))
    assert partial
    assert (partial.pages, partial.pieces) == (1, [])


def test_faulty_ids_are_not_settled_and_an_id_beyond_the_space_is_the_highest_one():
    partial = Partial(["colours"])
    partial.add(Tally(IdRange(0, 10), {"colours": [7]}, 1, ids=[3, 4, 2000], highest=4, faulty={4: "no colour"}))
    assert partial.pieces == [(IdRange(0, 4), 1), (IdRange(5, 10), 0)]
    assert (partial.ids, partial.highest) == (9, 2000)


def test_the_bytes_of_counts_and_names_grow_with_new_values_only():
    partial = Partial(["texts"])
    page = Tally(IdRange(0, 2), {"texts": ["x" * 10_000, "y"]}, 2, labels={"texts": {"y": "z" * 5000}})
    partial.add(page)
    once = partial.bytes
    assert 15_000 < once < 16_000
    partial.add(page)
    assert partial.bytes == once


class Told(int):
    """A key that counts how often it is looked at."""

    looks = 0

    def __hash__(self):
        Told.looks += 1
        return super().__hash__()


def test_what_a_page_costs_does_not_grow_with_what_is_in_memory():
    partial, looks = Partial(["colours"]), []
    for number in range(100):
        keys = [Told(number * 10 + each) for each in range(10)]
        Told.looks = 0
        names = {"colours": dict.fromkeys(keys, "red")}
        partial.add(Tally(IdRange(number, number + 1), {"colours": keys}, 10, labels=names))
        looks.append(Told.looks)
    assert looks[-1] == looks[0]
