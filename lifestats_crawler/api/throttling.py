"""The Retry-After header: how long a server wants to be left alone. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MOST = 3600.0  # seconds; a server that wants more is asked again after an hour


def seconds(header: str, now: datetime) -> float | None:
    """Return the seconds to wait, at most ``MOST``; None for a header that says nothing usable.

    Both forms of RFC 9110, section 10.2.3: seconds, and a date.

    >>> seconds("120", datetime(2026, 1, 1, tzinfo=UTC))
    120.0
    >>> seconds("Thu, 01 Jan 2026 00:00:05 GMT", datetime(2026, 1, 1, tzinfo=UTC))
    5.0
    """
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(MOST, float(text))
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    wait = until.replace(tzinfo=until.tzinfo or UTC) - now
    return min(MOST, max(0.0, wait.total_seconds()))
