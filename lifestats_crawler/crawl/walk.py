"""The walk: an answer in; the tally of its page, and what to ask next and when, out. No clock, no network.

The time is an argument. The driver of a walk (the spider, a simulation) sends each ``Ask`` when its wait is over,
and gives its answer back with it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lifestats_crawler.api import answers
from lifestats_crawler.crawl.breaker import Breaker
from lifestats_crawler.crawl.fault_log import FaultLog
from lifestats_crawler.crawl.growth import more_chains
from lifestats_crawler.crawl.retries import Retries, Retry, Skip, Stop
from lifestats_crawler.ending import Ending
from lifestats_crawler.exceptions import ContradictionError, FaultyPageError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from random import Random

    from lifestats_crawler.crawl.frontier import Chain
    from lifestats_crawler.crawl.state import Crawl
    from lifestats_crawler.items import Answer, Tally

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Proof:
    """A question beside the pages: whether a record is shown where it is asked for."""

    record: int
    #: The first id of the page that has shown it.
    page: int
    #: Whether an answer at its id has lacked it already.
    is_doubted: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to make: the first id that is wanted, and the chain that walks there."""

    chain: Chain
    first: int
    #: Seconds that it must not leave before.
    wait: float = 0.0
    #: Not None: not for the page at the chain's cursor, but for this proof.
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What follows from an answer."""

    #: To be counted, before anything else is asked for.
    tally: Tally | None
    #: The first pages of chains that start now, each when its ask is taken (see ``Walk.begin``).
    begun: Iterable[Ask] = ()
    #: What the chain of the answer asks next; None at its end.
    following: Ask | None = None


class Walk:
    """Walks what is unsettled by chains, each a sequence of requests of which one is under way."""

    def __init__(self, crawl: Crawl, random: Random) -> None:
        """Walk for a crawl; ``random`` spreads the waits after failures."""
        self._crawl = crawl
        self._frontier = crawl.frontier
        # One burst of failures from all under way passes; a server that never answers gets two tries a chain.
        window, patience = max(100, 2 * crawl.most_chains), max(20, 2 * self._frontier.subsets)
        breaker = Breaker(crawl.config.failure_limit, window, patience)
        self._retries = Retries(crawl.config.retries, breaker, random)
        self._fault_log = FaultLog()
        #: Whether an answer has shown the record that it was asked at.
        self._is_cursor_proven = False

    def begin(self) -> Iterator[Ask]:
        """Start a chain in every subset, each when its ask is taken.

        Scrapy takes its time with requests that a callback yields. A chain that waits for that would begin late,
        and so end late, when the others have nothing left to do. Untaken, it is left to the next answer.
        """
        return map(self._page, self._frontier.start())

    def grow(self, now: float) -> list[Ask]:
        """Start more chains if the pacer has places that no chain is going to take."""
        if not self._crawl.goes_on:
            return []
        chains = more_chains(self._frontier, self._crawl.pacer, self._crawl.answered, now)
        return [self._page(chain) for chain in chains]

    def take(self, ask: Ask, answer: Answer, now: float) -> Step:
        """Take the answer to an ask, ``now`` in seconds of the pacer's clock."""
        self._crawl.answered += 1
        chain = ask.chain
        if ask.proof:
            return self._next(None, chain, following=self._prove(ask, ask.proof, answer))
        try:
            tally = self._read(answer, chain)
        except FaultyPageError as fault:
            return self._next(None, chain, self._again(chain, fault, now))
        self._retries.succeeded()
        if not self._is_cursor_proven and tally.highest is not None:
            self._is_cursor_proven = True  # one chain asks, and none beside it
            if tally.highest == ask.first:
                return self._next(tally, chain)  # the page itself shows the record where it was asked for
            proof = Proof(tally.highest, ask.first)
            return self._next(tally, chain, following=Ask(chain, proof.record, proof=proof))
        return self._next(tally, chain)

    def _next(self, tally: Tally | None, chain: Chain, wait: float = 0.0, following: Ask | None = None) -> Step:
        if not self._crawl.goes_on:
            return Step(tally)
        if following is None and self._frontier.is_under_way(chain):
            following = self._page(chain, wait)
        return Step(tally, self.begin(), following)

    def _page(self, chain: Chain, wait: float = 0.0) -> Ask:
        return Ask(chain, chain.cursor, wait)

    def _read(self, answer: Answer, chain: Chain) -> Tally:
        """Read an answer and move its chain past it, or raise FaultyPageError and change nothing."""
        return self._frontier.advance(chain, self._crawl.dialect.read(answers.body(answer), chain.left))

    def _prove(self, ask: Ask, proof: Proof, answer: Answer) -> Ask | None:
        """Look for the record in the answer to an ask of its proof, and return what else to ask for it.

        If a record that exists is lacking twice where it is asked for, ``inclusive`` is wrong: such a crawl would
        lose a record of each page in silence, and end as complete. That it exists is asked in between, at the page
        that has shown it: records may go.
        """
        if not self._crawl.goes_on:
            return None
        try:
            is_shown = self._crawl.dialect.shows(answers.body(answer), ask.first, proof.record)
        except ContradictionError:
            is_shown = False
        except FaultyPageError:
            self._is_cursor_proven = False  # at the next page, then
            self._crawl.retried += 1
            return None
        if ask.first != proof.record:
            self._is_cursor_proven = is_shown
            return Ask(ask.chain, proof.record, proof=proof) if is_shown else None
        if is_shown:
            return None
        if not proof.is_doubted:
            return Ask(ask.chain, proof.page, proof=replace(proof, is_doubted=True))
        right = str(not self._crawl.config.inclusive).lower()
        self._crawl.stop(
            Ending.MISCONFIGURED,
            f"the answer to a request at id {ask.first} lacks this record, which exists. Set inclusive: {right}:"
            " with the present value the crawl would lose records. scrapy probe shows the answer",
        )
        return None

    def _again(self, chain: Chain, fault: FaultyPageError, now: float) -> float:
        """Do what is decided about a page that failed, and return the seconds until its chain goes on."""
        if not self._crawl.goes_on and not isinstance(fault, RefusedError):
            return 0.0
        tried_at = chain.cursor
        match self._retries.decide(chain, fault, self._crawl.pacer.held_for(now), now):
            case Stop(ending, message):
                self._crawl.stop(ending, message)
            case Skip():
                self._skip(chain, str(fault))
            case Retry(wait):
                self._crawl.retried += 1
                self._tell(f"Page at {tried_at}, try {chain.failures}", str(fault), wait, now)
                return wait
        return 0.0

    def _tell(self, what: str, reason: str, wait: float, now: float) -> None:
        untold = self._fault_log.untold(reason, now)
        level = logging.DEBUG if untold is None else logging.WARNING
        others = f" ({untold:,} more faults of this kind since the last line)" if untold else ""
        logger.log(level, "%s: %s; the next try is in %.1f s%s", what, reason, wait, others)

    def _skip(self, chain: Chain, reason: str) -> None:
        tries = chain.failures
        skipped, is_given_up = self._frontier.skip(chain, self._crawl.config.results_per_page)
        ids = f"{skipped.begin} to {skipped.end - 1}"
        if is_given_up:
            logger.error(
                "Gave up on ids %s after %d more tries: %s. The report lists them as missing;"
                " the next crawl tries them again",
                *(ids, tries, reason),
            )
        else:
            logger.warning("Put ids %s aside after %d failed tries, to be tried last: %s", ids, tries, reason)
