"""The walk: an answer in; the tallies to be counted, and what to ask next and when, out. No clock, no network.

The time is an argument. The driver of a walk (the spider, a simulation) sends each ``Ask`` when its wait is over,
and gives its answer back with it.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from lifestats_crawler.api import answers
from lifestats_crawler.crawl import asks, audit, gaps
from lifestats_crawler.crawl.asks import PageAsk, Step, TalkAsk
from lifestats_crawler.crawl.audit import Shown
from lifestats_crawler.crawl.checking import Checking
from lifestats_crawler.crawl.closing import Closing
from lifestats_crawler.crawl.growth import more_chains
from lifestats_crawler.crawl.proving import Proving
from lifestats_crawler.crawl.reader import Reader, is_claim
from lifestats_crawler.crawl.recovery import Recovery
from lifestats_crawler.crawl.talk import Heard, Question
from lifestats_crawler.ending import Ending
from lifestats_crawler.exceptions import FaultyPageError
from lifestats_crawler.program import called
from lifestats_crawler.ranges import IdRange

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from random import Random

    from lifestats_crawler.crawl.asks import Ask
    from lifestats_crawler.crawl.frontier import Chain
    from lifestats_crawler.crawl.state import Crawl
    from lifestats_crawler.items import Answer, Tally

logger = logging.getLogger(__name__)


class Walk:
    """Walks what is unsettled by chains, each a sequence of requests of which one is under way.

    A page is read, asked into once more where it settles more than it should (``gaps``), audited where it is
    chosen, held back until the opening is over (``Checking``), and then counted. What failed goes to
    ``Recovery``. When every chain is at its end, ``Closing`` has the rest.
    """

    def __init__(self, crawl: Crawl, random: Random) -> None:
        """Walk for a crawl; ``random`` spreads waits and chooses what is audited."""
        self._crawl = crawl
        self._config = crawl.config
        self._frontier = crawl.frontier
        self._random = random
        self._reader = Reader(crawl)
        self._differed = ""  # what an audit has seen while the first proof was under way
        #: What waits to be checked before it counts.
        self.checking = Checking(random, self._frontier.chains, has_audits=crawl.config.audit)
        self._recovery = Recovery(crawl, self._reader, random)
        self._proving = Proving(crawl, self._reader, self.checking, random)
        self._closing = Closing(crawl, self._reader, self._recovery, self.checking, self._proving, random)

    def begin(self) -> Iterator[PageAsk]:
        """Start a chain in every subset, each when its ask is taken.

        Scrapy takes its time with requests that a callback yields. A chain that waits for that would begin late,
        and so end late, when the others have nothing left to do. Untaken, it is left to the next answer.
        """
        for chain in self._frontier.start():
            self.checking.begins(chain)
            yield asks.page(chain)

    def grow(self, now: float) -> list[PageAsk]:
        """Start more chains if the pacer has places that no chain is going to take."""
        if not self._crawl.goes_on or self._recovery.is_asking:
            return []
        chains = more_chains(self._frontier, self._crawl.pacer, self._crawl.answered, now)
        return [asks.page(chain) for chain in chains]

    def prove(self, conclude: Callable[[bool], None], now: float) -> Ask | None:
        """Prove before a spill, and tell ``conclude`` whether the segment may be written: if at once, return None.

        Where nothing more may be asked, what is counted may be written: the next start proves first.
        """
        is_due = self.checking.unproven or self._proving.is_under_way
        if not self._crawl.goes_on or not is_due:
            conclude(self.may_write)
            return None

        def concluded(is_good: bool, _: float) -> Step:  # noqa: FBT001  # what a proof tells
            conclude(is_good or (not self._crawl.goes_on and self.may_write))
            return Step()

        return self._proving.begin(concluded, now).following

    @property
    def may_write(self) -> bool:
        """Whether what is counted may be written although nothing more can be proven."""
        return self._crawl.ending is not Ending.MISCONFIGURED

    def take(self, ask: Ask, answer: Answer, now: float) -> Step:
        """Take the answer to an ask, ``now`` in seconds of the pacer's clock."""
        self._crawl.answered += 1
        self._crawl.diary.seen(now)
        self._crawl.diary.answered(answer)
        step = self._heard(ask, answer, now) if isinstance(ask, TalkAsk) else self._answered(ask, answer, now)
        self._crawl.audited, self._crawl.differing = self.checking.audited, self.checking.differing
        if not self._crawl.goes_on:
            self._crawl.pacer.resume(now)  # what waits learns that nothing is asked any more
            return Step(tallies=step.tallies if self.may_write else [])
        if self._frontier.is_walked:
            step = asks.joined(step, self._closing.go_on(now))
        step.starting = self.begin()
        return step

    def _heard(self, ask: TalkAsk, answer: Answer, now: float) -> Step:
        """Hand an answer to the talk that asked for it."""
        if not self._crawl.goes_on:
            return Step()
        if answer.error or answer.status >= answers.SERVER_ERRORS.start:
            self._reader.distrust(answer)
            self._reader.health.bad(now)
        try:
            question = ask.talk.send(Heard(answer, now))
        except StopIteration as over:
            return ask.conclude(over.value, now)
        return Step(following=asks.asking(question, ask.talk, ask.conclude))

    def _answered(self, ask: PageAsk, answer: Answer, now: float) -> Step:
        """Read the answer to a page."""
        chain = ask.chain
        if chain.narrowing and chain.narrowing.is_probing:
            return self._recovery.probed(ask, chain.narrowing, answer, now)
        try:
            tally = self._reader.page(answer, chain.left, is_narrowed=chain.narrowing is not None)
        except FaultyPageError as fault:
            return self._failed(ask, answer, fault, now)
        if is_claim(tally):
            return self._claimed(chain, now)
        limit = ask.limit or self._config.results_per_page
        gap = gaps.improbable(tally, chain.left, limit, partial(self._frontier.expected, chain=chain))
        if gap is None:
            return self._accepted(ask, tally, now)
        self._reader.distrust(answer)
        return asks.begin(_ask_into(gap, ask.limit), partial(self._confirmed, ask, answer, gap), now)

    def _accepted(self, ask: PageAsk, tally: Tally, now: float) -> Step:
        """Move the chain past its page, and count the page, or hold it back for what has to be checked first."""
        chain = ask.chain
        shown = Shown.of(chain.cursor, tally)
        self._recovery.succeeded(now)
        self._frontier.advance(chain, tally)
        if chain.narrowing and chain.narrowing.advanced(chain.cursor):
            chain.narrowing = None
        for an_id, reason in tally.faulty.items():
            self._recovery.tell_faulty(an_id, reason, now)
        is_chosen = self.checking.takes(chain, shown)
        if not is_chosen and self.checking.is_open:
            following = asks.page(chain) if self._frontier.is_under_way(chain) else None
            return Step(tallies=self.checking.counted(tally), following=following)
        besides = self._audit(tally, shown, now) if is_chosen else Step(tallies=self.checking.counted(tally))
        goes_on = Step(following=asks.page(chain) if self._frontier.is_under_way(chain) else None)
        return asks.joined(goes_on, self._proving.open(self._opened, now), besides)

    def _opened(self, is_good: bool, _: float) -> Step:  # noqa: FBT001  # what a proof tells
        """After the first proof: pages may count, unless an audit has differed meanwhile."""
        if is_good and self._differed:
            self._stop_for(self._differed)
        return Step(tallies=self.checking.counted())

    def _claimed(self, chain: Chain, now: float) -> Step:
        """End a chain where nothing is shown, and nothing is said to follow: to be confirmed at the end."""
        self._reader.health.good(now)
        self.checking.passes_over(chain)
        self._frontier.claim(chain)
        return Step(tallies=self.checking.counted())

    def _failed(self, ask: PageAsk, answer: Answer, fault: FaultyPageError, now: float) -> Step:
        self.checking.passes_over(ask.chain)
        return asks.joined(self._recovery.failed(ask, answer, fault, now), Step(tallies=self.checking.counted()))

    def _confirmed(self, ask: PageAsk, answer: Answer, gap: IdRange, again: Heard, now: float) -> Step:
        """Believe a page whose gap another answer shows, too; if it does not, the page is asked for again.

        Where the gap cannot be asked into while a fault is narrowed down, the page counts up to the gap.
        """
        chain = ask.chain
        is_narrowed = chain.narrowing is not None
        try:
            tally = self._reader.page(answer, chain.left, is_narrowed=is_narrowed)
        except FaultyPageError as fault:
            return self._failed(ask, answer, fault, now)
        try:
            second = self._reader.look(again.answer, gap.begin)
        except FaultyPageError as fault:
            if is_narrowed and gap.begin > chain.cursor:
                before = IdRange(chain.cursor, min(gap.begin, chain.end))
                return self._accepted(ask, self._reader.page(answer, before, is_narrowed=True), now)
            return self._failed(ask, again.answer, fault, now)
        if gaps.confirms(tally, gap, second):
            return self._accepted(ask, tally, now)
        self._reader.distrust(again.answer)
        what = f"shows nothing from {gap.begin} to {gap.end - 1}, and another answer does not confirm that"
        was_so, chain.unconfirmed = chain.unconfirmed == gap, gap
        if was_so:  # twice the same is no mix-up
            self.checking.differing += 1
            if self._stops_for(f"the page at {chain.cursor} {what}", is_opening=not self.checking.is_open):
                return Step()
        return self._failed(ask, answer, FaultyPageError(what), now)

    def _audit(self, tally: Tally, shown: Shown, now: float) -> Step:
        number, is_opening = self.checking.begin_audit(tally)
        config = self._config
        limit, is_inclusive = config.results_per_page, config.inclusive
        talk = audit.audit(shown, self._reader.look, limit, self._random, is_inclusive=is_inclusive)
        return asks.begin(talk, partial(self._audited, number, is_opening), now)

    def _audited(self, number: int, is_opening: bool, verdict: audit.Verdict, now: float) -> Step:  # noqa: ARG002, FBT001
        """Count the page of an audit, or its later answer; one that differs is missing, or ends the crawl."""
        checking = self.checking
        tally = checking.end_audit(number, verdict, is_opening=is_opening)
        if verdict.outcome is audit.Outcome.DIFFERS or checking.is_lagging:
            seen = verdict.seen or "answers differ until they are repeated, as if one of several replicas lags"
            if self._stops_for(seen, is_opening=is_opening or checking.is_lagging):
                self._put_back(tally)
                return Step()
            for part in tally.parts:
                self._frontier.lose(part, f"the audit differed: {seen}")
            logger.error("Ids %d to %d are missing: %s", tally.settles.begin, tally.settles.end - 1, seen)
            return Step(tallies=checking.counted())
        if verdict.whole is not None:
            return self._counted_later(tally, verdict.whole)
        return Step(tallies=checking.counted(tally))

    def _stops_for(self, seen: str, *, is_opening: bool) -> bool:
        """End the crawl for what differed in its beginning, or three times; tell whether it ends.

        While the first proof is under way it is waited for: if that fails, too, it tells what to set.
        """
        if not is_opening and not self.checking.is_hopeless:
            return False
        self._differed = seen
        if self.checking.is_proven or not self._proving.is_under_way:
            self._stop_for(seen)
        return True

    def _stop_for(self, seen: str) -> None:
        self._crawl.stop(
            Ending.MISCONFIGURED,
            f"the API answers otherwise when it is asked for a part: {seen}. So records would be lost: look at"
            f" url, inclusive and next; {called('probe')} shows the answers",
        )

    def _counted_later(self, tally: Tally, whole: Answer) -> Step:
        """Count the later answer to a page, which agrees with its part, if it settles the same ids."""
        try:
            later = self._reader.look(whole, tally.settles.begin, tally.settles.end)
            if later.parts == tally.parts:
                return Step(tallies=self.checking.counted(later))
        except FaultyPageError:
            pass
        self._put_back(tally)
        return Step(tallies=self.checking.counted())

    def _put_back(self, tally: Tally) -> None:
        for part in tally.parts:
            self._frontier.put_back(part)


def _ask_into(gap: IdRange, limit: int | None) -> Generator[Question, Heard, Heard]:
    return (yield Question(gap.begin, limit))
