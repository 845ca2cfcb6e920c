"""The download handler: where requests leave, and so the place that keeps the pace."""

from __future__ import annotations

import asyncio
import ssl
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import quote

import aiohttp
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)
from scrapy.http import Response

from lifestats_crawler.addons import load_config
from lifestats_crawler.pacer import Pacer

if TYPE_CHECKING:
    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
    from scrapy import Request
    from scrapy.crawler import Crawler

#: Request.meta key: the time.monotonic() before which the request may not leave.
NOT_BEFORE = "lifestats_not_before"


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
        self._pacer = Pacer(config.rate_limit) if config.rate_limit else None
        self._secrets = config.secrets
        self._headers = {name: self._filled_in(text) for name, text in config.headers.items()}
        self._maxsize = settings.getint("DOWNLOAD_MAXSIZE")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=ssl.create_default_context()),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=settings.getfloat("DOWNLOAD_TIMEOUT")),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            middlewares=[_ask_once],
        )

    async def download_request(self, request: Request) -> Response:
        """Wait for a place, ask once and return the answer, whatever its status is.

        Raises Scrapy's download errors, which reach the request's errback.
        """
        await self._wait(request.meta.get(NOT_BEFORE, 0))
        headers = request.headers.copy()
        headers.update(self._headers)
        self.crawler.stats.inc_value("lifestats/requests")
        started = monotonic()
        try:
            async with self._session.request(
                request.method,
                self._filled_in(request.url),
                headers=headers.to_tuple_list(),
                allow_redirects=False,
                proxy=request.meta.get("proxy"),
            ) as answer:
                request.meta["download_latency"] = monotonic() - started
                body = await self._read(answer)
        except TimeoutError as error:
            raise DownloadTimeoutError("no whole answer in time") from error
        except aiohttp.ClientConnectorDNSError as error:
            raise CannotResolveHostError(str(error)) from error
        except aiohttp.ClientConnectorError as error:
            raise DownloadConnectionRefusedError(str(error)) from error
        except aiohttp.ClientPayloadError as error:
            raise ResponseDataLossError(str(error)) from error
        except aiohttp.ClientError as error:
            raise DownloadFailedError(str(error) or type(error).__name__) from error
        return Response(request.url, answer.status, list(answer.headers.items()), body, request=request)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def _wait(self, not_before: float) -> None:
        now = monotonic()
        if not_before > now:
            await asyncio.sleep(not_before - now)
        if not self._pacer:
            return
        wait = self._pacer.reserve(monotonic())
        while wait > 0:
            await asyncio.sleep(wait)
            wait = self._pacer.depart(monotonic())

    def _filled_in(self, text: str) -> str:
        """Put the values of ``${VARIABLE}`` in: here and nowhere above, so that none is ever logged."""
        for variable, value in self._secrets.items():
            text = text.replace(variable, value).replace(quote(variable, safe="$"), quote(value, safe=""))
        return text

    async def _read(self, answer: ClientResponse) -> bytes:
        chunks = []
        size = 0
        async for chunk in answer.content.iter_any():
            size += len(chunk)
            if size > self._maxsize:
                raise DownloadCancelledError(f"the answer is larger than {self._maxsize} bytes")
            chunks.append(chunk)
        return b"".join(chunks)


async def _ask_once(request: ClientRequest, ask: ClientHandlerType) -> ClientResponse:
    """Keep aiohttp from asking a second time by itself when a kept-alive connection has died.

    That request would leave without a place of the pacer's, and nobody would count it.
    """
    try:
        return await ask(request)
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        if isinstance(error, aiohttp.ClientConnectorError):
            raise
        raise aiohttp.ClientConnectionError(str(error)) from error
