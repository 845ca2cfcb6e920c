"""What an answer says of waiting: whether the server is to be left alone, and for how long. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from lifestats_crawler.api.answers import TOO_MANY_REQUESTS, UNAVAILABLE

if TYPE_CHECKING:
    from lifestats_crawler.items import Answer

MOST_SECONDS = 3600.0  # a server that wants more is asked again after an hour


def is_throttled(answer: Answer) -> bool:
    """Tell whether an answer is one that may ask for a pause."""
    return answer.status in (TOO_MANY_REQUESTS, UNAVAILABLE)


def told(answer: Answer, now: datetime) -> float | None:
    """Return the seconds for which an answer asks to be left alone; None where it does not say."""
    return seconds(answer.headers.get("Retry-After", ""), now)


def seconds(header: str, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header names, ``MOST_SECONDS`` at most; None for an unusable one.

    Both forms of RFC 9110, section 10.2.3: seconds, and a date.

    >>> seconds("120", datetime(2026, 1, 1, tzinfo=UTC))
    120.0
    >>> seconds("Thu, 01 Jan 2026 00:00:05 GMT", datetime(2026, 1, 1, tzinfo=UTC))
    5.0
    """
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(MOST_SECONDS, float(text))
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    wait = until.replace(tzinfo=until.tzinfo or UTC) - now
    return min(MOST_SECONDS, max(0.0, wait.total_seconds()))
