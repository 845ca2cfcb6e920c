from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.api.dialect import Dialect
from lifestats_crawler.api.expressions import column, finder
from lifestats_crawler.config.model import Config
from lifestats_crawler.exceptions import FaultyPageError
from lifestats_crawler.ranges import IdRange

BASE = {
    "url": "http://127.0.0.1/x?offset={cursor}&limit={limit}",
    "items": "rows",
    "next": "next",
    "results_per_page": 4,
    "first_id": 0,
    "last_id": 999,
    "counters": {"colours": {"field": "colour"}},
}


def dialect(**changes) -> Dialect:
    return Dialect(Config.model_validate(BASE | changes))


def page(ids, following, **extra) -> bytes:
    rows = [{"id": an_id, "colour": an_id % 3 if isinstance(an_id, int) else 0} for an_id in ids]
    return json.dumps({"rows": rows, "next": following} | extra).encode()


SETTLED = [
    # what,                       ids,              next, asked,    settles,  records
    ("a page inside its subset", [10, 11, 13], 15, (10, 50), (10, 15), 3),
    ("ids in any order", [13, 10, 11], 15, (10, 50), (10, 15), 3),
    ("a page past the end of its subset", [10, 11, 13], 15, (10, 12), (10, 12), 2),
    ("records from before the cursor", [8, 9, 10, 11], 15, (10, 50), (10, 15), 2),
    ("no record at all", [], 15, (10, 50), (10, 15), 0),
    ("a hole wider than the subset", [], 400, (10, 50), (10, 50), 0),
    ("the last page", [10, 11], None, (10, 50), (10, 12), 2),
    ("the last page, empty", [], None, (10, 50), (10, 10), 0),
    ("the last page, past its subset", [10, 60], None, (10, 50), (10, 50), 1),
    ("next as digits in a string", [10, 11], "15", (10, 50), (10, 15), 2),
    ("ids as digits in strings", ["10", "11"], 15, (10, 50), (10, 15), 2),
    ("next beyond the id space: the same as null", [10, 11], 5000, (10, 50), (10, 12), 2),
]


@pytest.mark.parametrize(
    ("ids", "following", "asked", "settles", "records"),
    [row[1:] for row in SETTLED],
    ids=[row[0] for row in SETTLED],
)
def test_a_page_settles_up_to_next_or_the_end_and_counts_what_lies_in_it(ids, following, asked, settles, records):
    tally = dialect().read(page(ids, following), IdRange(*asked))
    assert tally.settles == IdRange(*settles)
    assert tally.records == records == len(tally.keys["colours"])
    inside = [int(an_id) for an_id in ids if int(an_id) in tally.settles]
    if all(isinstance(an_id, int) for an_id in ids):
        assert Counter(tally.keys["colours"]) == Counter(an_id % 3 for an_id in inside)


FAULTY = [
    (b"", "is not JSON"),
    (b"<html>", "is not JSON"),
    (b'{"rows": [', "is not JSON"),
    (b'{"rows": NaN}', "is not JSON"),
    (b"[" * 100_000, "is not JSON"),
    (page([10], "9" * 5000), "cannot be read: ValueError"),
    (page(["9" * 5000], 20), "cannot be read: ValueError"),
    (b"\xff\xfe", "is not JSON"),
    (b"[]", "items: rows is null, not a list of records"),
    (b'{"error": "busy"}', "items: rows is null, not a list of records"),
    (b'{"rows": {"id": 1}}', 'items: rows is {"id":1}, not a list'),
    (page([10, 11, 12, 13, 14], 20), "has 5 records, but 4 were requested"),
    (page([10, 10], 20), "contains the same id twice"),
    (page([10, "10"], 20), "contains the same id twice"),
    (page([-1], 20), "id -1 must be from 0 to "),
    (page([2**63], 20), f"id {2**63} must be from 0 to "),
    (page([2**70], 20), "id: id is .*, not an integer"),
    (page(["ten"], 20), 'id: id is "ten", not an integer'),
    (page([" 10"], 20), 'id: id is " 10", not an integer'),
    (page([10.5], 20), "id: id is 10.5, not an integer"),
    (page([True], 20), "id: id is true, not an integer"),
    (page([None], 20), "id: id is null, not an integer"),
    (b'{"rows": [7], "next": 20}', "id: id is null, not an integer"),
    (page([10], 10), "next is 10, not after the cursor 10"),
    (page([10], 3), "next is 3, not after the cursor 10"),
    (page([10], "soon"), 'next: next is "soon", not an integer'),
    (page([10], 20.0), "next: next is 20.0, not an integer"),
    (page([10, 25], 20), "next is 20, but the page already has id 25$"),
    (
        page([10, 20], 20),
        "next is 20, but the page already has id 20. If .*, set inclusive: false",
    ),
    (b'{"rows": [{"id": 10}], "next": 20}', "counters.colours.field: colour is missing or null in a record"),
    (b'{"rows": [{"id": 10, "colour": null}], "next": 20}', "counters.colours.field: colour is missing or null"),
    (
        b'{"rows": [{"id": 10, "colour": 1.5}], "next": 20}',
        "counters.colours.field: colour is 1.5, neither an integer nor text",
    ),
    (b'{"rows": [{"id": 10, "colour": [1]}], "next": 20}', "colour is \\[1\\], neither"),
    (b'{"rows": [{"id": 10, "colour": 9223372036854775808}], "next": 20}', "does not fit into 64 bits"),
]


@pytest.mark.parametrize(("body", "reason"), FAULTY, ids=[reason for _, reason in FAULTY])
def test_a_page_that_makes_no_sense_is_refused_with_the_reason(body, reason):
    with pytest.raises(FaultyPageError, match=reason):
        dialect().read(body, IdRange(10, 50))


def test_an_expression_that_fails_on_an_answer_makes_that_answer_faulty():
    with pytest.raises(FaultyPageError, match="cannot be read: JMESPathTypeError"):
        dialect(items="sort_by(rows, &id)").read(b'{"error": 1}', IdRange(10, 50))


def test_texts_booleans_and_integers_are_counted_as_what_they_are():
    rows = [{"id": 10 + i, "colour": colour} for i, colour in enumerate(["red", True, 7])]
    tally = dialect().read(json.dumps({"rows": rows, "next": 20}).encode(), IdRange(10, 50))
    assert tally.keys["colours"] == ["red", "true", 7]


def test_a_counter_that_skips_counts_records_without_its_field_apart():
    own = dialect(counters={"colours": {"field": "colour", "missing": "skip"}, "ids": {"field": "id"}})
    rows = [{"id": 10, "colour": 1}, {"id": 11}, {"id": 12, "colour": None}, {"id": 60}]
    tally = own.read(json.dumps({"rows": rows, "next": 70}).encode(), IdRange(10, 50))
    assert tally.keys == {"colours": [1], "ids": [10, 11, 12]}
    assert tally.without == {"colours": 2}
    assert tally.records == 3


def test_without_next_the_page_after_starts_past_the_largest_id():
    own = dialect(next=None)
    assert own.read(page([10, 13, 11], None), IdRange(10, 50)).settles == IdRange(10, 14)
    assert own.read(page([], None), IdRange(10, 50)).next is None


def test_an_exclusive_cursor_is_translated_on_the_way_out_and_in():
    own = dialect(inclusive=False)
    assert own.url(10) == "http://127.0.0.1/x?offset=9&limit=4"
    tally = own.read(page([10, 12], 12), IdRange(10, 50))
    assert (tally.settles, tally.next) == (IdRange(10, 13), 13)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(json_values, st.sampled_from(["a", "a.b", "a.b.c", '"a".b', "a[0]", "@", "a || b", "length(@)"]))
def test_a_plain_or_dotted_key_finds_what_jmespath_finds(document, expression):
    import jmespath  # noqa: PLC0415  # the authority, in this test alone

    try:
        expected = jmespath.search(expression, document)
    except jmespath.exceptions.JMESPathError:
        return
    assert finder(expression)(document) == expected
    assert column(expression)([document, document]) == [expected, expected]


def test_the_pages_recorded_from_the_first_users_api_read_as_their_numbers_say(fixtures):
    config = Config.model_validate(
        BASE
        | {
            "items": "response",
            "next": "meta.next_offset",
            "results_per_page": 100,
            "first_id": 658330693,
            "last_id": 732158492,
            "counters": {"foods": {"field": "food_id"}, "categories": {"field": "food__category_id"}},
        }
    )
    tally = Dialect(config).read((fixtures / "page.json").read_bytes(), IdRange(658330693, 658332000))
    assert tally.settles == IdRange(658330693, 658330804)
    assert tally.records == len(tally.keys["foods"]) == 100
    last = Dialect(config).read((fixtures / "last_page.json").read_bytes(), IdRange(732158400, 732158493))
    assert (last.next, last.records, last.highest) == (None, 3, 732158492)


def test_an_answer_with_the_very_id_of_an_exclusive_cursor_is_not_believed():
    with pytest.raises(FaultyPageError, match="contains id 9, the cursor itself: set inclusive: true"):
        dialect(inclusive=False).read(page([9, 10, 11], 11), IdRange(10, 50))


def test_a_secret_that_an_answer_repeats_is_hidden_before_it_is_cut(monkeypatch):
    monkeypatch.setenv("LIFESTATS_PLANTED", "s3cret/" + "x" * 500)
    own = dialect(headers={"X": "${LIFESTATS_PLANTED}"})
    for body in (b"no JSON: s3cret/%b" % (b"x" * 500), b"no JSON: s3cret%%2F%b" % (b"x" * 500)):
        with pytest.raises(FaultyPageError) as fault:
            own.read(body, IdRange(10, 50))
        assert "***" in str(fault.value)
        assert "s3cret" not in str(fault.value)


@pytest.mark.parametrize(
    ("ids", "highest"), [([10, 11], 11), ([998, 999], 999), ([998, 1000], 998), ([1000, 1001], None), ([], None)]
)
def test_the_highest_id_that_a_page_has_shown_is_one_of_the_id_space(ids, highest):
    assert dialect(next=None).read(page(ids, None), IdRange(10, 50)).highest == highest


def test_the_names_of_values_are_texts_and_numbers_and_the_last_one_holds():
    rows = [
        {"id": 10, "colour": 1, "name": "red"},
        {"id": 11, "colour": 1, "name": "crimson"},
        {"id": 12, "colour": "x", "name": 7},
        {"id": 13, "colour": 2, "name": None},
        {"id": 14, "colour": 3, "name": ["no", "name"]},
        {"id": 15, "name": "of nothing"},
        {"id": 16, "colour": 4},
    ]
    counters = {"colours": {"field": "colour", "label": "name", "missing": "skip"}}
    body = json.dumps({"rows": rows, "next": 17}).encode()
    tally = dialect(counters=counters, results_per_page=7).read(body, IdRange(10, 50))
    assert tally.labels == {"colours": {1: "crimson", "x": "7"}}
