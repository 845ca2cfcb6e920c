"""What becomes of a request that failed: one decision, from what is known of the page and of the server. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from lifestats_crawler.api import answers, throttling
from lifestats_crawler.downloader import backoff
from lifestats_crawler.ending import Ending
from lifestats_crawler.exceptions import Cause, ContradictionError, RefusedError
from lifestats_crawler.program import called

if TYPE_CHECKING:
    from random import Random

    from lifestats_crawler.exceptions import FaultyPageError
    from lifestats_crawler.items import Answer

#: How often a page may fail for another's reason while others are answered, before it is its own.
_FREE_TRIES = 3
_LEAST_FAILURES = 20
_MOST_SECONDS_UNANSWERED = 2.0  # between two tries while there was never a good answer


class Kind(Enum):
    """Whose fault a failed answer is, as far as it says so itself."""

    #: The server wants to be left alone for a while.
    THROTTLED = auto()
    #: It refuses access.
    REFUSED = auto()
    #: There was no connection, no answer in time, or the connection was lost.
    LOST = auto()
    #: The server failed: 5xx.
    BROKEN = auto()
    #: The answer contradicts the configuration.
    CONTRADICTION = auto()
    #: Anything else that is no page.
    FAULTY = auto()


_UNREACHABLE = {Kind.LOST, Kind.BROKEN}
_LOST = {Cause.NOT_IN_TIME, Cause.NO_CONNECTION, Cause.LOST, Cause.UNKNOWN_HOST}


def kind(answer: Answer, fault: FaultyPageError) -> Kind:
    """Tell the kind of a failed answer."""
    if throttling.is_throttled(answer) or throttling.own_wait(answer) is not None:
        return Kind.THROTTLED
    if isinstance(fault, RefusedError):
        return Kind.REFUSED
    if isinstance(fault, ContradictionError):
        return Kind.CONTRADICTION
    if answer.error:
        return Kind.LOST if answer.cause in _LOST else Kind.FAULTY
    return Kind.BROKEN if answer.status in answers.SERVER_ERRORS else Kind.FAULTY


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed answer, and what is known when it comes."""

    kind: Kind
    #: What was wrong.
    reason: str
    #: Where the page was asked.
    cursor: int = 0
    #: How often the page at the chain's cursor has failed by its own fault, this time not counted.
    failures: int = 0
    #: How often it was excused while others were answered, this time not counted.
    excused: int = 0
    #: Whether the chain's last answer contradicted the configuration, too.
    was_contradicted: bool = False
    #: Whether others were answered well since the request left.
    others_answered: bool = False
    #: Whether the run ever had a good answer, by its footers or by this process.
    has_answered: bool = True
    #: Whether a record is known that can be asked for.
    has_witness: bool = True
    #: Whether so many requests have failed since the last good answer as may be under way.
    is_doubtful: bool = False
    #: How many have failed since the last good answer, this one included.
    in_a_row: int = 1
    #: Whether the server has just been asked and was well, so that it is the page's own fault.
    is_well: bool = False
    #: Whether it is the first try of the first pass, which the breaker counts.
    is_first_try: bool = True
    #: Whether the page was put aside before, and this is what remains of its tries.
    is_last_try: bool = False
    #: Seconds for which the answer wants its own page left alone.
    own_wait: float = 0.0
    #: Seconds for which the server has refused everything, beyond the times that it told.
    refused_for: float = 0.0


@dataclass(frozen=True, slots=True)
class Retry:
    """Ask for the page again, after so many seconds."""

    wait: float
    #: Whether that is another's fault, and spends none of the page's retries.
    is_excused: bool = False


@dataclass(frozen=True, slots=True)
class Skip:
    """Ask for it no more for now: its chain goes on behind it."""


@dataclass(frozen=True, slots=True)
class AskWitness:
    """Pause, and ask for a record that is known, to learn whether it is the server or the page."""

    is_refused: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """End the crawl, and say why."""

    ending: Ending
    message: str


Decision = Retry | Skip | AskWitness | Stop


class Retries:
    """Decides, from the first of these that holds:

    ====================================================  ====================================================
    the server wants to be left alone for longer than an  Stop(OUTAGE)
    outage may last, beyond the times that it told
    the server wants to be left alone                     Retry, excused, when the pause is over
    it refuses access                                     AskWitness; Stop(REFUSED) without one
    two answers in a row contradict the configuration     Stop(MISCONFIGURED): once may be an accident
    there was never a good answer, or none for long and   Stop(OUTAGE) if most were unreachable, else
    no witness, and every chain has failed twice, 20      Stop(FAILING)
    times at least
    the same, not so often yet                            Retry soon, or Skip after ``limit`` tries; on the
                                                          last try Retry, excused
    as many have failed since the last good answer as     AskWitness
    may be under way
    the connection or the answer was lost, and others     Retry, excused
    are answered
    too many first tries failed beside good answers       Stop(FAILING): see ``Breaker``
    the page has failed more than ``limit`` times         Skip
    otherwise                                             Retry, after exponential backoff with full jitter
    ====================================================  ====================================================

    A page that was excused three times while others were answered is excused no more. Where a witness was just
    answered well, it is the page's own fault.
    """  # noqa: D400  # a table ends it

    def __init__(self, limit: int, chains: int, outage_seconds: float, random: Random) -> None:
        """Ask for a page ``limit`` times more at most; ``chains`` is how many there are to begin with."""
        self._limit = limit
        self._outage_seconds = outage_seconds
        self._random = random
        self._patience = max(_LEAST_FAILURES, 2 * chains)
        #: The failures in a row while nothing is known that could be asked for.
        self._failed: list[Kind] = []

    def decide(self, failure: Failure) -> Decision:  # noqa: PLR0911  # a row of the table each
        """Decide about a failed answer to a page."""
        if failure.kind is Kind.THROTTLED and failure.refused_for > self._outage_seconds:
            reason = f"the API has refused every request for {failure.refused_for:.0f} s: {failure.reason}"
            return Stop(Ending.OUTAGE, reason)
        if not failure.is_well and failure.excused < _FREE_TRIES and failure.kind is Kind.THROTTLED:
            return Retry(failure.own_wait, is_excused=True)
        if failure.kind is Kind.REFUSED and not failure.is_well:
            if failure.has_witness:
                return AskWitness(is_refused=True)
            return Stop(Ending.REFUSED, failure.reason)
        if failure.kind is Kind.CONTRADICTION and failure.was_contradicted:
            return Stop(Ending.MISCONFIGURED, f"the page at {failure.cursor} {failure.reason}")
        if not failure.has_answered or (failure.is_doubtful and not failure.has_witness):
            return self._unanswered(failure)
        if failure.is_doubtful and not failure.is_well:
            return AskWitness(is_refused=False)
        is_excusable = failure.others_answered and failure.excused < _FREE_TRIES and not failure.is_well
        if failure.kind is Kind.LOST and is_excusable:
            return Retry(self._backoff(failure.excused + 1), is_excused=True)
        return self._own(failure)

    def _unanswered(self, failure: Failure) -> Decision:
        self._failed.append(failure.kind)
        del self._failed[: -failure.in_a_row]
        many = len(self._failed)
        if many < self._patience:
            if failure.is_last_try:  # there is nothing else to ask for, and no page has shown itself to be bad
                return Retry(min(self._backoff(many), _MOST_SECONDS_UNANSWERED), is_excused=True)
            own = self._own(failure)
            return Retry(min(own.wait, _MOST_SECONDS_UNANSWERED)) if isinstance(own, Retry) else own
        unreachable = sum(one in _UNREACHABLE for one in self._failed)
        ending = Ending.OUTAGE if 2 * unreachable > many else Ending.FAILING
        return Stop(
            ending,
            f"none of {many} requests had a good answer, the last one: {failure.reason}. Run"
            f" {called('probe')} to find the cause",
        )

    def _own(self, failure: Failure) -> Retry | Skip:
        if failure.failures >= self._limit:
            return Skip()
        return Retry(self._backoff(failure.failures + 1))

    def _backoff(self, failures: int) -> float:
        return backoff.full_jitter(failures, self._random)
