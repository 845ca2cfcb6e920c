from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.api.cursor import Cursor, fill_in, integer


@given(st.booleans(), st.integers(0, 2**63 - 2))
def test_what_is_sent_for_an_id_and_what_that_stands_for_are_each_other_s_inverse(is_inclusive, an_id):
    cursor = Cursor(is_inclusive)
    assert cursor.first(cursor.sent(an_id)) == an_id
    assert cursor.sent(cursor.first(an_id)) == an_id


@pytest.mark.parametrize(("is_inclusive", "sent", "first"), [(True, 5, 5), (False, 4, 6)])
def test_an_exclusive_cursor_is_the_id_before_the_first_one_that_is_wanted(is_inclusive, sent, first):
    cursor = Cursor(is_inclusive)
    assert (cursor.sent(5), cursor.first(5)) == (sent, first)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        *[(0, 0), (-7, -7), (2**70, 2**70), ("0", 0), ("007", 7), ("9" * 30, int("9" * 30))],
        *[
            (value, None)
            for value in (True, False, 7.0, "7.0", "-7", "+7", " 7", "7_0", "٣", "²", "", None, [7], {})
        ],
    ],
    ids=repr,
)
def test_an_integer_is_one_or_digits_in_a_text_and_nothing_else(value, read):
    assert integer(value) == read
    assert type(integer(value)) is type(read)


@pytest.mark.parametrize(
    ("template", "url"),
    [
        ("http://h/?from={cursor}&n={limit}", "http://h/?from=5&n=10"),
        ("http://h/{cursor}/{cursor}", "http://h/5/5"),
        ("http://h/{cursor}?key=${LIMIT}", "http://h/5?key=${LIMIT}"),
    ],
)
def test_places_are_filled_in_wherever_they_stand(template, url):
    assert fill_in(template, 5, 10) == url
