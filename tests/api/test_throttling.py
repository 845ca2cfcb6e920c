from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lifestats_crawler.api import throttling
from lifestats_crawler.items import Answer

# The clock of the server is a minute behind.
DATE = "Thu, 01 Jan 2026 00:00:00 GMT"
THEIRS = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
OURS = THEIRS + 60.25


def answer(status: int, **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): text for name, text in headers.items()}, at=OURS)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        (" 7 ", 7),
        ("1.5", 1.5),
        ("2.0", 2),
        ("43200", 43200),
        ("999999999", 86400),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30),
        ("Thu, 01 Jan 2026 01:00:30 +0100", 30),
        ("2026-01-01T00:00:30Z", 30),
        ("Thu, 01 Jan 2099 00:00:00 GMT", 86400),
        (f"{THEIRS + 30:.0f}", 30),
        (f"{THEIRS + 30.5:.1f}", 30.5),
        (f"{1000 * (THEIRS + 30):.0f}", 30),
        ("99999999999999999999", 86400),
        # As without it: there is no time, or it is over.
        ("0", None),
        ("0.0", None),
        (f"{THEIRS - 1:.0f}", None),
        (DATE, None),
        ("Wed, 31 Dec 2025 00:00:00 GMT", None),
        ("Thu, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1e3", None),
        ("1,5", None),
        ("\u0663", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503, 529, 420, 502, 403, 302, 202])
def test_seconds_dates_and_moments_are_understood_beside_any_failed_status(status, text, wait):
    told = throttling.told(answer(status, Retry_After=text, Date=DATE))
    assert told == (wait if wait is None else pytest.approx(wait))


@pytest.mark.parametrize(
    ("date", "at", "wait"),
    [
        (DATE, THEIRS + 60.25, 30),  # the clocks differ: theirs counts
        (DATE, THEIRS - 0.1, 30),
        (DATE, THEIRS + 0.75, 29.25),  # they agree: ours is finer
        ("", THEIRS + 0.75, 29.25),
        ("rubbish", THEIRS + 0.75, 29.25),
        ("", 0.0, None),  # nobody knows what time it was
    ],
)
@pytest.mark.parametrize("text", ["Thu, 01 Jan 2026 00:00:30 GMT", f"{THEIRS + 30:.0f}"])
def test_moments_are_reckoned_by_the_clock_of_the_server(date, at, wait, text):
    assert throttling.told(Answer(429, {"Retry-After": text, "Date": date}, at=at)) == wait


SOON = f"{OURS + 8:.2f}"
NONE_LEFT = {"X-RateLimit-Remaining": "0"}


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"X-RateLimit-Reset": SOON}, 8),
        (429, {"X-RateLimit-Reset": "8"}, 8),
        (429, {"RateLimit-Reset": "8"}, 8),
        (429, {"X-Rate-Limit-Reset": SOON}, 8),
        (403, {"X-RateLimit-Reset": SOON} | NONE_LEFT, 8),
        (503, {"X-Rate-Limit-Reset": "8", "X-Rate-Limit-Remaining": "0"}, 8),
        (503, {"RateLimit-Reset": "8", "RateLimit-Remaining": " 0 "}, 8),
        (429, {"RateLimit": "limit=100, remaining=0, reset=8"}, 8),
        (403, {"RateLimit": "limit=100, remaining=0, reset=8"}, 8),
        (429, {"RateLimit": '"default";r=0;t=8'}, 8),
        (503, {"RateLimit": '"burst";r=5;t=1, "day";r=0;t=8'}, 8),
        (429, {"Retry-After": "3", "X-RateLimit-Reset": SOON}, 3),
        (429, {"Retry-After": "0", "X-RateLimit-Reset": SOON}, 8),
        # Never by itself.
        (403, {"X-RateLimit-Reset": SOON}, None),
        (500, {"RateLimit-Reset": "8"}, None),
        (500, {"RateLimit-Reset": "8", "RateLimit-Remaining": "17"}, None),
        (503, {"RateLimit": '"default";r=5;t=8'}, None),
        (200, {"X-RateLimit-Reset": SOON} | NONE_LEFT, None),
        (200, {"Retry-After": "8"}, None),
        (0, {}, None),
    ],
    ids=str,
)
def test_the_end_of_a_window_counts_beside_a_429_or_where_nothing_remains(status, headers, wait):
    told = throttling.told(Answer(status, headers, at=OURS))
    assert told == (wait if wait is None else pytest.approx(wait))


@pytest.mark.parametrize(
    ("status", "headers", "is_throttled"),
    [
        (429, {}, True),
        *((status, {"Retry-After": "5"}, True) for status in (503, 529, 420, 502, 403, 404, 302)),
        *((status, NONE_LEFT, True) for status in (403, 500, 503)),
        *((status, {"Retry-After": "0"}, False) for status in (503, 403)),
        *((status, {"Retry-After": "soon"}, False) for status in (503, 403)),
        *((status, {}, False) for status in (503, 500, 403, 404)),
        (500, {"X-RateLimit-Reset": SOON, "X-RateLimit-Remaining": "9"}, False),
        *((status, {"Retry-After": "5"} | NONE_LEFT, False) for status in (0, 200, 202, 204)),
    ],
    ids=str,
)
def test_a_429_and_a_failed_status_that_asks_for_a_time_are_for_every_request(status, headers, is_throttled):
    assert throttling.is_throttled(Answer(status, headers, at=OURS)) is is_throttled


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [(202, {"Retry-After": "5"}, 5), (202, {}, None), (200, {"Retry-After": "5"}, None), (429, {}, None)],
)
def test_a_page_that_is_not_ready_yet_waits_for_itself(status, headers, wait):
    assert throttling.own_wait(Answer(status, headers)) == wait
