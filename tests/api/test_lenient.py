from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.api import documents, lenient
from lifestats_crawler.api.dialect import Dialect
from lifestats_crawler.api.lenient import Unreadable
from lifestats_crawler.exceptions import FaultyPageError
from lifestats_crawler.ranges import IdRange
from tests.configurations import configured

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
#: Values that strict JSON refuses, or that lie too deep for it, as they stand in a body.
REFUSED = {
    "NaN": b"NaN",
    "infinity": b"-Infinity",
    "undefined": b"undefined",
    "a leading zero": b"007",
    "a plus": b"+1",
    "no digit before the point": b".5",
    "no digit behind the point": b"1.",
    "hexadecimal": b"0x1F",
    "Python's": b"True",
    "an exponent": b"1e999",
    "nothing": b"",
    "5,000 digits": b"9" * 5000,
    "a control character": b'"a\tb"',
    "a lone surrogate": rb'"a\ud83d"',
    "an unknown escape": rb'"\x41\'"',
    "Latin-1": b'"r\xe9sum\xe9"',
    "2,000 lists": b"[" * 2000 + b"]" * 2000,
    "2,000 objects": b'{"a":' * 2000 + b"1" + b"}" * 2000,
}


@given(DOCUMENTS, st.sampled_from([None, 1]), st.booleans())
def test_what_is_json_is_read_as_the_standard_library_does(document, indent, ascii_only):
    written = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    try:
        body = written.encode()
    except UnicodeEncodeError:  # a lone surrogate, which no body has
        return
    found = documents.shallow(body) if not _has_surrogates(document) else lenient.read(body)
    assert _has_surrogates(document) or found == json.loads(written)


def _has_surrogates(document) -> bool:
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED)
def test_a_value_that_is_refused_costs_nothing_but_itself(value):
    read = documents.decoded(
        b'[{"id": 1, "x": ' + value + b', "c": 18446744073709551617}, {"id": 2, "c": "\xc3\xa9"}]'
    )
    assert (read[0]["id"], read[0]["c"], read[1]) == (1, 2**64 + 1, {"id": 2, "c": "é"})
    assert isinstance(_innermost(read[0]["x"]), Unreadable)


def _innermost(value):
    while isinstance(value, list | dict):
        value = value["a"] if isinstance(value, dict) else value[0]
    return value


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("field", ["c", "to_string(c)", "c || 'other'", "[c][0]"])
def test_where_it_is_counted_its_record_alone_is_faulty_and_no_other_value_takes_its_place(value, field):
    rows = [b'{"id": %d, "c": %s}' % (number, value if number == 7 else b"5") for number in range(20)]
    dialect = Dialect(configured(items="@", counters={"c": {"field": field}}))
    tally = dialect.read(b"[" + b",".join(rows) + b"]", IdRange(0, 20))
    assert (list(tally.faulty), tally.records) == ([7], 19)
    assert set(tally.keys["c"]) <= {5, "5"}
    assert tally.faulty[7]


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED)
def test_where_nobody_counts_it_its_page_counts_as_a_whole(value):
    rows = [b'{"id": %d, "x": %s, "c": 5}' % (number, value) for number in range(20)]
    counters = {"c": {"field": "c", "label": "x"}}
    tally = Dialect(configured(items="@", counters=counters)).read(b"[" + b",".join(rows) + b"]", IdRange(0, 20))
    assert (tally.faulty, tally.keys["c"], tally.labels["c"]) == ({}, [5] * 20, {})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"busy",
        b"NaN",
        b"\xff\xfe",
        b"[1",
        b'[{"a": 1}',
        b'{"a": 1',
        b'{"a": "b',
        b"[1,]",
        b'{"a": 1,}',
        b"[,1]",
        b"[1 2]",
        b'{"a" 1}',
        b"{1: 2}",
        b"{'a': 1}",
        b"[1]]",
        b"[1]x",
        b"<html></html>",
        b"[" * 200_000,
    ],
)
def test_the_structure_stays_strict(body):
    for read in (documents.decoded, documents.exact, documents.shallow):
        with pytest.raises(FaultyPageError, match="is not JSON"):
            read(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"rows": [{"id": NaN, "c": 5}], "next": 9}',
        b'{"rows": [{"id": "\\ud83d", "c": 5}], "next": 9}',
        b'{"rows": [{"id": 1, "c": 5}], "next": NaN}',
        b'{"rows": [{"id": 1, "c": 5}], "next": }',
    ],
)
def test_an_id_or_a_next_cursor_is_never_read_leniently(body):
    dialect = Dialect(configured(items="rows", next="next", counters={"c": {"field": "c"}}))
    with pytest.raises(FaultyPageError, match="not an integer"):
        dialect.read(body, IdRange(0, 20))


def test_a_document_with_what_is_unreadable_is_written_and_read_again():
    (again,) = documents.decoded(documents.encoded(documents.decoded(b"[NaN]")))
    assert isinstance(again, Unreadable)


def test_what_is_shown_of_it_is_short_and_can_be_printed():
    (value,) = documents.decoded(b'["\xe9' + b"x" * 100 + b'"]')
    assert repr(value) == r'not valid JSON: "\udce9' + "x" * 38 + "…"
    assert repr(value).isprintable()
