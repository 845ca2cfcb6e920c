"""The time as reports and segments have it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """Return the time in UTC as ISO 8601 with milliseconds, such as ``2026-11-24T03:56:56.333Z``."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
