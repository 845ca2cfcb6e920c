"""The HTTP client of the crawl, the probe and the webhook: session, headers, secrets, proxy, bounded reading."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Self
from urllib.request import proxy_bypass

import aiohttp
from yarl import URL

from lifestats_crawler.config import secrets
from lifestats_crawler.downloader.connector import PacedConnector
from lifestats_crawler.exceptions import Cause, NoAnswerError
from lifestats_crawler.items import Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

    from lifestats_crawler.config.model import Config


@dataclass(slots=True)
class _Departure:
    """When a request left, in seconds of the monotonic clock, and until when its answer is waited for."""

    deadline: asyncio.Timeout
    at: float = 0.0


_DEPARTURE: ContextVar[_Departure] = ContextVar("departure")


async def at_once() -> None:
    """Let a request leave without a pace."""


class Client:
    """Asks, over one session; follows no redirect, keeps no cookie, and asks nothing twice by itself.

    A request leaves when ``depart`` returns, after it has a connection; from then on its answer may take
    ``timeout`` seconds and ``most_bytes`` bytes. ``${VARIABLE}`` in a url is filled in here, below everything
    that logs. Proxies are those of the usual environment variables; a proxy's login goes to the proxy only.
    """

    def __init__(  # noqa: PLR0913  # each with a default, or a meaning of its own
        self,
        variables: Mapping[str, str],
        headers: Mapping[str, str],
        *,
        timeout: float,
        most_bytes: int,
        depart: Callable[[], Awaitable[None]] = at_once,
        safe: str = "",
    ) -> None:
        """Send these headers, and ``variables`` (see ``secrets.of``) in urls, quoted but for ``safe``."""
        self._variables = variables
        self._safe = safe
        self._depart = depart
        self._timeout = timeout
        self._most_bytes = most_bytes
        self._deadlines: set[asyncio.Timeout] = set()
        self._is_quoted: bool | None = None
        self._proxies: dict[tuple[str, str | None], URL | None] = {}
        self._session = aiohttp.ClientSession(
            connector=PacedConnector(self._leave),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=timeout),
            headers=headers,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            middlewares=[_ask_once],
        )

    async def __aenter__(self) -> Self:
        """Use it for a while."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.close()

    async def ask(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Iterable[tuple[str, str]] = (),
        json: Any = None,
        proxy: str | None = None,
    ) -> Answer:
        """Ask once and return the answer, whatever its status is. Raises NoAnswerError.

        ``proxy`` is asked in place of the one of the environment; ``json`` is a document to send.
        """
        try:
            async with asyncio.timeout(None) as deadline:
                self._deadlines.add(deadline)
                try:
                    return await self._ask(self._url(url), method, headers, json, proxy, _Departure(deadline))
                finally:
                    self._deadlines.discard(deadline)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise _no_answer(error) from None

    def hurry(self, seconds: float) -> None:
        """Give what is under way so many seconds more, and no longer."""
        for deadline in self._deadlines:
            if not deadline.expired():
                deadline.reschedule(asyncio.get_running_loop().time() + seconds)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def _ask(  # noqa: PLR0913, PLR0917  # what HTTP has
        self,
        url: URL,
        method: str,
        headers: Iterable[tuple[str, str]],
        json: Any,
        proxy: str | None,
        departure: _Departure,
    ) -> Answer:
        _DEPARTURE.set(departure)
        async with self._session.request(
            method,
            url,
            headers=list(headers),
            json=json,
            allow_redirects=False,
            proxy=proxy or self._proxy(url),
        ) as answer:
            seconds = monotonic() - departure.at
            return Answer(answer.status, answer.headers, await self._read(answer), seconds)

    async def _leave(self) -> None:
        """Let a request that has a connection go, and start the time that its answer may take."""
        await self._depart()
        departure = _DEPARTURE.get()
        departure.at = monotonic()
        departure.deadline.reschedule(asyncio.get_running_loop().time() + self._timeout)

    async def _read(self, answer: ClientResponse) -> bytes:
        chunks = []
        size = 0
        async for chunk in answer.content.iter_any():
            size += len(chunk)
            if size > self._most_bytes:
                raise NoAnswerError(Cause.TOO_LARGE, f"the answer is larger than {self._most_bytes:,} bytes")
            chunks.append(chunk)
        return b"".join(chunks)

    def _url(self, url: str) -> URL:
        """Put secrets in, quoted; urls differ in their cursor only, so one look tells whether to quote more."""
        url = secrets.fill_in_url(url, self._variables, self._safe)
        if self._is_quoted is None:
            self._is_quoted = str(URL(url)) == url
        return URL(url, encoded=self._is_quoted)

    def _proxy(self, url: URL) -> URL | None:
        """Return the proxy that the environment names for a url, with its login."""
        key = url.scheme, url.host
        if key not in self._proxies:
            named = None if proxy_bypass(url.host or "") else secrets.proxies().get(url.scheme)
            self._proxies[key] = URL(named) if named else None
        return self._proxies[key]


def request_headers(usual: Mapping[str, str], config: Config) -> dict[str, str]:
    """Return the headers of each request: the configured ones in place of the usual ones, whatever their case."""
    variables = secrets.of(config)
    own = {name: secrets.fill_in(text, variables) for name, text in config.headers.items()}
    given = {name.lower() for name in own}
    return {name: value for name, value in usual.items() if value and name.lower() not in given} | own


def _no_answer(error: Exception) -> NoAnswerError:
    """Say why there is no answer. The order matters: some of aiohttp's errors are of several kinds."""
    kinds = {
        TimeoutError: Cause.NOT_IN_TIME,
        aiohttp.ClientConnectorDNSError: Cause.UNKNOWN_HOST,
        aiohttp.ClientConnectorError: Cause.NO_CONNECTION,
        aiohttp.ClientPayloadError: Cause.CUT_SHORT,
    }
    cause = next((cause for kind, cause in kinds.items() if isinstance(error, kind)), Cause.OTHER)
    if cause is Cause.NOT_IN_TIME:
        return NoAnswerError(cause, "no whole answer in time")
    return NoAnswerError(cause, str(error) or type(error).__name__)


async def _ask_once(request: ClientRequest, ask: ClientHandlerType) -> ClientResponse:
    """Keep aiohttp from asking a second time by itself when a kept-alive connection has died.

    That request would leave without a place of the pacer's, and would not be counted.
    """
    try:
        return await ask(request)
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        if isinstance(error, aiohttp.ClientConnectorError):
            raise
        raise aiohttp.ClientConnectionError(str(error)) from error
