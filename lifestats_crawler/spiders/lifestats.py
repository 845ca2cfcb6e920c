"""The spider: walks the id space by chains and turns each page into a tally."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from scrapy import Request, Spider

from lifestats_crawler import backoff, redaction, runs
from lifestats_crawler.addons import environment, load_config
from lifestats_crawler.breaker import Breaker
from lifestats_crawler.dialect import Dialect
from lifestats_crawler.exceptions import FaultyPageError
from lifestats_crawler.frontier import Frontier
from lifestats_crawler.handlers import NOT_BEFORE
from lifestats_crawler.items import Tally

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.python.failure import Failure

    from lifestats_crawler.config import Config
    from lifestats_crawler.frontier import Chain
    from lifestats_crawler.runs import Run

OK = 200
REDIRECTS = range(300, 400)
CLOSED_DOOR = (401, 403)


class LifestatsSpider(Spider):
    """Walk what the run has not settled, one chain of requests per subset."""

    name = "lifestats"

    def __init__(self, config: Config, run: Run, **arguments: Any) -> None:
        """Walk for a run; arguments that are not ours (scrapyd's ``_job``) are Scrapy's."""
        super().__init__(**arguments)
        self.config = config
        self.run = run
        self.dialect = Dialect(config)
        self.frontier = Frontier(run.unsettled(config.space), config.subsets)
        #: Why the crawl ends before its work is done; None for as long as it goes on.
        self.ending: str | None = None
        self._breaker = Breaker(config.failure_limit, max(100, 4 * config.subsets), max(20, 2 * config.subsets))
        self._random = Random()

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, run: str | None = None, **kwargs: Any) -> Self:
        """Read the environment's configuration and open its run. Raises LifestatsError."""
        config = load_config(crawler.settings)
        redaction.hide(config.secrets.values())
        opened = runs.open_run(config, environment(crawler.settings), run, datetime.now(UTC))
        try:
            return super().from_crawler(crawler, *args, config=config, run=opened, **kwargs)
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
        for chain in self.frontier.start():
            yield self.ask(chain)

    def ask(self, chain: Chain, wait: float = 0) -> Request:
        """Ask for the page at a chain's cursor, ``wait`` seconds from now at the earliest."""
        return Request(
            self.dialect.url(chain.cursor),
            callback=self.parse,
            errback=self.failed,
            cb_kwargs={"chain": chain},
            meta={NOT_BEFORE: monotonic() + wait} if wait else None,
            dont_filter=True,
        )

    def parse(self, response: Response, chain: Chain) -> Iterator[Tally | Request]:
        """Read a page: its tally, and what is asked for next."""
        if response.status in CLOSED_DOOR:
            self.stop("refused", f"the API answers {response.status}: check url and headers in the configuration")
            return
        try:
            tally = self._read(response, chain)
        except FaultyPageError as fault:
            yield from self._again(chain, str(fault))
            return
        self._breaker.record(success=True)
        yield tally
        yield from self._onward(chain)

    def failed(self, failure: Failure) -> Iterator[Tally | Request]:
        """Ask again for a page that did not arrive."""
        request: Request = failure.request  # type: ignore[attr-defined]  # Scrapy sets it
        return self._again(request.cb_kwargs["chain"], f"{type(failure.value).__name__}: {failure.value}")

    def _read(self, response: Response, chain: Chain) -> Tally:
        """Read an answer and move its chain past it, or raise FaultyPageError and change nothing."""
        if response.status in REDIRECTS:
            raise FaultyPageError(
                f"status {response.status}, which is not followed: put the final address into url"
            )
        if response.status != OK:
            raise FaultyPageError(f"status {response.status}")
        tally = self.dialect.read(response.body, chain.left)
        self.frontier.advance(chain, tally)
        return tally

    def _onward(self, chain: Chain) -> Iterator[Tally | Request]:
        if self.frontier.is_under_way(chain):
            yield self.ask(chain)
        for other in self.frontier.start():
            yield self.ask(other)
        for claim in self.frontier.proven_empty():
            yield Tally(claim, pages=0)

    def _again(self, chain: Chain, reason: str) -> Iterator[Tally | Request]:
        if self.ending is not None or not self.crawler.engine.running:
            return
        self._breaker.record(success=False)
        if self._breaker.is_open:
            self.stop("failing", f"{self._breaker.failures} failed, the last one with: {reason}")
            return
        chain.failures += 1
        if chain.failures > self.config.retries:
            yield from self._skip(chain, reason)
            return
        self.crawler.stats.inc_value("lifestats/retries")
        wait = backoff.full_jitter(chain.failures, self._random)
        self.logger.warning(
            "Page at %d, try %d: %s; asking again in %.1f s", chain.cursor, chain.failures, reason, wait
        )
        yield self.ask(chain, wait)

    def _skip(self, chain: Chain, reason: str) -> Iterator[Tally | Request]:
        tries = chain.failures
        skipped, is_given_up = self.frontier.skip(chain, self.config.results_per_page)
        if is_given_up:
            self.logger.error("Gave up on ids %s after %d more tries: %s", skipped, tries, reason)
        else:
            self.logger.warning("Put ids %s aside after %d tries, to be tried last: %s", skipped, tries, reason)
        yield from self._onward(chain)
