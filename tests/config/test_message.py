from __future__ import annotations

import pytest

from lifestats_crawler.config import message


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"text": "{headline}"}, None),
        ({"text": "{no_such_name}"}, "no_such_name"),
        ({"a": [{"b": ["{run}", "{Run}"]}]}, "Run"),
        ("{{anything}} {} { run } ${VARIABLE} {a-b}", None),
        ({"{key}": 1}, None),
        (None, None),
    ],
)
def test_a_word_in_braces_that_is_no_name_is_found_wherever_it_stands(body, word):
    assert message.unknown(body) == word


@pytest.mark.parametrize(
    ("body", "posted"),
    [
        ("{run}: {items}", "r{x}: none"),
        ("{items}", None),
        ({"n": "{ids}", "t": "{ids} "}, {"n": 7, "t": "7 "}),
        ("${A}{run}", "{run}r{x}"),
        (["{{run}}", 1, None, True], ["{run}", 1, None, True]),
    ],
)
def test_names_are_filled_in_once_and_what_they_become_is_left_alone(body, posted):
    values = {"run": "r{x}", "items": None, "ids": 7}
    assert message.filled(body, values, {"${A}": "{run}"}) == posted
