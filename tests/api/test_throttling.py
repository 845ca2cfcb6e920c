from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lifestats_crawler.api import throttling as retry_after

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
    assert retry_after.seconds(header, NOW) == wait
