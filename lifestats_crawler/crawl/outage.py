"""Whether the server is well: failures in a row, and one request that asks while all others wait. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from lifestats_crawler.api import throttling
from lifestats_crawler.crawl.talk import Question
from lifestats_crawler.exceptions import FaultyPageError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from lifestats_crawler.crawl.talk import Heard, Look

_LEAST_FAILURES = 2
_LEAST_WITNESSES = 3  # that are asked before it is an outage
_FIRST_PAUSE_SECONDS = 1.0
_MOST_PAUSE_SECONDS = 60.0


class Outcome(Enum):
    """What the witness has come to."""

    WELL = auto()
    REFUSED = auto()
    #: It was not answered for longer than an outage may last.
    GONE = auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of an outage, or of a doubt that was none."""

    outcome: Outcome
    #: What the last answer was, where it was not a good one.
    why: str = ""
    #: Whether an answer of the witness had failed: the tries since then are given back.
    was_out: bool = False
    #: The record that was answered well; -1 without one.
    record: int = -1


class Health:
    """Counts the failures since the last good answer."""

    def __init__(self, *, has_answered: bool) -> None:
        """Start well; ``has_answered`` is whether the run ever had a good answer."""
        self.has_answered = has_answered
        self.failed = 0
        #: When the first of them came; None while there is none. In seconds of the pacer's clock.
        self.since: float | None = None
        #: When the last good answer came.
        self.good_at: float | None = None

    def good(self, now: float) -> None:
        """Take note of a good answer."""
        self.has_answered = True
        self.failed, self.since, self.good_at = 0, None, now

    def bad(self, now: float) -> None:
        """Take note of a failure."""
        self.failed += 1
        self.since = now if self.since is None else self.since

    def is_doubtful(self, under_way: int) -> bool:
        """Tell whether as many have failed in a row as may be under way, two at least."""
        return self.failed >= max(_LEAST_FAILURES, under_way)

    def has_answered_since(self, moment: float) -> bool:
        """Tell whether a good answer came after a moment."""
        return self.good_at is not None and self.good_at > moment


def ask(  # noqa: PLR0913  # whom, how, how long, and whom to tell
    records: Sequence[int],
    limit: int,
    look: Look,
    since: float,
    patience: float,
    *,
    is_refused: bool,
    tell: Callable[[str, float], None],
) -> Generator[Question, Heard, Verdict]:
    """Ask where a record is known, past every pause, on new connections, until an answer is good.

    One record after another, for each of them may be gone, or be where the server always fails. Another limit than
    that of a page keeps caches from answering. ``since`` is when the first failure came, and
    ``patience`` for how many seconds an outage may last from then; ``tell`` is told of each pause. After a refusal
    (``is_refused``) a second one ends it; in an outage, where a gateway that comes back may refuse for a moment,
    a third.
    """
    wait, failed, refusals = 0.0, 0, 0 if is_refused else -1
    least = max(_LEAST_FAILURES, min(_LEAST_WITNESSES, len(records)))  # that are an outage
    while True:
        record = records[max(0, failed - 1) % len(records)]
        # Fewer than a page has, so that no cache answers; then one alone, for what follows may make the page fail.
        fewer = 1 if failed else max(1, limit - 1)
        question = Question(record, fewer, wait, is_through=True, on_new_connection=True)
        answer, now = yield question
        try:
            if look(answer, record).ids:
                return Verdict(Outcome.WELL, was_out=failed >= least, record=record)
            why = "an empty page where a record is known"
        except RefusedError as fault:
            why = str(fault)
            refusals += not throttling.is_throttled(answer)
            if refusals > 0:
                return Verdict(Outcome.REFUSED, why)
        except FaultyPageError as fault:
            why = str(fault)
        failed += 1
        if now - since >= patience:
            return Verdict(Outcome.GONE, why, was_out=True)
        if failed < least:
            continue
        wait = min(
            _MOST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2.0 ** min(failed - least, 10), since + patience - now
        )
        tell(why, wait)
