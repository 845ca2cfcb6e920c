"""The download handler: where requests leave, and so the place that keeps the pace."""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, Any

import aiohttp
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
from yarl import URL

from lifestats_crawler.addons import load_config
from lifestats_crawler.api import throttling as retry_after
from lifestats_crawler.config.model import fill_in, fill_in_url
from lifestats_crawler.downloader import backoff
from lifestats_crawler.downloader.connector import PacedConnector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

    from lifestats_crawler.config.model import Config
    from lifestats_crawler.downloader.pacer import Pacer

logger = logging.getLogger(__name__)

#: Request.meta key: the time.monotonic() before which the request may not leave.
NOT_BEFORE = "lifestats_not_before"

TOO_MANY_REQUESTS = 429
UNAVAILABLE = 503


@dataclass(slots=True)
class Departure:
    """When a request left, in seconds of the monotonic clock, and until when its answer is waited for."""

    deadline: asyncio.Timeout
    at: float = 0.0


_DEPARTURE: ContextVar[Departure] = ContextVar("departure")
_WORTH_SAYING = 1.0  # seconds by which a hold becomes longer
_LOOK_UP = 0.5  # seconds between two looks whether the crawl is being stopped
_GRACE = 2.0  # seconds that requests under way get to finish when it is


class PacedDownloadHandler(BaseDownloadHandler):
    """Download over aiohttp, never faster than the configured rate, retries included.

    It is the last place before the network. Kept any earlier, in a middleware, the pace is lost
    to the downloader's queue: places pile up there and leave together.
    """

    # Made for the first request, and so only for the scheme that is used: there is one pace.
    lazy = True

    def __init__(self, crawler: Crawler) -> None:
        """Take the rate from the environment's configuration and the rest from the settings."""
        super().__init__(crawler)
        settings = crawler.settings
        config = load_config(settings)
        self._pacer: Pacer = crawler.spider.pacer  # type: ignore[union-attr]  # it is there: it asks
        self._throttled = 0  # answers in a row that asked us to slow down without saying for how long
        self._random = Random()
        self._secrets = config.secrets
        headers = request_headers(settings, config)
        self._is_quoted: bool | None = None
        self._timeout = settings.getfloat("DOWNLOAD_TIMEOUT")
        self._maxsize = settings.getint("DOWNLOAD_MAXSIZE")
        self._deadlines: set[asyncio.Timeout] = set()
        self._watch = asyncio.ensure_future(self._end_when_stopping())
        self._session = aiohttp.ClientSession(
            connector=PacedConnector(self._depart),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._timeout),
            headers=headers,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            middlewares=[ask_once],
        )

    async def download_request(self, request: Request) -> Response:
        """Wait for a place, ask once and return the answer, whatever its status is.

        Raises Scrapy's download errors, which reach the request's errback; IgnoreRequest for one
        that was still waiting when the crawl was stopped.
        """
        await self._sleep_until(request.meta.get(NOT_BEFORE, 0))
        now = monotonic()
        await self._sleep_until(now + self._pacer.reserve(now))
        with _errors_as_scrapys():
            async with asyncio.timeout(None) as deadline:
                self._deadlines.add(deadline)
                try:
                    answer, body = await self._ask(request, Departure(deadline))
                finally:
                    self._deadlines.discard(deadline)
        self._heed(answer)
        return Response(request.url, answer.status, list(answer.headers.items()), body, request=request)

    async def _ask(self, request: Request, departure: Departure) -> tuple[ClientResponse, bytes]:
        _DEPARTURE.set(departure)
        async with self._session.request(
            request.method,
            self._url(request.url),
            headers=request.headers.to_tuple_list(),  # what a middleware has added
            allow_redirects=False,
            proxy=request.meta.get("proxy"),
        ) as answer:
            request.meta["download_latency"] = monotonic() - departure.at
            return answer, await self._read(answer)

    async def close(self) -> None:
        """Close the connections."""
        self._watch.cancel()
        await self._session.close()

    @property
    def _is_stopping(self) -> bool:
        spider: Any = self.crawler.spider
        return not self.crawler.engine.running or spider.ending is not None

    async def _depart(self) -> None:
        """Let a request that has a connection go, and start the time that its answer may take."""
        await self._sleep_until(0)
        while (wait := self._pacer.depart(now := monotonic())) > 0:
            await self._sleep_until(now + wait)
        departure = _DEPARTURE.get()
        departure.at = now
        departure.deadline.reschedule(asyncio.get_running_loop().time() + self._timeout)

    async def _sleep_until(self, end: float) -> None:
        """Sleep, and look up now and then: a wait must not hold up the end of a stopped crawl."""
        while (rest := end - monotonic()) > 0 and not self._is_stopping:
            await asyncio.sleep(min(rest, _LOOK_UP))
        if self._is_stopping:
            raise IgnoreRequest("the crawl is being stopped")

    async def _end_when_stopping(self) -> None:
        while not self._is_stopping:
            await asyncio.sleep(_LOOK_UP)
        # What AutoThrottle has kept back would else come out one by one, each only to be turned down.
        for slot in self.crawler.engine.downloader.slots.values():
            slot.delay = 0
        # Closing the session would leave them waiting for ever.
        for deadline in self._deadlines:
            if not deadline.expired():
                deadline.reschedule(asyncio.get_running_loop().time() + _GRACE)

    async def _read(self, answer: ClientResponse) -> bytes:
        chunks = []
        size = 0
        async for chunk in answer.content.iter_any():
            size += len(chunk)
            if size > self._maxsize:
                raise DownloadCancelledError(f"the answer is larger than {self._maxsize} bytes")
            chunks.append(chunk)
        return b"".join(chunks)

    def _heed(self, answer: ClientResponse) -> None:
        """Hold every request, not just the one that was told, when the server asks for it."""
        if answer.status not in (TOO_MANY_REQUESTS, UNAVAILABLE):
            self._throttled = 0
            return
        wait = retry_after.seconds(answer.headers.get("Retry-After", ""), datetime.now(UTC))
        if wait is None and answer.status == TOO_MANY_REQUESTS:
            self._throttled += 1
            wait = backoff.full_jitter(self._throttled, self._random)
        if wait:
            now = monotonic()
            if wait > self._pacer.held_for(now) + _WORTH_SAYING:
                logger.warning("Status %d: nobody is to ask for %.1f s", answer.status, wait)
            self._pacer.hold(now + wait)

    def _url(self, url: str) -> URL:
        """Put secrets in, quoted; urls differ in their cursor only, so one look tells whether to quote more."""
        url = fill_in_url(url, self._secrets)
        if self._is_quoted is None:
            self._is_quoted = str(URL(url)) == url
        return URL(url, encoded=self._is_quoted)


def request_headers(settings: BaseSettings, config: Config) -> dict[str, str]:
    """Return the headers of each request: the configured ones in place of Scrapy's, whatever their case."""
    own = {name: fill_in(text, config.secrets) for name, text in config.headers.items()}
    given = {name.lower() for name in own}
    usual = settings.getdict("DEFAULT_REQUEST_HEADERS") | {"User-Agent": settings["USER_AGENT"]}
    return {name: value for name, value in usual.items() if value and name.lower() not in given} | own


@contextmanager
def _errors_as_scrapys() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise DownloadTimeoutError("no whole answer in time") from None
    except aiohttp.ClientConnectorDNSError as error:
        raise CannotResolveHostError(str(error)) from None
    except aiohttp.ClientConnectorError as error:
        raise DownloadConnectionRefusedError(str(error)) from None
    except aiohttp.ClientPayloadError as error:
        raise ResponseDataLossError(str(error)) from None
    except aiohttp.ClientError as error:
        raise DownloadFailedError(str(error) or type(error).__name__) from None


async def ask_once(request: ClientRequest, ask: ClientHandlerType) -> ClientResponse:
    """Keep aiohttp from asking a second time by itself when a kept-alive connection has died.

    That request would leave without a place of the pacer's, and nobody would count it.
    """
    try:
        return await ask(request)
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        if isinstance(error, aiohttp.ClientConnectorError):
            raise
        raise aiohttp.ClientConnectionError(str(error)) from error
