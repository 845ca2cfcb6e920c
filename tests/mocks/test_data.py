from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.ranges import IdRange
from mocks.data import CHUNK_IDS, FIELDS, Field, Recipe, Records
from tests.conftest import FIRST

SMALL = Recipe(FIRST, FIRST + 5 * CHUNK_IDS)
ALL = 10**9

ids = st.integers(0, 6 * CHUNK_IDS)
ranges = st.tuples(ids, ids).map(sorted)
recipes = st.builds(
    lambda bounds, density, seed, holes: Recipe(
        *bounds, density=density, seed=seed, holes=tuple(IdRange(*hole) for hole in holes)
    ),
    ranges,
    st.sampled_from([0.001, 0.3, 0.95, 1.0]),
    st.integers(0, 3),
    st.lists(ranges, max_size=4),
)


def row_ids(records: Records) -> list[int]:
    return [row[0] for rows in records.rows() for row in rows]


def parsed(records: Records) -> list[dict[str, Any]]:
    return [json.loads(record) for record in records.page(0, ALL).records]


@given(recipes, st.integers(1, 2 * CHUNK_IDS))
def test_the_pages_from_next_to_next_hold_every_record_once_and_in_order(recipe: Recipe, limit: int) -> None:
    records, walked, cursor = Records(recipe), [], recipe.first_id
    while cursor is not None:
        page = records.page(cursor, limit)
        walked += page.ids
        assert len(page.ids) == limit or page.following is None
        cursor = page.following
    assert walked == row_ids(records) == sorted(set(walked))


@given(recipes, ids, st.integers(1, 200))
def test_a_page_starts_at_its_cursor_and_names_the_first_existing_id_after_it(
    recipe: Recipe, cursor: int, limit: int
) -> None:
    records = Records(recipe)
    page = records.page(cursor, limit)
    later = [an_id for an_id in row_ids(records) if an_id >= cursor]
    assert list(page.ids) == later[:limit]
    assert page.following == next(iter(later[limit:]), None)


@given(recipes)
def test_bounds_and_holes_hide_records_and_change_none(recipe: Recipe) -> None:
    whole = Records(replace(recipe, first_id=0, last_id=7 * CHUNK_IDS, holes=()))
    left = [
        row
        for rows in whole.rows(recipe.first_id, recipe.last_id)
        for row in rows
        if not any(row[0] in hole for hole in recipe.holes)
    ]
    assert [row for rows in Records(recipe).rows() for row in rows] == left


@given(recipes, ids)
def test_the_truth_of_two_parts_is_the_truth_of_the_whole(recipe: Recipe, middle: int) -> None:
    records = Records(recipe)
    whole, lower, upper = records.truth(), records.truth(last_id=middle), records.truth(middle + 1)
    assert whole.records == lower.records + upper.records
    for name, counts in whole.counts.items():
        assert counts == lower.counts[name] + upper.counts[name]


def test_the_truth_is_what_the_rendered_records_say() -> None:
    records = Records(SMALL)
    truth, read = records.truth(), parsed(records)
    assert truth.records == len(read) == len({record["id"] for record in read})
    for name in ("food_id", "food__category_id"):
        assert truth.counts[name] == Counter(record[name] for record in read)


def test_a_seed_makes_the_same_records_everywhere() -> None:
    assert Records(SMALL).page(FIRST, 2).records == [
        b'{"id":658330693,"food_id":75157,"food__category_id":72}',
        b'{"id":658330694,"food_id":3728965,"food__category_id":23}',
    ]


def test_another_seed_makes_other_records() -> None:
    assert parsed(Records(SMALL)) != parsed(Records(replace(SMALL, seed=1)))


def test_another_field_changes_neither_the_ids_nor_the_fields_before_it() -> None:
    more = replace(SMALL, fields=(*FIELDS, Field("country", 200)))
    assert [row[:3] for rows in Records(more).rows() for row in rows] == [
        row for rows in Records(SMALL).rows() for row in rows
    ]


@pytest.mark.parametrize(("density", "tolerance"), [(0.001, 0.0005), (0.5, 0.01), (0.95, 0.005), (1, 0)])
def test_the_density_is_the_share_of_ids_that_exist(density: float, tolerance: float) -> None:
    truth = Records(Recipe(0, 99_999, density)).truth()
    assert truth.records / 100_000 == pytest.approx(density, abs=tolerance)


def test_few_foods_are_frequent_and_most_are_rare() -> None:
    foods = Records(Recipe(0, 99_999)).truth().counts["food_id"]
    assert all(1 <= food <= 16_000_000 for food in foods)
    assert max(foods.values()) > 200
    assert sum(count == 1 for count in foods.values()) > 50_000


def test_every_category_occurs_and_some_far_more_often() -> None:
    categories = Records(Recipe(0, 99_999)).truth().counts["food__category_id"]
    assert set(categories) == set(range(1, 151))
    assert max(categories.values()) > 10 * min(categories.values())


def test_dots_in_names_nest_and_each_value_stays_with_its_field() -> None:
    fields = (Field("food.id", 9000), Field("country", 200), Field("food.kind.id", 30))
    records = Records(replace(SMALL, fields=fields, id_name="key.id"))
    truth, read = records.truth(), parsed(records)
    assert [list(record) for record in read[:1]] == [["key", "food", "country"]]
    assert [record["key"]["id"] for record in read] == row_ids(records)
    assert truth.counts["food.id"] == Counter(record["food"]["id"] for record in read)
    assert truth.counts["country"] == Counter(record["country"] for record in read)
    assert truth.counts["food.kind.id"] == Counter(record["food"]["kind"]["id"] for record in read)


def test_a_hole_of_a_million_million_chunks_is_stepped_over() -> None:
    end = 10**15
    records = Records(Recipe(0, end + 99, 1, holes=(IdRange(10, end),)))
    page = records.page(5, 10)
    assert list(page.ids) == [*range(5, 10), *range(end, end + 5)]
    assert page.following == end + 5
    assert records.truth().records == 110


def test_where_everything_is_a_hole_there_is_an_empty_last_page() -> None:
    records = Records(Recipe(5, 5000, holes=(IdRange(0, 9000),)))
    assert records.page(5, 100).ids.tolist() == []
    assert records.page(5, 100).following is None
    assert records.truth().records == 0


def test_the_widest_id_fits() -> None:
    last_id = 2**63 - 2
    assert list(Records(Recipe(last_id - 1, last_id, 1)).page(0, 100).ids) == [last_id - 1, last_id]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"first_id": -1}, "ids -1 to "),
        ({"last_id": FIRST - 1}, f"ids {FIRST} to {FIRST - 1} "),
        ({"last_id": 2**63 - 1}, f" to {2**63 - 1} "),
        ({"density": 0}, "density 0 "),
        ({"density": 1.01}, "density 1.01 "),
        ({"fields": (Field("food_id", 0),)}, "food_id: cardinality 0 "),
        ({"fields": (Field("food_id", 2**31),)}, f"food_id: cardinality {2**31} "),
    ],
)
def test_what_cannot_be_made_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        replace(SMALL, **changes)


@pytest.mark.parametrize("names", [("food", "food.id"), ("food.id", "food"), ("food", "food"), ("id",), ("",)])
def test_fields_that_would_hide_each_other_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"food|id|''"):
        Records(replace(SMALL, fields=tuple(Field(name, 9) for name in names)))
