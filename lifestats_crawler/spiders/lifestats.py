"""The spider: sends what the walk asks for, and hands its tallies to the pipeline."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from math import ceil
from pathlib import Path
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from scrapy import Request, Spider
from scrapy.http import Response

from lifestats_crawler import clock
from lifestats_crawler.config import redaction, secrets
from lifestats_crawler.config.from_settings import environment, load_config
from lifestats_crawler.crawl.state import Crawl
from lifestats_crawler.crawl.walk import Walk
from lifestats_crawler.exceptions import NoAnswerError, RunError
from lifestats_crawler.handlers import ANSWER, NOT_BEFORE
from lifestats_crawler.items import Answer
from lifestats_crawler.storage.opening import open_run
from lifestats_crawler.storage.source import Job

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scrapy.crawler import Crawler
    from twisted.python.failure import Failure

    from lifestats_crawler.config.model import Config
    from lifestats_crawler.crawl.walk import Ask
    from lifestats_crawler.ending import Ending
    from lifestats_crawler.items import Tally
    from lifestats_crawler.storage.runs import Run


class LifestatsSpider(Spider):
    """Walk what the run has not settled, one chain of requests per subset."""

    name = "lifestats"

    def __init__(self, config: Config, run: Run, most_chains: int, **arguments: Any) -> None:
        """Walk for a run; arguments that are not ours (scrapyd's ``_job``) are Scrapy's."""
        super().__init__(**arguments)
        self.crawl = Crawl(config, run, run.settled(), most_chains, self._is_running, self._close)
        self.walk = Walk(self.crawl, Random())

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, run: str | None = None, **kwargs: Any) -> Self:
        """Take the environment's configuration and open its run. Raises LifestatsError."""
        for name in kwargs:
            if not name.startswith("_"):
                raise RunError(f"unknown argument -a {name}; the only one is -a run=NAME")
        config = load_config(crawler.settings)
        redaction.hide(secrets.hidden(config))
        parent = Path(config.storage) / environment(crawler.settings)
        opened = open_run(parent, Job.of(config), run, clock.now())
        try:
            most_chains = crawler.settings.getint("CONCURRENT_REQUESTS")
            return super().from_crawler(
                crawler, *args, config=config, run=opened, most_chains=most_chains, **kwargs
            )
        except BaseException:
            opened.close()
            raise

    def use_url(self, url: str) -> None:
        """Ask another url than the configured one, which stays the source that the report names."""
        self.crawl.use_url(url)

    async def start(self) -> AsyncIterator[Request]:
        """Start a chain in every subset."""
        if not self.crawler.crawling:
            # A signal that came before the engine ran is forgotten by Scrapy.
            await self.crawler.engine.stop_async()
            return
        crawl = self.crawl
        left = len(crawl.config.space) - crawl.settled.ids
        pages = ceil(crawl.frontier.pages_left())
        self.logger.info("Run %s: %s ids left to crawl, about %s pages", crawl.run.name, f"{left:,}", f"{pages:,}")
        for ask in self.walk.begin():
            yield self._first(ask)

    def grow(self) -> None:
        """Start more chains if the pacer has places that no chain is going to take."""
        for ask in self.walk.grow(monotonic()):
            self.crawler.engine.crawl(self._first(ask))

    def parse(self, response: Response, ask: Ask) -> AsyncIterator[Tally | Request]:
        """Walk a chain from its first page on."""
        return self._walk(ask, _answer(response))

    def failed(self, failure: Failure) -> AsyncIterator[Tally | Request]:
        """Walk a chain whose first page did not arrive."""
        request: Request = failure.request  # type: ignore[attr-defined]  # Scrapy sets it
        return self._walk(request.cb_kwargs["ask"], _answer(failure.value))

    async def _walk(self, ask: Ask, answer: Answer) -> AsyncIterator[Tally | Request]:
        """Yield the tallies of a chain to its end, and requests for the chains that are then to start.

        Its next pages are asked for right here: through the downloader and its middlewares, but not
        through the scheduler and the spider middlewares, which have nothing to do for a chain.
        """
        while True:
            step = self.walk.take(ask, answer, monotonic())
            if step.tally is not None:
                yield step.tally
            for begun in step.begun:
                yield self._first(begun)
            if step.following is None:
                return
            await self.crawl.storage_keeps_up.wait()
            if not self.crawl.goes_on:
                return
            ask = step.following
            answer = await self._download(self._request(ask))

    async def _download(self, request: Request) -> Answer:
        try:
            return _answer(await self.crawler.engine.download_async(request))
        except Exception as error:  # noqa: BLE001  # whatever it is, the page did not arrive
            return _answer(error)

    def _first(self, ask: Ask) -> Request:
        """Make the first request of a chain: one that Scrapy schedules."""
        return self._request(ask, callback=self.parse, errback=self.failed, cb_kwargs={"ask": ask})

    def _request(self, ask: Ask, **scheduled: Any) -> Request:
        return Request(
            self.crawl.dialect.url(ask.first),
            # The url is what the configuration says: Scrapy need not parse and quote it again.
            meta={"verbatim_url": True} | ({NOT_BEFORE: monotonic() + ask.wait} if ask.wait else {}),
            dont_filter=True,
            **scheduled,
        )

    def _is_running(self) -> bool:
        return bool(self.crawler.engine.running)

    def _close(self, ending: Ending) -> None:
        self._closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason=ending.word))


def _answer(got: Response | BaseException | None) -> Answer:
    """Return what Scrapy's downloader came back with as an answer; what else is known of it is the handler's."""
    if isinstance(got, Response):
        answer: Answer = got.request.meta.get(ANSWER, Answer()) if got.request else Answer()
        if (answer.status, answer.body) != (got.status, got.body):  # a middleware has changed it
            answer = replace(answer, status=got.status, body=got.body)
        return answer
    error = f"{type(got).__name__}: {got}"
    cause = got.__cause__ if got else None
    if not isinstance(cause, NoAnswerError):
        return Answer(error=error)
    return Answer(error=error, cause=cause.cause, left_at=cause.left_at, at=cause.at, connection=cause.connection)
