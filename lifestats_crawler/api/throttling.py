"""What an answer says of waiting: whether the server is to be left alone, and for how long. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from lifestats_crawler.api.answers import ACCEPTED, SUCCESSES, TOO_MANY_REQUESTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifestats_crawler.items import Answer

MOST_SECONDS = 86_400.0  # a server that wants more, which may be a mistake, is asked again after a day


_LEAST_MOMENT = 1e9  # seconds since 1970, in 2001; as a delay it would be thirty years
_LEAST_MILLISECONDS = 1e11  # as seconds, a moment in the year 5138
_REMAINING = ("RateLimit-Remaining", "X-RateLimit-Remaining", "X-Rate-Limit-Remaining")
_RESET = ("RateLimit-Reset", "X-RateLimit-Reset", "X-Rate-Limit-Reset")
_NUMBER = re.compile(r"\d{1,20}(\.\d{0,20})?", re.ASCII)
#: The parts of a RateLimit field, as its drafts 7 (remaining, reset) and 8 (r, t) have them.
_LEFT = re.compile(r"\b(?:r|remaining)\s*=\s*(\d{1,20})", re.ASCII)
_TIME = re.compile(r"\b(?:t|reset)\s*=\s*(\d{1,20})", re.ASCII)


def is_throttled(answer: Answer) -> bool:
    """Tell whether an answer is one that asks every request for a pause.

    ==========================================================  =====
    429                                                         yes
    another failed status, with a time in Retry-After           yes
    another failed status, with a Remaining of 0                yes
    another failed status, with a Retry-After of 0, in the      no
    past, or not understood: as without one
    no answer, or a success (202: see ``own_wait``)             no
    ==========================================================  =====
    """  # a table ends it
    if not answer.status or answer.status in SUCCESSES:
        return False
    return answer.status == TOO_MANY_REQUESTS or told(answer) is not None or _is_used_up(answer)


def is_bare(answer: Answer, window: float) -> bool:
    """Tell whether a 429 says nothing of a window of its own: no rest, no reset, and no wait beyond ``window``."""
    if answer.status != TOO_MANY_REQUESTS or _is_used_up(answer):
        return False
    wait = told(answer)
    names = (*_RESET, "RateLimit")
    return (wait is None or wait <= max(1.0, window)) and not any(name in answer.headers for name in names)


def own_wait(answer: Answer) -> float | None:
    """Return the seconds after which a page that is not ready yet (202) is to be asked for again, if told."""
    return told(answer) if answer.status == ACCEPTED else None


def told(answer: Answer) -> float | None:
    """Return the seconds for which an answer asks to be left alone, ``MOST_SECONDS`` at most; None if it does not.

    Retry-After says it beside any failed status, and beside 202. When a window of the rate limit ends is
    told only beside a 429 or a Remaining of 0: some APIs say it in every answer. A time that is over, or of
    0 seconds, is no time: taken at its word it means "at once", to a server that is busy.
    """
    if not answer.status or (answer.status in SUCCESSES and answer.status != ACCEPTED):
        return None
    texts = [answer.headers.get("Retry-After", "")]
    if answer.status == TOO_MANY_REQUESTS or _is_used_up(answer):
        texts += [answer.headers.get(name, "") for name in _RESET]
        texts += _times_of_windows(answer.headers.get("RateLimit", ""))
    waits = (_seconds(text, answer) for text in texts)
    return next((min(MOST_SECONDS, wait) for wait in waits if wait is not None and wait > 0), None)


def _is_used_up(answer: Answer) -> bool:
    """Tell whether nothing remains of a window of the rate limit."""
    fields = (answer.headers.get(name, "").strip() for name in _REMAINING)
    windows = _windows(answer.headers.get("RateLimit", ""))
    return any(re.fullmatch("0+", field) for field in fields) or any(left == 0 for left, _ in windows)


def _times_of_windows(field: str) -> list[str]:
    """Return when the windows in a RateLimit field end, those of which nothing remains before the others."""
    return [time for _, time in sorted(_windows(field), key=lambda window: window[0] != 0)]


def _windows(field: str) -> Iterator[tuple[int | None, str]]:
    """Yield what remains of each window in a RateLimit field, and its seconds."""
    for window in [field] if "reset" in field else field.split(","):
        left, time = _LEFT.search(window), _TIME.search(window)
        yield int(left[1]) if left else None, time[1] if time else ""


def _seconds(text: str, answer: Answer) -> float | None:
    """Return the seconds that a header names, as a number, a date, or a moment since 1970; None for others."""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        number = float(text)
        if number <= _LEAST_MOMENT:
            return number
        moment: float | None = number / 1000 if number > _LEAST_MILLISECONDS else number
    else:
        moment = _moment(text)
    now = _now(answer)
    return None if moment is None or now is None else moment - now


def _now(answer: Answer) -> float | None:
    """Return the moment of an answer by the clock of its server, which the times in it are of.

    Its Date is in whole seconds; within that second, our own clock tells more.
    """
    date = _moment(answer.headers.get("Date", ""))
    if date is None or date <= answer.at < date + 1:
        return answer.at or None
    return date


def _moment(text: str) -> float | None:
    """Return the seconds since 1970 that a date names: of HTTP (RFC 9110, section 5.6.7), or of ISO 8601."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            date = read(text)
        except (ValueError, OverflowError):
            continue
        return date.replace(tzinfo=date.tzinfo or UTC).timestamp()
    return None
