"""What follows from a request that failed: another try, the page put aside, ids given up, a pause, or the end.

Pure.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lifestats_crawler.api import throttling
from lifestats_crawler.crawl import asks, claims, outage
from lifestats_crawler.crawl.asks import Step
from lifestats_crawler.crawl.breaker import Breaker
from lifestats_crawler.crawl.diary import AWAY
from lifestats_crawler.crawl.fault_log import FaultLog
from lifestats_crawler.crawl.frontier import Pass
from lifestats_crawler.crawl.narrowing import Narrowing
from lifestats_crawler.crawl.reader import FalseEndError, FaultyRecordError
from lifestats_crawler.crawl.retries import AskWitness, Failure, Kind, Retries, Retry, Skip, Stop, kind
from lifestats_crawler.downloader import backoff
from lifestats_crawler.ending import Ending
from lifestats_crawler.exceptions import FaultyPageError
from lifestats_crawler.ranges import IdRange

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from lifestats_crawler.crawl.asks import PageAsk
    from lifestats_crawler.crawl.frontier import Chain
    from lifestats_crawler.crawl.reader import Reader
    from lifestats_crawler.crawl.retries import Decision
    from lifestats_crawler.crawl.state import Crawl
    from lifestats_crawler.items import Answer

logger = logging.getLogger(__name__)

_MOST_WITNESSES = 8


class Recovery:
    """Obeys what ``Retries`` decides about requests that failed, and asks the witness."""

    def __init__(self, crawl: Crawl, reader: Reader, random: Random) -> None:
        """Recover the chains of a crawl."""
        self._crawl = crawl
        self._config = crawl.config
        self._frontier = crawl.frontier
        self._reader = reader
        self._health = reader.health
        self._random = random
        # One burst of failures from all under way passes.
        self._breaker = Breaker(crawl.config.failure_limit, max(100, 2 * crawl.most_chains))
        self._first_tries = 0  # that failed since the last good answer
        self._retries = Retries(crawl.config.retries, crawl.frontier.subsets, crawl.config.outage_seconds, random)
        self._fault_log = FaultLog()
        self._aside_log, self._loss_log = FaultLog(), FaultLog()
        #: What waits for the answer of the witness: each is told whether the server was out.
        self._parked: list[Callable[[bool, float], Step]] = []
        self.is_asking = False

    def succeeded(self, now: float) -> None:
        """Take note of an answer that is a page, or of a witness that was answered well."""
        for _ in range(self._first_tries):
            self._breaker.record(success=False)
        self._first_tries = 0
        self._breaker.record(success=True)
        self._health.good(now)

    def failed(  # noqa: PLR0911  # a way out for each decision
        self, ask: PageAsk, answer: Answer, fault: FaultyPageError, now: float, *, is_well: bool = False
    ) -> Step:
        """Do what is decided about the answer to a page; ``is_well`` if the witness has just been answered."""
        chain = ask.chain
        if not self._crawl.goes_on:
            return Step()
        if isinstance(fault, FalseEndError) and chain.failures and not is_well:
            return self._doubt_the_highest(ask, answer, fault, now)
        failure = self._failure(chain, answer, fault, now, is_well=is_well)
        if not is_well and failure.kind not in (Kind.THROTTLED, Kind.REFUSED):
            self._reader.distrust(answer)
            if self._breaker.is_open:
                message = f"{self._breaker.failures} failed, the last one with: {failure.reason}"
                self._crawl.stop(Ending.FAILING, message)
                return Step()
        decision = self._retries.decide(failure)
        if failure.is_first_try and not is_well and _is_its_own(decision):
            self._first_tries += 1
        match decision:
            case Stop(ending, message):
                self._crawl.stop(ending, message)
                return Step()
            case AskWitness(is_refused):
                return self.doubt(
                    lambda was_out, at: self._after_witness(ask, answer, fault, at, was_out=was_out),
                    now,
                    is_refused=is_refused,
                )
            case Retry(wait, is_excused) if is_excused or chain.stage is Pass.FIRST:
                return self._again(chain, failure, wait, now, is_excused=is_excused)
        if chain.stage is Pass.FIRST:
            self._put_aside(chain, failure.reason, now)
            return self._following(chain)
        return self._narrow(ask, fault, now, is_well=is_well)

    def probed(
        self, ask: PageAsk, narrowing: Narrowing, answer: Answer, now: float, *, is_well: bool = False
    ) -> Step:
        """Take the answer to a probe of a narrowing: it is only good or bad."""
        chain = ask.chain
        try:
            self._reader.page(answer, IdRange(ask.first, max(chain.end, ask.first + 1)), is_narrowed=True)
            self.succeeded(now)
            narrowing.probed(is_good=True, end=chain.end)
            return self._following(chain)
        except FaultyPageError as fault:
            failure = self._failure(chain, answer, fault, now, is_well=is_well)
            if not is_well:
                self._reader.distrust(answer)
            match self._retries.decide(failure):
                case Stop(ending, message):
                    self._crawl.stop(ending, message)
                    return Step()
                case AskWitness(is_refused):
                    return self.doubt(
                        lambda was_out, at: (
                            Step(following=asks.page(chain))
                            if was_out and chain.is_spared
                            else self.probed(ask, narrowing, answer, at, is_well=True)
                        ),
                        now,
                        is_refused=is_refused,
                    )
                case Retry(wait, True):
                    return self._again(chain, failure, wait, now, is_excused=True)
            narrowing.probed(is_good=False, end=chain.end)
            self._crawl.retried += 1
            return self._narrow_or_give_up(chain, narrowing, failure.reason, now, is_well=is_well)

    def doubt(self, go_on: Callable[[bool, float], Step], now: float, *, is_refused: bool = False) -> Step:
        """Pause, ask the witness, of which there is one, and go on when it was answered well."""
        self._parked.append(go_on)
        if self.is_asking:
            return Step()
        self.is_asking = True
        self._crawl.pacer.pause()
        self._crawl.diary.pause(AWAY, now)
        since = now if self._health.since is None else self._health.since
        talk = outage.ask(
            self._reader.witnesses.some(_MOST_WITNESSES),
            self._config.results_per_page,
            self._reader.look,
            since,
            self._config.outage_seconds,
            is_refused=is_refused,
            tell=self._tell_outage,
        )
        return asks.begin(talk, self._answered, now)

    def _answered(self, verdict: outage.Verdict, now: float) -> Step:
        """Go on, or end, after the witness."""
        if verdict.outcome is not outage.Outcome.WELL:
            away = f"{self._config.outage_seconds:g} s" if verdict.outcome is outage.Outcome.GONE else ""
            message = f"the API gave no good answer for {away}: {verdict.why}" if away else verdict.why
            self._crawl.stop(Ending.OUTAGE if away else Ending.REFUSED, message)
            self._crawl.pacer.resume(now)
            self._crawl.diary.resume(AWAY, now)
            return Step()
        self._reader.witnesses.has_answered(verdict.record)
        if verdict.was_out:
            self._first_tries = 0
            self._frontier.forgive()
            logger.warning("The API answers again: the crawl goes on")
        self.succeeded(now)
        self.is_asking = False
        self._crawl.pacer.resume(now)
        self._crawl.diary.resume(AWAY, now)
        parked, self._parked = self._parked, []
        return asks.joined(*(go_on(verdict.was_out, now) for go_on in parked))

    def _tell_outage(self, why: str, wait: float) -> None:
        logger.warning("The API is away (%s): everything waits, and it is asked again in %.1f s", why, wait)

    def _after_witness(
        self, ask: PageAsk, answer: Answer, fault: FaultyPageError, now: float, *, was_out: bool
    ) -> Step:
        if was_out and ask.chain.is_spared:
            self._crawl.retried += 1
            return self._following(ask.chain)
        return self.failed(ask, answer, fault, now, is_well=True)

    def _failure(
        self, chain: Chain, answer: Answer, fault: FaultyPageError, now: float, *, is_well: bool
    ) -> Failure:
        what = kind(answer, fault)
        was_contradicted = chain.is_contradicted
        if not is_well:
            chain.is_contradicted = what is Kind.CONTRADICTION
            chain.reasons[str(fault)] += 1
            if what not in (Kind.THROTTLED, Kind.REFUSED) and not isinstance(fault, FaultyRecordError):
                self._health.bad(now)
        return Failure(
            what,
            str(fault),
            chain.cursor,
            failures=chain.failures,
            excused=chain.excused,
            was_contradicted=was_contradicted,
            others_answered=self._health.has_answered_since(answer.left_at),
            has_answered=self._health.has_answered,
            has_witness=bool(self._reader.witnesses.some(1)),
            is_doubtful=self._health.is_doubtful(len(self._frontier)),
            in_a_row=self._health.failed,
            is_well=is_well,
            is_first_try=chain.stage is Pass.FIRST and not chain.failures and not chain.excused,
            is_last_try=chain.stage is not Pass.FIRST,
            own_wait=throttling.own_wait(answer) or 0.0,
            refused_for=self._crawl.throttle.refused_for(now),
        )

    def _again(self, chain: Chain, failure: Failure, wait: float, now: float, *, is_excused: bool) -> Step:
        chain.failures += not is_excused
        chain.excused += is_excused and failure.others_answered
        wait = max(wait, self._crawl.pacer.held_for(now))
        chain.rests_until = now + wait
        self._crawl.retried += 1
        tries = chain.failures + chain.excused
        self._tell(f"Page at {chain.cursor}{f', try {tries}' if tries else ''}", failure.reason, wait, now)
        return Step(following=asks.page(chain, wait))

    def _following(self, chain: Chain, wait: float = 0.0) -> Step:
        return Step(following=asks.page(chain, wait) if self._frontier.is_under_way(chain) else None)

    def _put_aside(self, chain: Chain, reason: str, now: float) -> None:
        tries = chain.failures + 1
        skipped = self._frontier.skip(chain)
        untold = self._aside_log.untold(reason, now)
        if untold is not None:
            logger.warning(
                "Put ids %d to %d aside after %d failed tries, to be tried last: %s%s",
                *(skipped.begin, skipped.end - 1, tries, reason, _others(untold)),
            )

    # On the last try.

    def _narrow(self, ask: PageAsk, fault: FaultyPageError, now: float, *, is_well: bool) -> Step:
        chain = ask.chain
        self._crawl.retried += 1
        narrowing = chain.narrowing
        if narrowing is None:
            limit = self._config.results_per_page if self._crawl.dialect.has_limit else None
            limit = 1 if chain.is_alone else limit
            spacing = self._frontier.page_ids(chain) / self._config.results_per_page
            narrowing = chain.narrowing = Narrowing(
                chain.cursor, chain.end, limit, spacing, self._config.results_per_page
            )
        elif not narrowing.is_last:
            narrowing.failed(chain.end)
        else:
            chain.failures += 1
        return self._narrow_or_give_up(chain, narrowing, str(fault), now, is_well=is_well)

    def _narrow_or_give_up(
        self, chain: Chain, narrowing: Narrowing, reason: str, now: float, *, is_well: bool
    ) -> Step:
        if not narrowing.is_last:
            return Step(following=asks.page(chain))
        if chain.failures < self._config.retries:
            wait = backoff.full_jitter(chain.failures + 1, self._random)
            chain.rests_until = now + wait
            return Step(following=asks.page(chain, wait))
        if self._health.failed and not is_well and self._reader.witnesses.some(1):
            return self.doubt(
                lambda was_out, at: self._lose_or_retry(chain, narrowing, reason, at, was_out=was_out), now
            )
        return self._lose(chain, narrowing, reason, now)

    def _lose_or_retry(
        self, chain: Chain, narrowing: Narrowing, reason: str, now: float, *, was_out: bool
    ) -> Step:
        if was_out and chain.is_spared:
            chain.failures = 0
            return Step(following=asks.page(chain))
        return self._lose(chain, narrowing, reason, now)

    def _lose(self, chain: Chain, narrowing: Narrowing, reason: str, now: float) -> Step:
        # Not that of the last try, which may have met something else.
        ((reason, _),) = chain.reasons.most_common(1) or [(reason, 1)]
        lost = self._frontier.give_up(chain, narrowing.lost_until(chain.end), reason)
        chain.narrowing = None
        untold = self._loss_log.untold(reason, now)
        if untold is not None:
            logger.error(
                "Gave up on ids %d to %d: %s%s. The report lists what is missing; the next crawl tries it again",
                *(lost.begin, lost.end - 1, reason, _others(untold)),
            )
        return self._following(chain)

    # A false end.

    def _doubt_the_highest(self, ask: PageAsk, answer: Answer, fault: FaultyPageError, now: float) -> Step:
        """Ask whether the highest id is still shown: only then does it refute an end."""
        chain = ask.chain
        highest = self._reader.witnesses.highest

        def conclude(_: claims.Verdict | None, at: float) -> Step:
            if self._reader.witnesses.highest < highest:
                return self._following(chain)
            return self.failed(ask, answer, fault, at, is_well=True)

        return asks.begin(claims.still_shown(self._reader.look, self._reader.witnesses), conclude, now)

    def tell_faulty(self, an_id: int, reason: str, now: float) -> None:
        """Tell of a record that cannot be counted, and is asked for alone at the end."""
        untold = self._fault_log.untold(reason, now)
        if untold is not None:
            logger.warning("Record %d is left for the end: %s%s", an_id, reason, _others(untold))

    def _tell(self, what: str, reason: str, wait: float, now: float) -> None:
        untold = self._fault_log.untold(reason, now)
        level = logging.DEBUG if untold is None else logging.WARNING
        others = f" ({untold:,} more faults of this kind since the last line)" if untold else ""
        logger.log(level, "%s: %s; the next try is in %.1f s%s", what, reason, wait, others)


def _others(untold: int) -> str:
    return f" ({untold:,} more like this since the last line)" if untold else ""


def _is_its_own(decision: Decision) -> bool:
    """Tell whether a failure is taken for the page's own fault."""
    return isinstance(decision, Skip) or (isinstance(decision, Retry) and not decision.is_excused)
