"""Ask an API for single pages, outside a crawl, with the crawl's own client."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING

from lifestats_crawler.api.mock_process import MockProcess
from lifestats_crawler.config import secrets
from lifestats_crawler.downloader.client import Client, request_headers
from lifestats_crawler.downloader.pacer import Pacer
from lifestats_crawler.exceptions import Cause, NoAnswerError
from lifestats_crawler.items import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from lifestats_crawler.config.model import Config

TIMEOUT_SECONDS = 15.0


class Asker:
    """Asks one url after another, at the configured rate."""

    def __init__(self, config: Config, usual: Mapping[str, str], most_bytes: int, *, keeps_cookies: bool) -> None:
        """Send the usual headers and the configured ones; answers may have ``most_bytes``."""
        self._pacer = Pacer(config.rate_limit, is_strict=config.strict_rate)
        self._client = Client(
            secrets.of(config),
            request_headers(usual, config),
            timeout=TIMEOUT_SECONDS,
            most_bytes=most_bytes,
            depart=self._depart,
            keeps_cookies=keeps_cookies,
        )

    async def ask(self, url: str, *, on_new_connection: bool = False) -> Answer:
        """Wait for a place, ask, and return the answer or why there is none."""
        await asyncio.sleep(self._pacer.reserve(monotonic()))
        try:
            return await self._client.ask(url, on_new_connection=on_new_connection)
        except NoAnswerError as error:
            is_late = error.cause is Cause.NOT_IN_TIME
            return Answer(error=f"no complete answer within {TIMEOUT_SECONDS:.0f} s" if is_late else str(error))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _depart(self, is_usable: Callable[[], bool]) -> bool:
        while is_usable():
            if (wait := self._pacer.depart(monotonic())) <= 0:
                return True
            await asyncio.sleep(wait)
        return False


@asynccontextmanager
async def asker(
    config: Config, usual: Mapping[str, str], most_bytes: int, *, keeps_cookies: bool
) -> AsyncIterator[Asker]:
    """Open connections, and close them in the end."""
    opened = Asker(config, usual, most_bytes, keeps_cookies=keeps_cookies)
    try:
        yield opened
    finally:
        await opened.close()


@asynccontextmanager
async def reachable(config: Config) -> AsyncIterator[str]:
    """Yield the url to ask; in an environment with ``mock: true`` that of a mock on a free port, meanwhile."""
    if not config.mock:
        yield secrets.without_login(config.url)[0]
        return
    mock = MockProcess(config)
    try:
        yield await mock.start("--port=0")
    finally:
        await mock.stop()
