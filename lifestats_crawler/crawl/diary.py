"""What a crawl has met beside what it counts: answers by kind, pauses and their causes, errors. Pure."""

from __future__ import annotations

from collections import Counter, deque
from math import inf
from typing import TYPE_CHECKING

from lifestats_crawler.crawl.fault_log import kind_of
from lifestats_crawler.exceptions import Cause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lifestats_crawler.items import Answer

_MOST_KINDS = 50
_OTHERS = "others"
_MOST_ERRORS = 10
_NO_ANSWER = {
    Cause.NOT_IN_TIME: "not in time",
    Cause.UNKNOWN_HOST: "unknown host",
    Cause.NO_CONNECTION: "no connection",
    Cause.LOST: "connection lost",
    Cause.CUT_SHORT: "cut short",
    Cause.TOO_LARGE: "too large",
    Cause.UNREADABLE: "unreadable",
}
#: Why no request leaves, beside the status of a server that asks for a pause.
AWAY, STORAGE = "the API was asked whether it is there", "the storage was behind"


class Diary:
    """Adds up what has happened since this crawl was started. Times are in seconds of the pacer's clock.

    >>> diary = Diary()
    >>> diary.pause("status 429", 10.0, 12.0)
    >>> diary.pause("status 429", 11.0, 14.0)
    >>> diary.pause(AWAY, 13.0)
    >>> diary.seen(13.5)
    >>> diary.paused
    {'status 429': 3.5, 'the API was asked whether it is there': 0.5}
    """

    def __init__(self) -> None:
        """Begin with nothing met."""
        #: How many answers there were, by status or by why there was none.
        self.answers: Counter[str] = Counter()
        #: How many answers with a good status were not believed, by reason with ``#`` for numbers.
        self.faults: Counter[str] = Counter()
        self._errors: deque[str] = deque(maxlen=_MOST_ERRORS)
        self._paused: dict[str, float] = {}
        self._pauses: dict[str, tuple[float, float]] = {}  # the latest one of each cause
        self._now = -inf

    def seen(self, now: float) -> None:
        """Take note of the time: a pause that goes on lasts until now."""
        self._now = max(self._now, now)

    def answered(self, answer: Answer) -> None:
        """Take note of an answer, or of there being none; not of a request that the end of the crawl kept back."""
        cause = answer.cause
        if answer.error and cause is None and not answer.left_at:
            return
        kind = (
            (_NO_ANSWER.get(cause, "no answer") if cause else "no answer")
            if answer.error
            else f"status {answer.status}"
        )
        _add(self.answers, kind)

    def disbelieved(self, reason: str) -> None:
        """Take note of an answer with a good status that counts for nothing."""
        _add(self.faults, kind_of(reason))

    def failed(self, line: str) -> None:
        """Take note of a line of the log that is an error, without secrets."""
        self._errors.append(line)

    @property
    def errors(self) -> tuple[str, ...]:
        """The last of these lines."""
        return tuple(self._errors)

    def pause(self, cause: str, begin: float, end: float = inf) -> None:
        """Take note that no request leaves from ``begin`` on, as far as is known until ``end``."""
        self.seen(begin)
        known = self._pauses.get(cause)
        if known and begin < known[1]:
            self._pauses[cause] = (known[0], max(known[1], end))
            return
        if known:
            self._paused[cause] = self._paused.get(cause, 0.0) + known[1] - known[0]
        self._pauses[cause] = (begin, end)

    def resume(self, cause: str, now: float) -> None:
        """Take note that a pause is over."""
        self.seen(now)
        if known := self._pauses.get(cause):
            self._pauses[cause] = (known[0], min(known[1], now))

    @property
    def paused(self) -> Mapping[str, float]:
        """For how many seconds no request left, by cause; causes may overlap."""
        latest = {cause: max(0.0, min(end, self._now) - begin) for cause, (begin, end) in self._pauses.items()}
        return {cause: round(self._paused.get(cause, 0.0) + seconds, 3) for cause, seconds in latest.items()}


def _add(counter: Counter[str], kind: str) -> None:
    counter[kind if kind in counter or len(counter) < _MOST_KINDS else _OTHERS] += 1
