"""A crawl in progress: what it walks, how far it is, and how it ends."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from math import inf
from random import Random
from typing import TYPE_CHECKING, Protocol

from lifestats_crawler.api.dialect import Dialect
from lifestats_crawler.crawl.concurrency import Concurrency
from lifestats_crawler.crawl.diary import Diary
from lifestats_crawler.crawl.frontier import Frontier
from lifestats_crawler.crawl.throttle import Throttle
from lifestats_crawler.downloader.pacer import Pacer
from lifestats_crawler.ending import Ending
from lifestats_crawler.items import Asked
from lifestats_crawler.ranges import Coverage, missing

if TYPE_CHECKING:
    from collections.abc import Callable

    from lifestats_crawler.config.model import Config
    from lifestats_crawler.items import GivenUp
    from lifestats_crawler.storage.footers import Settled
    from lifestats_crawler.storage.runs import Run

logger = logging.getLogger(__name__)

_RECENT_LOOKS = 20  # that the present rate is taken from


class Kept(Protocol):
    """What a run has counted so far: in segments on disk, or in memory on its way there."""

    @property
    def pages(self) -> int:
        """How many pages were counted."""

    @property
    def records(self) -> int:
        """How many records they hold."""

    @property
    def saved_at(self) -> str:
        """When a segment was last written, ISO 8601; empty before the first one."""

    @property
    def ids(self) -> int:
        """How many ids they settle."""

    @property
    def requests(self) -> int:
        """How many requests that took."""

    @property
    def retries(self) -> int:
        """How many of them asked for a page again."""


class Crawl:
    """One crawl in progress."""

    def __init__(  # noqa: PLR0913, PLR0917  # all that a crawl is made of, each plain
        self,
        config: Config,
        run: Run,
        settled: Settled,
        most_chains: int,
        is_running: Callable[[], bool],
        close: Callable[[Ending], None],
        most_at_once: float = inf,
    ) -> None:
        """Walk for a run what ``settled``, its segments, has not settled.

        ``most_chains`` is how many chains there may be after all growth. ``is_running`` tells whether requests
        are still wanted from outside, and ``close`` is called once when the crawl stops itself. ``most_at_once``
        is how many requests may be under way, whatever the server takes.
        """
        self.config = config
        self.run = run
        #: What the segments of the run had settled before this crawl, also by claims that stand.
        self.settled = settled
        self.dialect = Dialect(config)
        self.coverage = Coverage(settled.covers)
        self.pacer = Pacer(config.rate_limit, is_strict=config.strict_rate, slack=settled.slack)
        #: What the server wants of all requests: when none is to leave, and how many it takes at once.
        self.throttle = Throttle(Random(), self.pacer.window)
        self.concurrency = Concurrency(most_at_once)
        #: The numbers of the connections that are not to be used again.
        self.distrusted: set[int] = set()
        unsettled = missing(config.space, settled.settled)
        self.frontier = Frontier(
            unsettled,
            min(config.subsets, most_chains),
            config.results_per_page,
            most_chains,
            settled.highest,
            settled.claims,
            settled.pieces,
        )
        self.most_chains = most_chains
        #: What is counted: everything that shows progress reads it here. The pipeline puts its spiller here.
        self.kept: Kept = settled
        #: How many answers have come, and how many requests asked for a page again.
        self.answered = self.retried = 0
        #: How many settled ranges were asked again in parts, and in how many of them the parts differed.
        self.audited = self.differing = 0
        #: What it has met beside what it counts.
        self.diary = Diary()
        #: What an earlier crawl had requested after its last segment, when it was killed; None where none was.
        self.killed_after: int | None = None
        #: The ids that this crawl asks for no more, with the reason.
        self.given_up: list[GivenUp] = self.frontier.given_up
        #: Whether the API does what the configuration says: proven, refuted, or not known yet.
        self.proven: bool | None = None
        #: Why the crawl ends before its work is done; None for as long as it goes on.
        self.ending: Ending | None = None
        self._closed_because = ""
        #: The last that was said of an error that ends the crawl.
        self.trouble = ""
        #: Unset while the storage is behind: then no chain asks for more to keep in memory.
        self.storage_keeps_up = asyncio.Event()
        self.storage_keeps_up.set()
        self._is_running = is_running
        self._close = close

    @property
    def goes_on(self) -> bool:
        """Tell whether more may be asked for."""
        return self.ending is None and self._is_running()

    def use_url(self, template: str) -> None:
        """Ask another url than the configured one, which stays the source that the report names."""
        self.dialect = Dialect(self.config.model_copy(update={"url": template}))

    def stop(self, ending: Ending, message: str) -> None:
        """End the crawl before its work is done: nothing more is asked for, what is counted is kept."""
        self.trouble = message
        if self.ending is None:
            self.ending = ending
            logger.error("Stopping: %s", message)
            self._close(ending)

    def closed(self, reason: str) -> None:
        """Take note that the crawl is being closed from outside, for a reason of somebody else."""
        if self.ending is None and reason != Ending.FINISHED.word:
            self.ending = Ending.SHUTDOWN if reason == Ending.SHUTDOWN.word else Ending.CLOSED
            self._closed_because = reason

    def finish_reason(self, otherwise: Ending) -> str:
        """Return the word that the report has for the end; ``otherwise`` is the ending of a crawl without one."""
        ending = self.ending or otherwise
        return self._closed_because if ending is Ending.CLOSED else ending.word

    def asked(self) -> Asked:
        """Return what this crawl has done so far beside counting."""
        return Asked(
            requests=self.pacer.departed,
            retries=self.retried,
            audited=self.audited,
            differing=self.differing,
            given_up=tuple(self.given_up),
            proven=False if self.ending is Ending.MISCONFIGURED else self.proven,
            answers=dict(self.diary.answers),
            faults=dict(self.diary.faults),
            paused=self.diary.paused,
            errors=self.diary.errors,
            killed_after=self.killed_after,
            slack=self.pacer.learnt_slack,
        )


class CrawlingSpider(Protocol):
    """What the skin takes from the spider."""

    crawl: Crawl

    def use_url(self, url: str) -> None:
        """Ask another url than the configured one."""

    def grow(self) -> None:
        """Start more chains if the pacer has places that no chain is going to take."""

    async def prove(self) -> bool:
        """Prove once more that records are shown where they are asked for; tell whether to write a segment."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How far a crawl is at one moment."""

    #: Of the ids that are settled.
    share: float
    pages: int
    #: Requests per second, lately.
    rate: float
    limit: float | None
    chains: int
    retries: int
    #: Seconds to the end at the present rate; None where that cannot be told.
    left: float | None

    def __str__(self) -> str:
        """Write them in one line, of which a narrow terminal shows the beginning.

        >>> print(Figures(0.3719, 27_512, 99.68, 100, 100, 3, 4660))
        37.1 % of the ids, 1:17:40 left, 99.7/s of 100, 27,512 pages, 3 retries, 100 chains
        """
        limit = "" if self.limit is None else f" of {self.limit:g}"
        left = "" if self.left is None else f" {timedelta(seconds=round(self.left))} left,"
        percent = int(self.share * 1000) / 10  # rounded down: 100.0 is the end
        return (
            f"{percent:.1f} % of the ids,{left} {self.rate:.1f}/s{limit}, {self.pages:,} pages,"
            f" {self.retries:,} retries, {self.chains:,} chains"
        )


class Gauge:
    """Reads a crawl's figures, and remembers enough of them to tell its present rate."""

    def __init__(self, crawl: Crawl, now: float) -> None:
        """Start at ``now``, in seconds of any clock."""
        self._crawl = crawl
        self._seen = deque([(now, crawl.pacer.departed)], maxlen=_RECENT_LOOKS)

    def read(self, now: float) -> Figures:
        """Return the figures of this moment."""
        crawl = self._crawl
        begin, departed = self._seen[0]
        self._seen.append((now, crawl.pacer.departed))
        rate = (crawl.pacer.departed - departed) / (now - begin) if now > begin else 0.0
        return Figures(
            share=crawl.kept.ids / len(crawl.config.space),
            pages=crawl.kept.pages,
            rate=rate,
            limit=crawl.config.rate_limit,
            chains=len(crawl.frontier),
            retries=crawl.kept.retries,
            left=crawl.frontier.pages_left() / rate if rate else None,
        )
