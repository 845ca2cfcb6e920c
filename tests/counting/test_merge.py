from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifestats_crawler.counting import merge
from lifestats_crawler.exceptions import CountError, OverlapError, StorageError
from lifestats_crawler.ranges import IdRange
from lifestats_crawler.storage import footers, segments
from tests.storage.stored import FOOTER, JOB

pages = st.lists(st.lists(st.integers(0, 9) | st.sampled_from(["a", "b"]), max_size=6), min_size=1, max_size=12)


def ranked(counter: Counter) -> list[tuple[int | str, int]]:
    return sorted(counter.items(), key=lambda item: (-item[1], isinstance(item[0], str), item[0]))


@settings(max_examples=25)  # each writes segments and opens a database
@given(pages, st.randoms(), st.integers(1, 12))
def test_any_grouping_of_the_same_pages_into_segments_gives_the_same_totals(tmp_path_factory, many, random, top):
    check_a_grouping(tmp_path_factory, many, random, top)


@settings(max_examples=10)  # as above
@given(pages, st.randoms(), st.integers(1, 12))
def test_with_few_descriptors_the_totals_are_the_same(tmp_path_factory, many, random, top):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lifestats_crawler.machine.descriptors", lambda: 10)
        patch.setattr(merge, "_LEAST_FILES", 1)
        check_a_grouping(tmp_path_factory, many, random, top)


def check_a_grouping(tmp_path_factory, many, random, top):
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


@pytest.mark.parametrize(
    "name",
    ["key=5", "counter=x", "Zürich", "s3:", "a*b[1]?", "it's", "\\*", "a\\*b", "b\\nc", "a\\[x]", "a!b[!]", "**"],
)
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


@pytest.mark.parametrize("is_told", [False, True])
def test_a_segment_of_another_run_stops_the_merge_and_is_named_with_what_differs(tmp_path, is_told):
    segments.write(tmp_path, 1, {"colours": {1: 3}}, replace(FOOTER, without={}))
    other = replace(FOOTER, source=JOB.source | {"items": "rows"}, covers=(IdRange(20, 30),), without={})
    segments.write(tmp_path, 2, {"colours": {1: 3}}, other)
    with pytest.raises(StorageError, match=r"000002\.parquet is a segment of another run: items differs\. Move"):
        merge.merge(tmp_path, {"colours": 3}, job=JOB if is_told else None)
    with pytest.raises(StorageError, match=r"000001\.parquet is a segment of another run: items differs\. Move"):
        merge.merge(tmp_path, {"colours": 3}, job=other.job)


def test_counts_that_are_not_those_of_the_records_settled_stop_the_merge(tmp_path):
    segments.write(tmp_path, 1, {"colours": {1: 2}}, replace(FOOTER, records=3, without={}))
    with pytest.raises(CountError, match="counter colours has 2 counts for 3 records"):
        merge.merge(tmp_path, {"colours": 3})


def test_a_run_without_a_segment_has_counted_nothing(tmp_path):
    totals = merge.merge(tmp_path, {"colours": 3})
    assert totals.counters["colours"] == merge.CounterTotals(0, 0, [])
    assert totals.settled == footers.Settled()


@pytest.mark.parametrize("descriptors", [1000, 10], ids=["all at once", "one by one"])
def test_a_value_has_the_name_that_the_newest_segment_with_one_gives_it(tmp_path, monkeypatch, descriptors):
    monkeypatch.setattr("lifestats_crawler.machine.descriptors", lambda: descriptors)
    monkeypatch.setattr(merge, "_LEAST_FILES", 1)
    counts = {"colours": {1: 1, 2: 1, "x": 1}, "sizes": {1: 3}}
    names = [
        {"colours": {1: "old", 2: "two", "x": "ex"}, "sizes": {1: "small"}},
        {"colours": {1: "new"}},
        {},
    ]
    for number, labels in enumerate(names, 1):
        covers = (IdRange(number * 10, number * 10 + 10),)
        segments.write(tmp_path, number, counts, replace(FOOTER, covers=covers, without={}), labels)
    totals = merge.merge(tmp_path, {"colours": 3, "sizes": 3}, ["colours"])
    assert totals.counters["colours"].labels == {1: "new", 2: "two", "x": "ex"}
    assert totals.counters["sizes"].labels == {}


def test_names_that_were_never_written_are_none(tmp_path):
    segments.write(tmp_path, 1, {"colours": {1: 3}}, replace(FOOTER, without={}))
    assert merge.merge(tmp_path, {"colours": 3}, ["colours"]).counters["colours"].labels == {}


def test_records_without_a_field_are_no_items_and_are_accounted_for(tmp_path):
    segments.write(tmp_path, 1, {"colours": {1: 2}}, FOOTER)
    totals = merge.merge(tmp_path, {"colours": 3})
    assert (totals.counters["colours"].items, totals.settled.records, totals.settled.without) == (
        2,
        3,
        {"colours": 1},
    )


def test_down_a_long_list_the_counts_are_told_at_ranks_evenly_far_apart_as_logarithms(tmp_path):
    counts = {number: 2000 // number for number in range(1, 2001)}
    segments.write(tmp_path, 1, {"colours": counts}, replace(FOOTER, records=sum(counts.values()), without={}))
    frequency = merge.merge(tmp_path, {"colours": 1}).counters["colours"].frequency
    ranks = [rank for rank, _ in frequency]
    assert frequency[0] == (1, 2000)
    assert frequency[-1] == (2000, 1)
    assert ranks[:8] == list(range(1, 9))
    assert len(ranks) < 70
    assert all(counts[rank] == count for rank, count in frequency)
    assert all(earlier < later <= 1.13 * earlier + 1 for earlier, later in pairwise(ranks))


def test_every_value_is_written_with_its_count_highest_first(tmp_path):
    for number, colours in enumerate(({1: 2, "x": 1}, {1: 1, 7: 2}), 1):
        covers = (IdRange(number * 10, number * 10 + 10),)
        segments.write(tmp_path, number, {"colours": colours}, replace(FOOTER, covers=covers, without={}))
    merge.write_all(tmp_path, tmp_path / "every.parquet")
    rows = pq.read_table(tmp_path / "every.parquet").to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("colours", 1, None, 3, None),
        ("colours", 7, None, 2, None),
        ("colours", None, "x", 1, None),
    ]
    assert not list(tmp_path.parent.glob(".merge-*")), "nothing is left beside the segments"


def test_every_value_is_written_with_the_name_that_the_user_or_the_last_record_gave_it(tmp_path):
    for number, label in enumerate(("rot", "red"), 1):
        counts = {"colours": {1: 1, "1": 2, "x": 3}, "labels": {"colours": {1: label, "x": label * 2}}}
        footer = replace(FOOTER, covers=(IdRange(number * 10, number * 10 + 10),), without={})
        segments.write(tmp_path, number, {"colours": counts["colours"]}, footer, counts["labels"])
    merge.write_all(tmp_path, tmp_path / "every.parquet", {"colours": {"x": "given"}, "others": {"1": "not mine"}})
    rows = pq.read_table(tmp_path / "every.parquet", columns=["key", "text_key", "label"]).to_pylist()
    assert {(row["key"], row["text_key"]): row["label"] for row in rows} == {
        (None, "x"): "given",
        (None, "1"): None,
        (1, None): "red",
    }


@pytest.mark.parametrize("files", [100, 1])  # that may be open at once
def test_ranks_and_counts_of_single_values_are_those_of_the_whole_list(tmp_path, monkeypatch, files):
    monkeypatch.setattr(merge, "_LEAST_FILES", 1)
    monkeypatch.setattr("lifestats_crawler.machine.descriptors", lambda: 8 + 2 * files)
    for number in (1, 2):
        footer = replace(FOOTER, covers=(IdRange(number * 10, number * 10 + 10),), without={})
        segments.write(tmp_path, number, {"colours": {7: 2, 5: 1, "5": 2, "z": 1}}, footer)
    wanted = {"colours": [5, "z", "5", "absent", 8], "shapes": [5]}
    assert merge.ranks(tmp_path, wanted) == {"colours": {5: (3, 2), "5": (2, 4), "z": (4, 2)}, "shapes": {}}
    assert merge.occurring(tmp_path, wanted) == {"colours": {5, "z", "5"}, "shapes": set()}
    assert merge.ranks(tmp_path / "nowhere", wanted) == {"colours": {}, "shapes": {}}


@pytest.mark.parametrize(
    ("counts", "frequency"),
    [
        ({1: 7}, [(1, 7)]),
        ({1: 5, 2: 3, 3: 1}, [(1, 5), (2, 3), (3, 1)]),
        (dict.fromkeys(range(20), 1), [(rank, 1) for rank in (*range(1, 10), 11, 13, 15, 17, 20)]),
        (dict.fromkeys(range(12), 1), [(rank, 1) for rank in (*range(1, 10), 11, 12)]),
        ({}, []),
    ],
)
def test_the_first_and_the_last_rank_are_always_told_and_no_rank_twice(tmp_path, counts, frequency):
    footer = replace(FOOTER, records=sum(counts.values()), without={})
    segments.write(tmp_path, 1, {"colours": counts}, footer)
    assert merge.merge(tmp_path, {"colours": 1}).counters["colours"].frequency == frequency


def test_a_merge_that_needs_more_memory_than_there_is_says_how_much_it_may_use(tmp_path, monkeypatch):
    monkeypatch.setattr(merge.Room, "of", lambda *_: merge.Room(2_000_000, 1))
    long = {f"{number}{'x' * 20_000}": 1 for number in range(300)}
    segments.write(tmp_path, 1, {"colours": long}, replace(FOOTER, records=300, without={}))
    with pytest.raises(StorageError, match="needs more memory than the 2 MB that it may use: give this process"):
        merge.merge(tmp_path, {"colours": 3})
