from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.api.dialect import Dialect, nothing
from lifestats_crawler.api.expressions import column, finder
from lifestats_crawler.config.model import Config
from lifestats_crawler.exceptions import FaultyPageError, RefusedError
from lifestats_crawler.items import Answer
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
    (b'{"error": "limit must not be above 50"}', "not a list of records. The API says: .*above 50"),
    (b'{"rows": NaN}', r"rows is \"not valid JSON: NaN\", not a list"),
    (b"[" * 100_000, "is not JSON"),
    (page([10], "9" * 5000), "cannot be read: ValueError"),
    (page(["9" * 5000], 20), "cannot be read: ValueError"),
    (b"\xff\xfe", "is not JSON"),
    (b"[]", "items: rows is null, not a list of records"),
    (b'{"rows": null, "next": 20}', "items: rows is null, not a list of records"),
    (b'{"rows": "", "next": null}', 'items: rows is "", not a list of records'),
    (b'{"error": "busy"}', "items: rows is null, not a list of records"),
    (b'{"rows": {"id": 1}}', 'items: rows is {"id":1}, not a list'),
    (
        b'{"rows": {"7": {"id": 1}}}',
        r"items: rows is an object, not a list of records. To read its values, set items: values\(rows\), or"
        r" not_null\(rows\[\*\], rows\.\*\) if other pages have a list$",
    ),
    (page([10, 11, 12, 13, 14], 20), "has 5 records, but 4 were requested"),
    (b'{"rows": [null, null, null, null, null], "next": 20}', "has 5 records, but 4 were requested"),
    (b'{"rows": [null], "next": 10}', "next is 10, not after the cursor 10"),
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
    (page([], "soon"), 'next: next is "soon", not an integer'),
    (page([], True), "next: next is true, not an integer"),
    (page([], [20]), r"next: next is \[20\], not an integer"),
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
    *(
        (
            b'{"rows": [{"id": 10, "colour": %d}], "next": 20}' % number,
            f"colour is {number}, which does not fit into 64 bits. Set field: to_string\\(colour\\)",
        )
        for number in (2**63, 2**64, 117039831458782873093, -(2**63) - 1)
    ),
]


@pytest.mark.parametrize(("body", "reason"), FAULTY, ids=[reason for _, reason in FAULTY])
def test_a_page_that_makes_no_sense_is_refused_with_the_reason(body, reason):
    with pytest.raises(FaultyPageError, match=reason):
        dialect().read(body, IdRange(10, 50))


ENDS = [
    # what, the body
    *(
        (f"next is {json.dumps(end)}", page([], end))
        for end in (None, "", " ", 0, "0", 0.0, False, -1, "-1", [], {})
    ),
    ("next is not there", b'{"rows": []}'),
    ("next is the cursor", page([], 10)),
    ("next is the cursor as text", page([], "10")),
    ("next is before the cursor", page([], 7)),
    ("the list is null", b'{"rows": null, "next": null}'),
    ("the list is null, and next the cursor", b'{"rows": null, "next": 10}'),
    ("the list is null, and next is not there", b'{"rows": null}'),
    ("the list is absent", b'{"next": null}'),
    ("the list is absent, and next an empty text", b'{"next": ""}'),
]


@pytest.mark.parametrize("body", [body for _, body in ENDS], ids=[what for what, _ in ENDS])
def test_that_nothing_follows_can_be_said_in_many_ways_and_settles_nothing_by_itself(body):
    tally = dialect().read(body, IdRange(10, 50))
    assert (tally.settles, tally.next, tally.records, tally.ids) == (IdRange(10, 10), None, 0, [])


@pytest.mark.parametrize("end", [None, "", 0, "0", False, -1, "-1"])
def test_the_records_beside_an_end_count_however_it_is_said(end):
    tally = dialect().read(page([9, 10, 11], end), IdRange(10, 50))
    assert (tally.settles, tally.next, tally.records, tally.ids) == (IdRange(10, 12), None, 2, [9, 10, 11])


def test_an_end_with_records_from_before_its_cursor_alone_shows_them_and_settles_nothing():
    tally = dialect().read(page([8, 9], None), IdRange(10, 50))
    assert (tally.settles, tally.next, tally.ids) == (IdRange(10, 10), None, [8, 9])


def test_zero_is_the_cursor_after_the_record_0_where_the_cursor_is_exclusive():
    tally = dialect(inclusive=False).read(page([0], 0), IdRange(0, 50))
    assert (tally.settles, tally.next) == (IdRange(0, 1), 1)


LISTS = [
    # items, next, the body, whether it is an empty list
    ("rows", "next", {"next": 20}, True),
    ("rows", "meta.next", {"meta": {"next": None}}, True),
    ("rows", "meta.next", {"meta": {}}, False),
    ("rows", "next", {"row": [{"id": 1}], "next": 20}, False),
    ("rows", "next", {"row": [{"id": 1}], "next": None}, False),
    ("data.rows", None, {"data": {"row": [{"id": 1}]}}, False),
    ("data.rows", "next", {"dat": {"rows": [{"id": 1}]}, "next": None}, False),
    ("rows", "next", {"warnings": ["slow"], "next": None}, True),
    ("rows", "next || later", {"later": 20}, True),
    ("rows", "next || later", {"later": None}, False),
    ("rows", None, {"rows": None}, True),
    ("rows", None, {}, False),
    ("rows", None, None, False),
    ("data.rows", None, {"data": {}}, True),
    ("data.rows", None, {"data": {"rows": None}}, True),
    ("data.rows", None, {"data": None}, False),
    ("data.rows", None, {"data": []}, False),
    ("data.rows", None, {"error": "busy"}, False),
    ("data.rows", "next", {"data": {"rows": None}, "next": 20}, False),
    ("data | rows", None, {"data": {}}, True),
    ("rows[?@]", "next", {"rows": None, "next": None}, True),
    ("rows[?@]", "next", {"rows": None, "next": 20}, False),
    ("rows[?@]", "next", {"error": "busy"}, False),
    ("values(rows)", "next", {"rows": None, "next": None}, True),
    ("values(rows)", "next", {"next": None}, True),
    ("values(data.rows)", None, {"data": {}}, True),
    ("map(&item, rows)", "next", {"rows": None, "next": ""}, True),
    ("rows || items", "next", {"next": None}, True),
    ("rows || items", None, {"rows": None}, False),
    ("@", None, None, True),
    ("@", None, {}, False),
]


@pytest.mark.parametrize(("items", "following", "body", "is_empty"), LISTS, ids=str)
def test_a_list_that_is_not_there_is_empty_only_where_something_else_shows_that_it_is_a_page(
    items, following, body, is_empty
):
    own = dialect(items=items, next=following)
    if is_empty:
        assert own.read(json.dumps(body).encode(), IdRange(10, 50)).records == 0
    else:
        with pytest.raises(FaultyPageError, match=r"items: .* not a list|JMESPathTypeError"):
            own.read(json.dumps(body).encode(), IdRange(10, 50))


@pytest.mark.parametrize("rows", [{"a": {"id": 10, "colour": 1}}, [{"id": 10, "colour": 1}], {}, []], ids=str)
def test_the_expression_that_the_message_about_an_object_gives_reads_it_and_a_list_too(rows):
    with pytest.raises(FaultyPageError) as fault:
        dialect(items="data.rows").read(b'{"data": {"rows": {"a": {"id": 10}}}, "next": null}', IdRange(10, 50))
    of_both = str(fault.value).split(", or ")[1].removesuffix(" if other pages have a list")
    body = json.dumps({"data": {"rows": rows}, "next": None}).encode()
    assert dialect(items=of_both).read(body, IdRange(10, 50)).ids == ([10] if rows else [])


def test_null_records_are_passed_over_and_their_page_settles():
    body = b'{"rows": [null, {"id": 10, "colour": 1}, null], "next": 20}'
    tally = dialect().read(body, IdRange(10, 50))
    assert (tally.settles, tally.records, tally.ids, tally.nulls) == (IdRange(10, 20), 1, [10], 2)
    assert dialect().read(b'{"rows": [null], "next": 20}', IdRange(10, 50)).settles == IdRange(10, 20)


def test_without_next_a_page_of_nulls_alone_is_no_end():
    with pytest.raises(
        FaultyPageError, match="has only records that are null, so that the next cursor is unknown"
    ):
        dialect(next=None).read(b'{"rows": [null, null]}', IdRange(10, 50))


def many(changed: dict[int, dict], count: int = 40) -> bytes:
    """A page of records from id 10 on, some of them changed; None deletes a key."""
    rows = [{"id": an_id, "colour": an_id % 3, "size": "s"} for an_id in range(10, 10 + count)]
    rows = [row | changed.get(row["id"], {}) for row in rows]
    kept = [{key: value for key, value in row.items() if value is not ...} for row in rows]
    return json.dumps({"rows": kept, "next": 10 + count}).encode()


BAD = [
    # what is wrong with record 12, the reason
    ({"colour": ...}, "counters.colours.field: colour is missing or null in a record"),
    ({"colour": None}, "counters.colours.field: colour is missing or null in a record"),
    ({"colour": {"a": 1}}, 'counters.colours.field: colour is {"a":1}, neither an integer nor text'),
    ({"colour": 1.5}, "counters.colours.field: colour is 1.5, neither an integer nor text"),
    (
        {"colour": 2**70},
        f"counters.colours.field: colour is {2**70}, which does not fit into 64 bits."
        " Set field: to_string(colour)",
    ),
    (
        {"colour": -(2**63) - 1},
        f"counters.colours.field: colour is {-(2**63) - 1}, which does not fit into 64 bits."
        " Set field: to_string(colour)",
    ),
    ({"size": 5}, "cannot be read: JMESPathTypeError: In function length(), invalid type for value: 5,"),
]
MANY = {
    "results_per_page": 40,
    "counters": {"colours": {"field": "colour", "label": "size"}, "sizes": {"field": "length(size)"}},
}


@pytest.mark.parametrize(("change", "reason"), BAD, ids=[reason for _, reason in BAD])
def test_a_record_that_cannot_be_counted_is_named_and_the_others_of_its_page_count(change, reason):
    tally = dialect(**MANY).read(many({12: change}), IdRange(10, 60))
    assert list(tally.faulty) == [12]
    assert tally.faulty[12].startswith(reason)
    assert tally.parts == [IdRange(10, 12), IdRange(13, 50)]
    assert (tally.settles, tally.records, len(tally.ids)) == (IdRange(10, 50), 39, 40)
    assert tally.keys["colours"] == [an_id % 3 for an_id in range(10, 50) if an_id != 12]
    assert tally.keys["sizes"] == [1] * 39


def test_faulty_records_outside_of_the_settled_range_are_none_of_its_business():
    tally = dialect(**MANY).read(many({12: {"colour": None}, 14: {"colour": None}}), IdRange(13, 20))
    assert list(tally.faulty) == [14]
    assert (tally.settles, tally.records) == (IdRange(13, 20), 6)
    assert dialect(**MANY).read(many({12: {"colour": None}}), IdRange(13, 20)).faulty == {}


def test_a_page_with_more_than_a_tenth_of_its_records_faulty_is_faulty():
    bad = {an_id: {"colour": None} for an_id in (11, 23, 36, 49)}
    assert sorted(dialect(**MANY).read(many(bad), IdRange(10, 50)).faulty) == [11, 23, 36, 49]
    bad[10] = {"colour": [1]}
    # Also where most of them lie outside of what was asked for: a misspelt field is no fault of single records.
    for asked in (IdRange(10, 50), IdRange(10, 20)):
        with pytest.raises(FaultyPageError, match=r"colour is \[1\], neither an integer nor text"):
            dialect(**MANY).read(many(bad), asked)


@pytest.mark.parametrize("an_id", [None, ..., "x", -1, 2**63, 2**70, 1.5, True], ids=str)
def test_a_record_without_a_readable_id_makes_its_page_faulty(an_id):
    with pytest.raises(FaultyPageError, match="id"):
        dialect(**MANY).read(many({12: {"id": an_id}}), IdRange(10, 60))


def test_a_secret_in_a_faulty_record_is_hidden(monkeypatch):
    monkeypatch.setenv("LIFESTATS_PLANTED", "s3cret" * 100)
    own = dialect(**MANY, headers={"X": "${LIFESTATS_PLANTED}"})
    (reason,) = own.read(many({12: {"colour": ["s3cret" * 100]}}), IdRange(10, 60)).faulty.values()
    assert reason == 'counters.colours.field: colour is ["***"], neither an integer nor text'


LONG = [
    2**63 - 1,
    2**63 + 5,
    2**64 - 1,
    2**64,
    2**64 + 1,
    117039831458782873093,
    117039831458782873094,
    -(2**63) - 7,
]


@pytest.mark.parametrize(
    "field", ["to_string(colour)", "join('/', ['n', to_string(colour)])", "to_string(o.colour)", "o.text"]
)
def test_integers_of_any_length_are_counted_exactly_as_texts(field):
    rows = [
        {"id": 10 + i, "colour": number, "o": {"colour": number, "text": str(number)}, "name": number}
        for i, number in enumerate(LONG)
    ]
    own = dialect(results_per_page=10, counters={"colours": {"field": field, "label": "name"}})
    tally = own.read(json.dumps({"rows": rows, "next": 20}).encode(), IdRange(10, 50))
    assert [int(key.removeprefix("n/")) for key in tally.keys["colours"]] == LONG
    assert list(tally.labels["colours"].values()) == [str(number) for number in LONG]


@pytest.mark.parametrize(
    "changes", [{"items": "rows[].{id: id, colour: to_string(colour)}"}, {"items": "rows[?colour > `0`]"}], ids=str
)
def test_a_long_integer_is_not_rounded_on_its_way_through_items(changes):
    counters = {"colours": {"field": "colour", "missing": "skip"}}
    body = b'{"rows": [{"id": 10, "colour": %d}, {"id": 11, "colour": %d}], "next": 20}' % (2**64, 2**64 + 1)
    if "to_string" in changes["items"]:
        tally = dialect(counters=counters, **changes).read(body, IdRange(10, 50))
        assert tally.keys["colours"] == [str(2**64), str(2**64 + 1)]
    else:
        with pytest.raises(FaultyPageError, match=f"colour is {2**64}, which does not fit"):
            dialect(counters=counters, **changes).read(body, IdRange(10, 50))


def test_a_label_that_is_a_fraction_stays_as_it_is():
    own = dialect(counters={"colours": {"field": "colour", "label": "name"}})
    body = b'{"rows": [{"id": 10, "colour": 1, "name": 1.5}], "next": 20}'
    assert own.read(body, IdRange(10, 50)).labels == {"colours": {1: "1.5"}}


def test_an_answer_that_says_nothing_by_its_status_is_read_as_an_empty_last_page():
    read = dialect().read(page([], None), IdRange(10, 50))
    assert nothing(IdRange(10, 50)) == replace(read, ids=(), keys={})


def test_another_limit_is_asked_for_and_the_usual_one_is_still_read():
    assert dialect().url(10, 2) == "http://127.0.0.1/x?offset=10&limit=2"
    assert dialect().url(10) == "http://127.0.0.1/x?offset=10&limit=4"
    assert dialect().read(page([10, 11, 12, 13], 15), IdRange(10, 50)).records == 4
    assert dialect().has_limit
    assert not dialect(url="http://127.0.0.1/x?offset={cursor}").has_limit


def test_an_answer_shows_a_record_also_if_that_cannot_be_counted():
    body = many({12: {"colour": None}})
    own = dialect(**MANY)
    assert [own.shows(body, 11, an_id) for an_id in (11, 12, 13, 60)] == [True, True, True, False]


def test_what_an_api_says_of_a_failure_is_told_without_secrets(monkeypatch):
    monkeypatch.setenv("LIFESTATS_PLANTED", "s3cret" * 100)
    own = dialect(headers={"X": "${LIFESTATS_PLANTED}"})
    assert own.body(Answer(200, body=b"[]")) == b"[]"
    with pytest.raises(RefusedError) as refused:
        own.body(Answer(401, body=b'{"error": "no token\n%b"}' % (b"s3cret" * 100)))
    assert str(refused.value) == (
        'the API answers 401: check url and headers in the configuration. The API says: {"error": "no token ***"}'
    )


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
