from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lifestats_crawler.api import throttling
from lifestats_crawler.items import Answer

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("0", 0),
        (" 7 ", 7),
        ("999999999", 3600),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30),
        ("Thu, 01 Jan 2026 01:00:30 +0100", 30),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0),
        ("Thu, 01 Jan 2099 00:00:00 GMT", 3600),
        ("Thu, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("\u0663", None),
    ],
)
def test_seconds_and_dates_are_understood_and_nothing_else(header, wait):
    assert throttling.seconds(header, NOW) == wait
    assert throttling.told(Answer(429, {"Retry-After": header}), NOW) == wait


def test_an_answer_without_the_header_does_not_say():
    assert throttling.told(Answer(429), NOW) is None


@pytest.mark.parametrize(
    ("status", "may_ask"),
    [(429, True), (503, True), *((status, False) for status in (0, 200, 202, 403, 500, 502, 504))],
)
def test_a_429_and_a_503_may_ask_for_a_pause_and_nothing_else(status, may_ask):
    assert throttling.is_throttled(Answer(status, {"Retry-After": "5"})) is may_ask
