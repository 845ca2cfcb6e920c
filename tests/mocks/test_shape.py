from __future__ import annotations

import json
from typing import Any

import pytest

from mocks.api import main
from mocks.data import Field, Recipe, Records
from mocks.shape import Shape
from tests.conftest import FIRST

LAST = FIRST + 99


def found(document: Any, name: str) -> Any:
    for key in name.split("."):
        document = document[key]
    return document


def page(shape: Shape, records: Records, **query: object) -> Any:
    asked = shape.asked({name: str(value) for name, value in query.items()})
    return json.loads(shape.body(asked, records.page(asked.cursor + shape.exclusive, asked.limit)))


@pytest.mark.parametrize(
    ("items", "following"),
    [("response", "meta.next_offset"), ("data.items", "data.next"), ("a.b", "c.d.e"), ("items", "next")],
)
def test_the_configuration_of_a_crawl_says_where_things_are(items, following):
    fields = (Field("food.id", 7), Field("food.kind", 3))
    records = Records(Recipe(FIRST, LAST, 1, fields=fields, id_name="key.id"))
    shape = Shape("from", "count", 5, items, following)
    first = page(shape, records, **{"from": FIRST, "count": 100})
    assert [record["key"]["id"] for record in found(first, items)] == list(range(FIRST, FIRST + 5))
    assert all(
        1 <= record["food"]["id"] <= 7 and 1 <= record["food"]["kind"] <= 3 for record in found(first, items)
    )
    assert found(first, following) == FIRST + 5
    last = page(shape, records, **{"from": LAST})
    assert len(found(last, items)) == 1
    assert found(last, following) is None


def test_an_exclusive_api_starts_after_the_cursor_and_names_the_last_id_as_next():
    records, shape = Records(Recipe(FIRST, LAST)), Shape(exclusive=True)
    walked, cursor = [], FIRST - 1
    while cursor is not None:
        shown = page(shape, records, offset=cursor, limit=10)
        walked += [record["id"] for record in shown["response"]]
        cursor = shown["meta"]["next_offset"]
        assert cursor in (walked[-1], None)
    assert len(walked) == records.truth().records
    assert walked == sorted(set(walked))


def test_a_body_can_be_the_list_of_records():
    records = Records(Recipe(FIRST, LAST, 1))
    shape = Shape(items="@", following="")
    assert [record["id"] for record in page(shape, records, offset=FIRST, limit=3)] == [
        FIRST,
        FIRST + 1,
        FIRST + 2,
    ]
    assert page(shape, records, offset=LAST + 1) == []


def test_a_page_can_have_no_next():
    assert list(page(Shape(following=""), Records(Recipe(FIRST, LAST)), offset=FIRST)) == ["response"]


@pytest.mark.parametrize(
    "arguments",
    [
        *("--density=2", "--last-id=1", "--items=@", "--max-limit=0", "--field=food:0", "--items=meta"),
        "--next= --fault=next-null:0.1",
    ],
)
def test_arguments_that_cannot_be_are_one_line_and_exit_code_2(capsys, arguments):
    assert main(["--port=0", *arguments.split()]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("mocks.api: ")
    assert output.err.count("\n") == 1
