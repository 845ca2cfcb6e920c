"""The download handler: where requests leave, and so the place that keeps the pace."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, cast

from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from scrapy.http import Response

from lifestats_crawler.api import throttling
from lifestats_crawler.config import secrets
from lifestats_crawler.crawl.throttle import Throttle
from lifestats_crawler.downloader.client import Client, request_headers
from lifestats_crawler.exceptions import Cause, NoAnswerError

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

    from lifestats_crawler.crawl.state import CrawlingSpider
    from lifestats_crawler.items import Answer

logger = logging.getLogger(__name__)

#: Request.meta key: the time.monotonic() before which the request may not leave.
NOT_BEFORE = "lifestats_not_before"

_WORTH_SAYING_SECONDS = 1.0  # by which a hold becomes longer
_LOOK_UP_SECONDS = 0.5  # between two looks whether the crawl is being stopped
_GRACE_SECONDS = 2.0  # that requests under way get to finish when it is

_SCRAPYS = {
    Cause.NOT_IN_TIME: DownloadTimeoutError,
    Cause.UNKNOWN_HOST: CannotResolveHostError,
    Cause.NO_CONNECTION: DownloadConnectionRefusedError,
    Cause.CUT_SHORT: ResponseDataLossError,
    Cause.TOO_LARGE: DownloadCancelledError,
    Cause.OTHER: DownloadFailedError,
}


class PacedDownloadHandler(BaseDownloadHandler):
    """Download with our client, never faster than the configured rate, retries included.

    It is the last place before the network. Kept any earlier, in a middleware, the pace is lost
    to the downloader's queue: places pile up there and leave together.
    """

    # Made for the first request, and so only for the scheme that is used: there is one pace.
    lazy = True

    def __init__(self, crawler: Crawler) -> None:
        """Take the pace and the configuration from the crawl, and the rest from the settings."""
        super().__init__(crawler)
        settings = crawler.settings
        self._crawl = cast("CrawlingSpider", crawler.spider).crawl
        self._throttle = Throttle(Random())
        self._watch = asyncio.ensure_future(self._end_when_stopping())
        config = self._crawl.config
        self._client = Client(
            secrets.of(config),
            request_headers(usual_headers(settings), config),
            timeout=settings.getfloat("DOWNLOAD_TIMEOUT"),
            most_bytes=settings.getint("DOWNLOAD_MAXSIZE"),
            depart=self._depart,
        )

    async def download_request(self, request: Request) -> Response:
        """Wait for a place, ask once and return the answer, whatever its status is.

        Raises Scrapy's download errors, which reach the request's errback; IgnoreRequest for one
        that was still waiting when the crawl was stopped.
        """
        await self._sleep_until(request.meta.get(NOT_BEFORE, 0))
        now = monotonic()
        await self._sleep_until(now + self._crawl.pacer.reserve(now))
        try:
            answer = await self._client.ask(
                request.url,
                method=request.method,
                headers=request.headers.to_tuple_list(),  # what a middleware has added
                proxy=request.meta.get("proxy"),
            )
        except NoAnswerError as error:
            raise _SCRAPYS[error.cause](str(error)) from None
        request.meta["download_latency"] = answer.seconds
        self._heed(answer)
        headers = list(answer.headers.items())
        return Response(request.url, answer.status, headers, answer.body, request=request)

    async def close(self) -> None:
        """Close the connections."""
        self._watch.cancel()
        await self._client.close()

    async def _depart(self) -> None:
        """Wait until the pacer lets a request go that has a connection."""
        await self._sleep_until(0)
        while (wait := self._crawl.pacer.depart(now := monotonic())) > 0:
            await self._sleep_until(now + wait)

    async def _sleep_until(self, end: float) -> None:
        """Sleep, and look up now and then: a wait must not hold up the end of a stopped crawl."""
        while (rest := end - monotonic()) > 0 and self._crawl.goes_on:
            await asyncio.sleep(min(rest, _LOOK_UP_SECONDS))
        if not self._crawl.goes_on:
            raise IgnoreRequest("the crawl is being stopped")

    async def _end_when_stopping(self) -> None:
        while self._crawl.goes_on:
            await asyncio.sleep(_LOOK_UP_SECONDS)
        # What AutoThrottle has kept back would else come out one by one, each only to be turned down.
        for slot in self.crawler.engine.downloader.slots.values():
            slot.delay = 0
        # Closing the session would leave them waiting for ever.
        self._client.hurry(_GRACE_SECONDS)

    def _heed(self, answer: Answer) -> None:
        """Hold every request, not just the one that was told, when the server asks for it."""
        if not throttling.is_throttled(answer):
            self._throttle.relax()
            return
        wait = self._throttle.wait(answer, throttling.told(answer, datetime.now(UTC)))
        if wait:
            now = monotonic()
            if wait > self._crawl.pacer.held_for(now) + _WORTH_SAYING_SECONDS:
                logger.warning("The server answered %d; no request is sent for %.1f s", answer.status, wait)
            self._crawl.pacer.hold(now + wait)


def usual_headers(settings: BaseSettings) -> dict[str, str]:
    """Return the headers that Scrapy's two settings ask for."""
    return settings.getdict("DEFAULT_REQUEST_HEADERS") | {"User-Agent": settings["USER_AGENT"]}
