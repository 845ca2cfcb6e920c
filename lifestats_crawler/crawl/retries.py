"""What becomes of a page that failed: asked for again, put aside, or the end of the crawl. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifestats_crawler.downloader import backoff
from lifestats_crawler.ending import Ending
from lifestats_crawler.exceptions import ContradictionError, RefusedError

if TYPE_CHECKING:
    from random import Random

    from lifestats_crawler.crawl.breaker import Breaker
    from lifestats_crawler.crawl.frontier import Chain
    from lifestats_crawler.exceptions import FaultyPageError


@dataclass(frozen=True, slots=True)
class Retry:
    """Ask for the page again, after so many seconds."""

    wait: float


@dataclass(frozen=True, slots=True)
class Skip:
    """Ask for it no more for now: its chain goes on behind it."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End the crawl, and say why."""

    ending: Ending
    message: str


Decision = Retry | Skip | Stop


class Retries:
    """Decides, from the first of these that holds:

    ====================================================  ====================================================
    the answer refuses access                             Stop(REFUSED)
    too many of the last answers failed (``Breaker``)     Stop(FAILING)
    the chain's last two answers contradict the           Stop(MISCONFIGURED): once may be an accident
    configuration
    the page has failed more than ``limit`` times         Skip
    otherwise                                             Retry, after exponential backoff with full jitter, and
                                                          not while the server wants no request at all
    ====================================================  ====================================================
    """  # noqa: D400  # a table ends it

    def __init__(self, limit: int, breaker: Breaker, random: Random) -> None:
        """Ask for a page ``limit`` times more at most."""
        self._limit = limit
        self._breaker = breaker
        self._random = random

    def succeeded(self) -> None:
        """Take note of an answer that is a page."""
        self._breaker.record(success=True)

    def decide(self, chain: Chain, fault: FaultyPageError, held: float, now: float) -> Decision:
        """Decide about the page at a chain's cursor, and note the failure on the chain.

        ``held`` is for how many seconds the server wants no request, ``now`` the time in seconds of the clock
        that ``Frontier.resting`` is told.
        """
        reason = str(fault)
        if isinstance(fault, RefusedError):
            return Stop(Ending.REFUSED, reason)
        self._breaker.record(success=False)
        if self._breaker.is_open:
            hint = "" if self._breaker.has_succeeded else ". Run scrapy probe to find the cause"
            message = f"{self._breaker.failures} failed, the last one with: {reason}{hint}"
            return Stop(Ending.FAILING, message)
        was_contradicted, chain.is_contradicted = chain.is_contradicted, isinstance(fault, ContradictionError)
        if was_contradicted and chain.is_contradicted:
            return Stop(Ending.MISCONFIGURED, f"the page at {chain.cursor} {reason}")
        chain.failures += 1
        if chain.failures > self._limit:
            return Skip()
        wait = max(backoff.full_jitter(chain.failures, self._random), held)
        chain.rests_until = now + wait
        return Retry(wait)
