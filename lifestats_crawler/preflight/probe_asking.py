"""Ask an API for single pages, outside a crawl, with the rules of the download handler."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from lifestats_crawler.api.mock_process import MockProcess
from lifestats_crawler.config.model import fill_in_url
from lifestats_crawler.downloader.pacer import Pacer
from lifestats_crawler.handlers import ask_once
from lifestats_crawler.preflight.probe_questions import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from lifestats_crawler.config.model import Config

TIMEOUT = 15.0  # seconds


class Asker:
    """Asks one url after another, at the configured rate; follows no redirect and asks nothing twice."""

    def __init__(self, config: Config, session: aiohttp.ClientSession, most_bytes: int) -> None:
        """Ask over a session; answers may be so large."""
        self._pacer = Pacer(config.rate_limit, is_strict=config.strict_rate)
        self._secrets = config.secrets
        self._session = session
        self._most_bytes = most_bytes

    async def ask(self, url: str) -> Answer:
        """Wait for a place, ask, and return the answer or why there is none."""
        await asyncio.sleep(self._pacer.reserve(monotonic()))
        while (wait := self._pacer.depart(monotonic())) > 0:
            await asyncio.sleep(wait)
        url = fill_in_url(url, self._secrets)
        started = monotonic()
        try:
            async with asyncio.timeout(TIMEOUT):
                return await self._answer(url, started)
        except TimeoutError:
            return Answer(error=f"no whole answer within {TIMEOUT:.0f} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(error=str(error) or type(error).__name__)

    async def _answer(self, url: str, started: float) -> Answer:
        proxy = None if proxy_bypass(urlsplit(url).hostname or "") else getproxies().get(urlsplit(url).scheme)
        async with self._session.get(url, allow_redirects=False, proxy=proxy) as answer:
            body = bytearray()
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > self._most_bytes:
                    return Answer(error=f"the answer is larger than {self._most_bytes:,} bytes")
        location = answer.headers.get("Location", "")
        return Answer(answer.status, bytes(body), monotonic() - started, location)


@asynccontextmanager
async def asker(config: Config, headers: Mapping[str, str], most_bytes: int) -> AsyncIterator[Asker]:
    """Open a session that sends these headers, and close it in the end."""
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        headers=headers,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        middlewares=[ask_once],
    ) as session:
        yield Asker(config, session, most_bytes)


@asynccontextmanager
async def reachable(config: Config) -> AsyncIterator[str]:
    """Yield the url to ask; in an environment with ``mock: true`` that of a mock on a free port, meanwhile."""
    if not config.mock:
        yield config.url
        return
    mock = MockProcess(config)
    try:
        yield await mock.start("--port=0")
    finally:
        await mock.stop()
