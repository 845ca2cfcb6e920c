"""The spider: walks the id space by chains and turns each page into a tally."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from scrapy import Request, Spider

from lifestats_crawler import backoff, runs
from lifestats_crawler.addons import environment, load_config
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
        self._random = Random()

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Read the environment's configuration and open its run. Raises LifestatsError."""
        config = load_config(crawler.settings)
        run = runs.create(config, environment(crawler.settings), datetime.now(UTC))
        return super().from_crawler(crawler, *args, config=config, run=run, **kwargs)

    def use_url(self, template: str) -> None:
        """Ask another url than the configured one, which stays the source that the report names."""
        self.dialect = Dialect(self.config.model_copy(update={"url": template}))

    async def start(self) -> AsyncIterator[Request]:
        """Start a chain in every subset."""
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
        try:
            tally = self._read(response, chain)
        except FaultyPageError as fault:
            yield from self._again(chain, str(fault))
            return
        yield tally
        yield from self._onward(chain)

    def failed(self, failure: Failure) -> Iterator[Tally | Request]:
        """Ask again for a page that did not arrive."""
        request: Request = failure.request  # type: ignore[attr-defined]  # Scrapy sets it
        return self._again(request.cb_kwargs["chain"], f"{type(failure.value).__name__}: {failure.value}")

    def _read(self, response: Response, chain: Chain) -> Tally:
        """Read an answer and move its chain past it, or raise FaultyPageError and change nothing."""
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
        chain.failures += 1
        if chain.failures > self.config.retries:
            given_up = self.frontier.skip(chain, self.config.results_per_page)
            self.logger.error("Gave up on ids %s after %d tries: %s", given_up, chain.failures, reason)
            yield from self._onward(chain)
            return
        self.crawler.stats.inc_value("lifestats/retries")
        wait = backoff.full_jitter(chain.failures, self._random)
        self.logger.warning(
            "Page at %d, try %d: %s; asking again in %.1f s", chain.cursor, chain.failures, reason, wait
        )
        yield self.ask(chain, wait)
