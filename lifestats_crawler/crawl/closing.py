"""The end of a walk, when every chain is at its end: claims are confirmed, and a last proof is made. Pure."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from lifestats_crawler.crawl import asks, claims
from lifestats_crawler.crawl.asks import Step
from lifestats_crawler.downloader import backoff
from lifestats_crawler.ending import Ending
from lifestats_crawler.items import Tally

if TYPE_CHECKING:
    from random import Random

    from lifestats_crawler.crawl.checking import Checking
    from lifestats_crawler.crawl.proving import Proving
    from lifestats_crawler.crawl.reader import Reader
    from lifestats_crawler.crawl.recovery import Recovery
    from lifestats_crawler.crawl.state import Crawl
    from lifestats_crawler.ranges import IdRange

logger = logging.getLogger(__name__)

_LEAST_TRIES = 3
_FIRST_PAUSE_SECONDS = 0.5
_MOST_PAUSE_SECONDS = 60.0
_MOST_ONLY_BEFORE = 3  # tries
_MOST_REFUTATIONS = 3  # of one claim by an answer that shows no record


class Closing:
    """Confirms claims from the highest down, for a refutation concerns all that are lower.

    What is believed is counted when everything else is: until then an answer may show an id behind it.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # all that has to be at its end
        self,
        crawl: Crawl,
        reader: Reader,
        recovery: Recovery,
        checking: Checking,
        proving: Proving,
        random: Random,
    ) -> None:
        """Close the walk of a crawl."""
        self._crawl = crawl
        self._frontier = crawl.frontier
        self._reader = reader
        self._recovery = recovery
        self._checking = checking
        self._proving = proving
        self._random = random
        self._is_busy = False
        self._tries: dict[int, int] = {}
        self._refuted: dict[int, int] = {}
        #: Since when a claim has had no answer, and how long the last pause was, in seconds.
        self._away_since: float | None = None
        self._pause = _FIRST_PAUSE_SECONDS

    def go_on(self, now: float) -> Step:
        """Do the next of what is left; nothing while chains walk, pages are audited, or a talk is under way."""
        if self._is_busy or not self._frontier.is_walked or self._checking.has_audits_under_way:
            return Step()
        if self._proving.is_under_way or self._recovery.is_asking:
            return Step()
        if claim := self._frontier.take_claim():
            return self._confirm(claim, now)
        if not self._checking.is_open:  # nothing was shown that could be checked
            self._checking.open()
        if self._checking.unproven and self._checking.provable:
            return self._prove(now)
        tallies = self._checking.counted()
        keys: dict[str, list[int | str]] = {name: [] for name in self._crawl.config.counters}
        for known, beyond in self._frontier.take_believed():
            tallies.append(Tally(known, keys, claims=beyond if len(beyond) else None))
        return Step(tallies=tallies)

    def _confirm(self, claim: IdRange, now: float, wait: float = 0.0) -> Step:
        self._is_busy = True
        width = self._frontier.width(claim)
        talk = claims.confirm(claim, self._reader.look, self._reader.witnesses, width)
        return asks.begin(talk, partial(self._confirmed, claim), now, wait=wait)

    def _confirmed(self, claim: IdRange, verdict: claims.Verdict, now: float) -> Step:
        self._is_busy = False
        if verdict.outcome is not claims.Outcome.OPEN:
            self._away_since, self._pause = None, _FIRST_PAUSE_SECONDS
        match verdict.outcome:
            case claims.Outcome.BELIEVED if self._reader.witnesses.highest < claim.begin:
                self._recovery.succeeded(now)
                self._frontier.believe(claim)
            case claims.Outcome.REFUTED | claims.Outcome.BELIEVED:
                self._refute(claim, verdict.why)
            case claims.Outcome.UNWELL:
                self._frontier.keep_claim(claim, self._reader.witnesses.highest)
                return self._recovery.doubt(lambda _, at: self.go_on(at), now)
            case claims.Outcome.OPEN:
                if not self._reader.witnesses.some(1):
                    return self._wait_for_server(claim, verdict.why, now)
                return self._try_again(claim, verdict.why, now, most=max(_LEAST_TRIES, self._crawl.config.retries))
            case claims.Outcome.ONLY_BEFORE:
                return self._try_again(claim, verdict.why, now, most=_MOST_ONLY_BEFORE)
        return self.go_on(now)

    def _refute(self, claim: IdRange, why: str) -> None:
        """Walk the ids of a claim after all, unless that comes to the same again and again."""
        times = self._refuted[claim.begin] = self._refuted.get(claim.begin, 0) + 1
        if times > _MOST_REFUTATIONS:
            self._lose(claim, f"it was said to be empty, but {why}")
        else:
            self._frontier.keep_claim(claim, claim.begin)

    def _try_again(self, claim: IdRange, why: str, now: float, most: int) -> Step:
        tries = self._tries[claim.begin] = self._tries.get(claim.begin, 0) + 1
        if tries > most:
            self._lose(claim, why)
            return self.go_on(now)
        if self._reader.witnesses.highest >= claim.begin:
            self._frontier.keep_claim(claim, claim.begin)
            return self.go_on(now)
        self._crawl.retried += 1
        wait = backoff.full_jitter(tries, self._random)
        if not self._reader.witnesses.some(1):
            return self._confirm(claim, now, wait)

        def again(was_out: bool, at: float) -> Step:  # noqa: FBT001  # what a witness has come to
            if not was_out:
                return self._confirm(claim, at, wait)
            del self._tries[claim.begin]
            self._is_busy = False
            self._frontier.keep_claim(claim, self._reader.witnesses.highest)
            return self.go_on(at)

        self._is_busy = True
        return self._recovery.doubt(again, now)

    def _wait_for_server(self, claim: IdRange, why: str, now: float) -> Step:
        """Ask again with growing pauses: where no record is known there is no other witness than the claim."""
        self._away_since = now if self._away_since is None else self._away_since
        patience = self._crawl.config.outage_seconds
        if now - self._away_since >= patience:
            self._frontier.keep_claim(claim, self._reader.witnesses.highest)
            self._crawl.stop(Ending.OUTAGE, f"the API gave no good answer for {patience:g} s: {why}")
            return Step()
        self._crawl.retried += 1
        self._pause = min(2 * self._pause, _MOST_PAUSE_SECONDS)
        return self._confirm(claim, now, self._pause)

    def _lose(self, claim: IdRange, why: str) -> None:
        self._frontier.lose_claim(claim, why)
        logger.error("It could not be confirmed that ids %d to %d are empty: %s", claim.begin, claim.end - 1, why)

    def _prove(self, now: float) -> Step:
        self._is_busy = True

        def conclude(_: object, at: float) -> Step:
            self._is_busy = False
            return self.go_on(at)

        return self._proving.begin(conclude, now)
