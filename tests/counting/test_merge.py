from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.counting import merge
from lifestats_crawler.exceptions import CountError, OverlapError, StorageError
from lifestats_crawler.ranges import IdRange
from lifestats_crawler.storage import segments
from tests.storage.stored import FOOTER

pages = st.lists(st.lists(st.integers(0, 9) | st.sampled_from(["a", "b"]), max_size=6), min_size=1, max_size=12)


def ranked(counter: Counter) -> list[tuple[int | str, int]]:
    return sorted(counter.items(), key=lambda item: (-item[1], isinstance(item[0], str), item[0]))


@given(pages, st.randoms(), st.integers(1, 12))
def test_any_grouping_of_the_same_pages_into_segments_gives_the_same_totals(tmp_path_factory, many, random, top):
    directory = tmp_path_factory.mktemp("segments")
    groups: list[list[int]] = [[] for _ in range(random.randint(1, 4))]
    for number in range(len(many)):
        random.choice(groups).append(number)
    for number, group in enumerate(groups, 1):
        counts = {"colours": Counter(key for page in group for key in many[page])}
        covers = tuple(IdRange(page * 10, page * 10 + 10) for page in group)
        records = sum(len(many[page]) for page in group)
        footer = replace(FOOTER, covers=covers, pages=len(group), records=records, without={})
        segments.write(directory, number, counts, footer)
    totals = merge.merge(directory, {"colours": top})
    expected = Counter(key for page in many for key in page)
    colours = totals.counters["colours"]
    assert colours.top == ranked(expected)[: top + 1]
    assert (colours.items, colours.distinct) == (expected.total(), len(expected))
    assert totals.settled.covers == (IdRange(0, 10 * len(many)),)
    assert totals.settled.pages == len(many)


def test_segments_that_overlap_stop_the_merge_and_are_both_named(tmp_path):
    segments.write(tmp_path, 1, {}, replace(FOOTER, covers=(IdRange(0, 5), IdRange(20, 30))))
    segments.write(tmp_path, 2, {}, replace(FOOTER, covers=(IdRange(8, 21),)))
    with pytest.raises(OverlapError) as error:
        merge.merge(tmp_path, {"colours": 3})
    named = "000002.parquet and 000001.parquet both count ids 20 to 20. Delete one of the two"
    assert str(error.value).startswith(named)


@pytest.mark.parametrize("name", ["key=5", "counter=x", "a*b[1]?", "it's"])
def test_a_storage_of_whatever_name_is_read_as_it_is(tmp_path, name):
    directory, other = tmp_path / name / "segments", tmp_path / "aXb1Y" / "segments"
    for number, place in enumerate((directory, other)):
        place.mkdir(parents=True)
        segments.write(place, 1, {"colours": {number: 3}}, replace(FOOTER, without={}))
    assert merge.merge(directory, {"colours": 3}).counters["colours"].top == [(0, 3)]


def test_a_damaged_segment_stops_the_merge_and_is_named(tmp_path):
    path = segments.write(tmp_path, 1, {"colours": {1: 3}}, replace(FOOTER, without={}))
    content = path.read_bytes()
    path.write_bytes(content[:30] + bytes([content[30] ^ 1]) + content[31:])
    with pytest.raises(StorageError, match=r"000001\.parquet is damaged"):
        merge.merge(tmp_path, {"colours": 3})


def test_counts_that_are_not_those_of_the_records_settled_stop_the_merge(tmp_path):
    segments.write(tmp_path, 1, {"colours": {1: 2}}, replace(FOOTER, records=3, without={}))
    with pytest.raises(CountError, match="counter colours has 2 counts for 3 records"):
        merge.merge(tmp_path, {"colours": 3})


def test_a_run_without_a_segment_has_counted_nothing(tmp_path):
    totals = merge.merge(tmp_path, {"colours": 3})
    assert totals.counters["colours"] == merge.CounterTotals(0, 0, [])
    assert totals.settled == segments.Settled()
