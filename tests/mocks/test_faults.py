from __future__ import annotations

from random import Random

import pytest

from lifestats_crawler.api import answers
from lifestats_crawler.api.dialect import Dialect
from lifestats_crawler.exceptions import FaultyPageError
from lifestats_crawler.ranges import IdRange
from mocks.faults import HARMLESS, KINDS
from mocks.injector import Demand, Injector, demands
from tests.conftest import FIRST
from tests.memory_api import MemoryApi
from tests.preflight.probing import first_users

CURSORS = range(1000)


def faults(injector, cursors):
    """Ask twice at each cursor."""
    met = {}
    for cursor in cursors:
        met[cursor] = (injector.kind(cursor), injector.kind(cursor))
    return met


def test_the_same_seed_gives_the_same_faults_in_whatever_order_the_cursors_come():
    shuffled = Random(1).sample(CURSORS, len(CURSORS))
    first = faults(Injector(demands("all:0.01"), seed=7), CURSORS)
    assert first == faults(Injector(demands("all:0.01"), seed=7), shuffled)
    assert first != faults(Injector(demands("all:0.01"), seed=8), CURSORS)


def test_the_share_of_the_requests_that_get_a_fault_is_the_one_asked_for():
    injector = Injector(demands("html:0.1"), limit=0)
    assert 150 < sum(kind == "html" for pair in faults(injector, CURSORS).values() for kind in pair) < 250
    assert injector.met.keys() == {"html"}


def test_a_cursor_has_no_more_faults_than_the_limit():
    injector = Injector(demands("reset:1"), limit=3)
    assert [injector.kind(5) for _ in range(5)] == ["reset"] * 3 + [None] * 2


def test_a_window_leaves_the_other_cursors_alone():
    injector = Injector([Demand("empty", 1.0, IdRange(10, 20))])
    assert [injector.kind(cursor) for cursor in (9, 10, 19, 20)] == [None, "empty", "empty", None]


def test_all_means_every_fault_but_the_closed_doors():
    assert KINDS.keys() - {kind for kind, *_ in demands("all:0.01")} == {"status-401", "status-403"}
    assert KINDS.keys() > HARMLESS


SHAPES = [
    {},
    {"items": "data.rows", "following": "next"},
    {"items": "@", "following": ""},
    {"items": "data.rows", "following": ""},
    {"exclusive": True},
]
ENDS = ["next-null", "next-empty", "next-false", "next-zero", "next-minus", "next-beyond"]
EMPTY = ["empty-page", "empty-echo", "list-null", "list-absent"]
ASKED = IdRange(FIRST + 50, FIRST + 2000)


def told(kind: str, shape: dict):
    """What the crawl reads of an answer with a fault, and of the right one."""
    api = MemoryApi({}, shape)
    lying = MemoryApi({}, shape, f"{kind}:1")
    config = first_users(
        items=api.shape.items, next=api.shape.following or None, inclusive=not api.shape.exclusive
    )
    dialect = Dialect(config)
    url = dialect.url(ASKED.begin)
    return [dialect.read(dialect.body(one.ask(url)), ASKED) for one in (lying, api)]


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape.get("following") != ""], ids=str)
@pytest.mark.parametrize("kind", ENDS)
def test_an_end_beside_records_is_a_claim_and_its_records_count(kind, shape):
    claim, right = told(kind, shape)
    assert (claim.next, claim.ids, claim.records, claim.settles.end) == (None, right.ids, 10, right.ids[-1] + 1)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", EMPTY)
def test_an_empty_page_is_a_claim_however_its_list_is_empty(kind, shape):
    claim, _ = told(kind, shape)
    assert (claim.next, claim.records, len(claim.settles), claim.ids) == (None, 0, 0, [])


def test_a_body_without_the_list_is_no_page_where_nothing_else_is_known_of_it():
    with pytest.raises(FaultyPageError, match="items: rows is null, not a list of records"):
        told("list-absent", {"items": "rows", "following": ""})


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_null_among_the_records_changes_nothing_about_the_others(shape):
    read, right = told("record-null", shape)
    assert (read.nulls, read.records, read.ids) == (1, 9, right.ids[:9])
    assert read.settles.end <= right.settles.end


@pytest.mark.parametrize(
    ("kind", "says_nothing"), [("status-404", True), ("status-204", True), ("not-ready", False)]
)
def test_a_status_says_whether_there_is_nothing(kind, says_nothing):
    answer = MemoryApi({}, {}, f"{kind}:1").ask("http://127.0.0.1/?offset=1")
    assert answers.says_nothing(answer) is says_nothing
    with pytest.raises(FaultyPageError, match=f"status {answer.status}"):
        answers.body(answer)


def test_a_page_of_206_is_a_page():
    read, right = told("status-206", {})
    assert read == right
