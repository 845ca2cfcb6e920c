"""The spider: walks the id space by chains and turns each page into a tally."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from math import ceil
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from scrapy import Request, Spider

from lifestats_crawler.addons import environment, load_config
from lifestats_crawler.api import answers
from lifestats_crawler.api.dialect import Dialect
from lifestats_crawler.config import redaction
from lifestats_crawler.crawl.breaker import Breaker
from lifestats_crawler.crawl.fault_log import FaultLog
from lifestats_crawler.crawl.frontier import Frontier
from lifestats_crawler.crawl.growth import more_chains
from lifestats_crawler.downloader import backoff
from lifestats_crawler.downloader.pacer import Pacer
from lifestats_crawler.exceptions import ContradictionError, FaultyPageError, RefusedError, RunError
from lifestats_crawler.handlers import NOT_BEFORE
from lifestats_crawler.ranges import Coverage, missing
from lifestats_crawler.storage import runs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.python.failure import Failure

    from lifestats_crawler.config.model import Config
    from lifestats_crawler.crawl.frontier import Chain
    from lifestats_crawler.items import Tally
    from lifestats_crawler.storage.runs import Run


class LifestatsSpider(Spider):
    """Walk what the run has not settled, one chain of requests per subset."""

    name = "lifestats"

    def __init__(self, config: Config, run: Run, most_chains: int, **arguments: Any) -> None:
        """Walk for a run; arguments that are not ours (scrapyd's ``_job``) are Scrapy's."""
        super().__init__(**arguments)
        self.config = config
        self.run = run
        self.dialect = Dialect(config)
        self.settled_before = run.settled()
        self.coverage = Coverage(self.settled_before.covers)
        self.pacer = Pacer(config.rate_limit, is_strict=config.strict_rate)
        unsettled = missing(config.space, self.coverage)
        self.frontier = Frontier(
            unsettled, config.subsets, config.results_per_page, most_chains, self.settled_before.highest
        )
        self.pages = self.retries = 0
        self._answered = 0
        #: Why the crawl ends before its work is done; None for as long as it goes on.
        self.ending: str | None = None
        #: Unset while the storage is behind: then no chain asks for more to keep in memory.
        self.storage_keeps_up = asyncio.Event()
        self.storage_keeps_up.set()
        #: Whether an answer has shown the record that it was asked at.
        self._is_cursor_proven = False
        self._breaker = Breaker(
            config.failure_limit, max(100, 2 * most_chains), max(20, 2 * self.frontier.subsets)
        )
        self._fault_log = FaultLog()
        self._random = Random()

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, run: str | None = None, **kwargs: Any) -> Self:
        """Read the environment's configuration and open its run. Raises LifestatsError."""
        for name in kwargs:
            if not name.startswith("_"):
                raise RunError(f"-a {name}=…: there is no such argument; there is run, as in -a run=NAME")
        config = load_config(crawler.settings)
        redaction.hide(config.hidden)
        opened = runs.open_run(config, environment(crawler.settings), run, datetime.now(UTC))
        try:
            most_chains = crawler.settings.getint("CONCURRENT_REQUESTS")
            return super().from_crawler(
                crawler, *args, config=config, run=opened, most_chains=most_chains, **kwargs
            )
        except BaseException:
            opened.close()
            raise

    def use_url(self, template: str) -> None:
        """Ask another url than the configured one, which stays the source that the report names."""
        self.dialect = Dialect(self.config.model_copy(update={"url": template}))

    def stop(self, reason: str, message: str) -> None:
        """End the crawl before its work is done: nothing more is asked for, what is counted is kept."""
        if self.ending is None:
            self.ending = reason
            self.logger.error("Stopping: %s", message)
            self._closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason=reason))

    async def start(self) -> AsyncIterator[Request]:
        """Start a chain in every subset."""
        if not self.crawler.crawling:
            # A signal that came before the engine ran is forgotten by Scrapy.
            await self.crawler.engine.stop_async()
            return
        left = len(self.config.space) - len(self.coverage)
        pages = ceil(self.frontier.pages_left())
        self.logger.info("Run %s: %s ids to settle, in some %s pages", self.run.name, f"{left:,}", f"{pages:,}")
        for chain in self.frontier.start():
            yield self.ask(chain)

    def grow(self) -> Iterator[Request]:
        """Start more chains if the pacer has places that no chain is going to take."""
        if self._goes_on:
            yield from map(self.ask, more_chains(self.frontier, self.pacer, self._answered, monotonic()))

    def ask(self, chain: Chain, wait: float = 0) -> Request:
        """Ask for the page at a chain's cursor, ``wait`` seconds from now at the earliest."""
        return Request(
            self.dialect.url(chain.cursor),
            callback=self.parse,
            errback=self.failed,
            cb_kwargs={"chain": chain},
            # The url is what the configuration says: Scrapy need not parse and quote it again.
            meta={"verbatim_url": True} | ({NOT_BEFORE: monotonic() + wait} if wait else {}),
            dont_filter=True,
        )

    def parse(self, response: Response, chain: Chain) -> AsyncIterator[Tally | Request]:
        """Walk a chain from its first page on."""
        return self._walk(chain, response)

    def failed(self, failure: Failure) -> AsyncIterator[Tally | Request]:
        """Walk a chain whose first page did not arrive."""
        request: Request = failure.request  # type: ignore[attr-defined]  # Scrapy sets it
        return self._walk(request.cb_kwargs["chain"], failure.value)

    async def _walk(self, chain: Chain, answer: Response | BaseException | None) -> AsyncIterator[Tally | Request]:
        """Yield the tallies of a chain to its end, and requests for the chains that are then to start.

        Its next pages are asked for right here: through the downloader and its middlewares, but not
        through the scheduler and the spider middlewares, which have nothing to do for a chain.
        """
        while True:
            self._answered += 1
            wait = 0.0
            try:
                tally = self._read(answer, chain)
            except FaultyPageError as fault:
                wait = self._again(chain, fault)
            else:
                self._breaker.record(success=True)
                self.pages += 1
                yield tally
                if not self._is_cursor_proven and tally.highest is not None:
                    await self._prove_cursor(tally.highest)
            if not self._goes_on:
                return
            for other in self.frontier.start():
                yield self.ask(other)
            if not self.frontier.is_under_way(chain):
                return
            await self.storage_keeps_up.wait()
            answer = await self._answer(self.ask(chain, wait))

    async def _answer(self, request: Request) -> Response | Exception:
        try:
            return await self.crawler.engine.download_async(request)
        except Exception as error:  # noqa: BLE001  # whatever it is, the page did not arrive
            return error

    @property
    def _goes_on(self) -> bool:
        return self.ending is None and self.crawler.engine.running

    async def _prove_cursor(self, known: int) -> None:
        """Ask at the id of a record: an answer without it, twice, says that ``inclusive`` is wrong.

        Such a crawl would lose a record of each page in silence, and end as complete.
        """
        self._is_cursor_proven = True  # one chain asks, and none beside it
        for _ in range(2):
            answer = await self._answer(Request(self.dialect.url(known), meta={"verbatim_url": True}))
            self._answered += 1
            if not self._goes_on:
                return
            try:
                if self.dialect.shows(answers.body(answer), known):
                    return
            except ContradictionError:
                pass  # as if it was not shown
            except FaultyPageError:
                self._is_cursor_proven = False  # at the next page, then
                self.retries += 1
                return
        right = str(not self.config.inclusive).lower()
        self.stop(
            "misconfigured",
            f"asked at id {known}, which exists, the answer is without it: inclusive must be {right}, "
            "or records would be lost in silence (scrapy probe shows more)",
        )

    def _read(self, answer: Response | BaseException | None, chain: Chain) -> Tally:
        """Read an answer and move its chain past it, or raise FaultyPageError and change nothing."""
        return self.frontier.advance(chain, self.dialect.read(answers.body(answer), chain.left))

    def _again(self, chain: Chain, fault: FaultyPageError) -> float:
        """Decide what becomes of a page that failed, and return the seconds until its chain goes on."""
        reason = str(fault)
        if isinstance(fault, RefusedError):
            self.stop("refused", reason)
        if not self._goes_on:
            return 0.0
        self._breaker.record(success=False)
        if self._breaker.is_open:
            hint = "" if self.pages else "; scrapy probe shows what is wrong"
            self.stop("failing", f"{self._breaker.failures} failed, the last one with: {reason}{hint}")
            return 0.0
        was_contradicted, chain.is_contradicted = chain.is_contradicted, isinstance(fault, ContradictionError)
        if was_contradicted and chain.is_contradicted:
            self.stop("misconfigured", f"the page at {chain.cursor} {reason}")
            return 0.0
        chain.failures += 1
        if chain.failures > self.config.retries:
            self._skip(chain, reason)
            return 0.0
        self.retries += 1
        now = monotonic()
        wait = max(backoff.full_jitter(chain.failures, self._random), self.pacer.held_for(now))
        chain.rests_until = now + wait
        untold = self._fault_log.untold(reason, now)
        level = logging.DEBUG if untold is None else logging.WARNING
        others = f" ({untold:,} more like it since the last line)" if untold else ""
        told = chain.cursor, chain.failures, reason, wait, others
        self.logger.log(level, "Page at %d, try %d: %s; asking again in %.1f s%s", *told)
        return wait

    def _skip(self, chain: Chain, reason: str) -> None:
        tries = chain.failures
        skipped, is_given_up = self.frontier.skip(chain, self.config.results_per_page)
        if is_given_up:
            self.logger.error("Gave up on ids %s after %d more tries: %s", skipped, tries, reason)
        else:
            self.logger.warning("Put ids %s aside after %d tries, to be tried last: %s", skipped, tries, reason)
