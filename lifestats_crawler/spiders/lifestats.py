"""The spider: sends what the walk asks for, and hands its tallies to the pipeline."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from math import ceil, inf
from pathlib import Path
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, Any, Self, cast

from scrapy import Request, Spider
from scrapy.http import Response

from lifestats_crawler import clock, machine
from lifestats_crawler.config import redaction, secrets
from lifestats_crawler.config.from_settings import AT_ONCE, environment, load_config
from lifestats_crawler.crawl.asks import TalkAsk
from lifestats_crawler.crawl.growth import MOST_TALKS
from lifestats_crawler.crawl.state import Crawl
from lifestats_crawler.crawl.walk import Walk
from lifestats_crawler.exceptions import NoAnswerError, RunError
from lifestats_crawler.extensions.closing import ClosingSignals
from lifestats_crawler.handlers import ANSWER, NEW_CONNECTION, NOT_BEFORE, THROUGH
from lifestats_crawler.items import Answer
from lifestats_crawler.storage.opening import open_run
from lifestats_crawler.storage.source import Job

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings
    from twisted.python.failure import Failure

    from lifestats_crawler.config.model import Config
    from lifestats_crawler.crawl.asks import Ask
    from lifestats_crawler.ending import Ending
    from lifestats_crawler.items import Tally
    from lifestats_crawler.storage.runs import Run


_LOOK_UP_SECONDS = 0.5  # between two looks whether the crawl is being stopped
_SLOW_SECONDS = 2.0  # between two pages of a chain while too much waits in memory
_OTHER_FILES = 20  # segments, report, temporary files, the metrics, the webhook, names that are looked up

logger = logging.getLogger(__name__)


class LifestatsSpider(Spider):
    """Walk what the run has not settled, one chain of requests per subset."""

    name = "lifestats"

    def __init__(
        self, config: Config, run: Run, most_chains: int, most_at_once: float = inf, **arguments: Any
    ) -> None:
        """Walk for a run; arguments that are not ours (scrapyd's ``_job``) are Scrapy's."""
        super().__init__(**arguments)
        self.crawl = Crawl(config, run, run.settled(), most_chains, self._is_running, self._close, most_at_once)
        self.walk = Walk(self.crawl, Random())

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, run: str | None = None, **kwargs: Any) -> Self:
        """Take the environment's configuration and open its run. Raises LifestatsError."""
        for name in kwargs:
            if not name.startswith("_"):
                raise RunError(f"unknown argument -a {name}; the only one is -a run=NAME. Settings need -s")
        crawler.signals = ClosingSignals(crawler)
        config = load_config(crawler.settings)
        redaction.hide(secrets.hidden(config))
        parent = Path(config.storage) / environment(crawler.settings)
        opened = open_run(parent, Job.of(config), run, clock.now())
        try:
            most_chains = crawler.settings.getint("CONCURRENT_REQUESTS")
            most_at_once = _most_at_once(crawler.settings, most_chains)
            _make_room(crawler.settings, most_chains)
            return super().from_crawler(
                crawler,
                *args,
                config=config,
                run=opened,
                most_chains=min(most_chains, ceil(min(most_at_once, most_chains))),
                most_at_once=most_at_once,
                **kwargs,
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
        self._send(self.walk.grow(monotonic()))

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
            following = step.following
            if isinstance(following, TalkAsk) and step.tallies:
                step.begun.append(following)
                following = None
            self._send(step.begun)
            while step.tallies:
                yield step.tallies.pop(0)
            for starting in step.starting:
                yield self._first(starting)
            if following is None:
                return
            ask = following
            del step, answer  # pages may be large, and the next one may have to wait
            if not isinstance(ask, TalkAsk):  # what is only a question adds nothing to what is kept in memory
                await self.crawl.storage_keeps_up.wait()
                await self._wait_for_the_opening()
            if not self.crawl.goes_on:
                return
            answer = await self._download(self._request(ask))

    async def prove(self) -> bool:
        """Prove once more that records are shown where they are asked for; tell whether to write a segment."""
        told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if ask := self.walk.prove(told.set_result, monotonic()):
            self._send([ask])
        while self.crawl.goes_on and not told.done():
            await asyncio.wait([told], timeout=_LOOK_UP_SECONDS)
        return told.result() if told.done() else self.walk.may_write

    async def _wait_for_the_opening(self) -> None:
        """Go on slowly where large pages wait for the opening in memory; it may need just the next page."""
        late = monotonic() + _SLOW_SECONDS
        while self.walk.checking.holds_much and self.crawl.goes_on and monotonic() < late:
            await asyncio.sleep(_LOOK_UP_SECONDS / 5)

    async def _download(self, request: Request) -> Answer:
        try:
            return _answer(await self.crawler.engine.download_async(request))
        except Exception as error:  # noqa: BLE001  # whatever it is, the page did not arrive
            return _answer(error)

    def _send(self, asks: Iterable[Ask]) -> None:
        for ask in asks:
            self.crawler.engine.crawl(self._first(ask))

    def _first(self, ask: Ask) -> Request:
        """Make the first request of a chain: one that Scrapy schedules."""
        return self._request(ask, callback=self.parse, errback=self.failed, cb_kwargs={"ask": ask})

    def _request(self, ask: Ask, **scheduled: Any) -> Request:
        return Request(
            self.crawl.dialect.url(ask.first, ask.limit),
            # The url is what the configuration says: Scrapy need not parse and quote it again.
            meta=_meta(ask),
            dont_filter=True,
            **scheduled,
        )

    def _is_running(self) -> bool:
        return bool(self.crawler.engine.running)

    def _close(self, ending: Ending) -> None:
        self._closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason=ending.word))


def _most_at_once(settings: BaseSettings, most_chains: int) -> float:
    """Return how many requests may be under way: by the settings, and by how many files may be open."""
    wanted = settings.get(AT_ONCE) or inf
    free = machine.descriptors() - _OTHER_FILES
    if free >= min(wanted, most_chains + MOST_TALKS):
        return cast("float", wanted)
    most = max(1.0, free)
    if most < most_chains:
        advice = "few files may be open (ulimit -n): at most %d requests are under way at once"
        logger.warning(advice, most)
    return most


def _make_room(settings: BaseSettings, most_chains: int) -> None:
    """Let questions through beside the chains: in a pause each of these holds a place in Scrapy's downloader."""
    if settings.frozen:  # by somebody who has made a downloader already
        return
    for name in ("CONCURRENT_REQUESTS", "CONCURRENT_REQUESTS_PER_DOMAIN"):
        most = max(settings.getint(name), most_chains) + MOST_TALKS
        settings.set(name, most, priority=settings.getpriority(name) or 0)


def _meta(ask: Ask) -> dict[str, Any]:
    meta: dict[str, Any] = {"verbatim_url": True}
    if ask.wait:
        meta[NOT_BEFORE] = monotonic() + ask.wait
    if ask.is_through:
        meta[THROUGH] = True
    if ask.on_new_connection:
        meta[NEW_CONNECTION] = True
    return meta


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
