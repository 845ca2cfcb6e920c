"""The HTTP client of the crawl, the probe and the webhook: session, headers, secrets, proxy, bounded reading."""

from __future__ import annotations

import asyncio
from math import inf
from time import monotonic, time
from typing import TYPE_CHECKING, Any, Self
from urllib.request import proxy_bypass

import aiohttp
from yarl import URL

from lifestats_crawler.config import secrets
from lifestats_crawler.downloader.connector import JOURNEY, Journey, PacedConnector
from lifestats_crawler.exceptions import Cause, NoAnswerError
from lifestats_crawler.items import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

    from lifestats_crawler.config.model import Config
    from lifestats_crawler.downloader.connector import Depart


async def at_once(_: Callable[[], bool]) -> bool:
    """Let a request leave without a pace."""
    return True


_SERVER_ERRORS = range(500, 600)


class Client:
    """Asks, over one session; follows no redirect, keeps no cookie, and asks nothing twice by itself.

    A request leaves when ``depart`` returns, after it has a connection; from then on its answer may take
    ``timeout`` seconds and ``most_bytes`` bytes. A connection is not used again after an error or a 5xx, or if its
    number is in ``distrusted``; ``most_connections`` tells how many stay open. ``${VARIABLE}`` in a url is filled
    in here, below everything that logs. Proxies are those of the usual environment variables; a proxy's login goes
    to the proxy only.
    """

    def __init__(  # noqa: PLR0913  # each with a default, or a meaning of its own
        self,
        variables: Mapping[str, str],
        headers: Mapping[str, str],
        *,
        timeout: float,
        most_bytes: int,
        depart: Depart = at_once,
        distrusted: Container[int] = (),
        most_connections: Callable[[], float] = lambda: inf,
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
        self._connector = PacedConnector(self._leave, distrusted, most_connections)
        self._session = aiohttp.ClientSession(
            connector=self._connector,
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

    async def ask(  # noqa: PLR0913  # what HTTP has, and how the request travels
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Iterable[tuple[str, str]] = (),
        json: Any = None,
        proxy: str | None = None,
        depart: Depart | None = None,
        on_new_connection: bool = False,
    ) -> Answer:
        """Ask once and return the answer, whatever its status is. Raises NoAnswerError.

        ``proxy`` is asked in place of the one of the environment; ``json`` is a document to send. ``depart`` takes
        the place of the client's own. A new connection is one that has carried no request before.
        """
        journey = Journey(depart or self._depart, on_new_connection)
        try:
            async with journey.deadline:
                self._deadlines.add(journey.deadline)
                try:
                    return await self._ask(self._url(url), method, headers, json, proxy, journey)
                finally:
                    self._deadlines.discard(journey.deadline)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            cause, message = _reason(error)
        except NoAnswerError as error:
            cause, message = error.cause, str(error)
        raise NoAnswerError(
            cause, message, left_at=journey.left_at, at=time(), connection=journey.connection
        ) from None

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
        journey: Journey,
    ) -> Answer:
        JOURNEY.set(journey)
        async with self._session.request(
            method,
            url,
            headers=list(headers),
            json=json,
            allow_redirects=False,
            proxy=proxy or self._proxy(url),
        ) as answer:
            seconds, at = monotonic() - journey.left_at, time()
            if answer.status in _SERVER_ERRORS:
                self._connector.retire(journey.connection)
            body = await self._read(answer)
        return Answer(
            answer.status,
            answer.headers,
            body,
            seconds,
            left_at=journey.left_at,
            at=at,
            connection=journey.connection,
        )

    async def _leave(self, is_usable: Callable[[], bool]) -> bool:
        """Let a request that has a connection go, and start the time that its answer may take."""
        journey = JOURNEY.get()
        if not await journey.depart(is_usable):
            return False
        journey.left_at = monotonic()
        journey.deadline.reschedule(asyncio.get_running_loop().time() + self._timeout)
        return True

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


def _reason(error: Exception) -> tuple[Cause, str]:
    """Say why there is no answer. The order matters: some of aiohttp's errors are of several kinds."""
    kinds = {
        TimeoutError: Cause.NOT_IN_TIME,
        aiohttp.ClientConnectorDNSError: Cause.UNKNOWN_HOST,
        aiohttp.ClientConnectorError: Cause.NO_CONNECTION,
        aiohttp.ClientPayloadError: Cause.CUT_SHORT,
        _LostError: Cause.LOST,
    }
    cause = next((cause for kind, cause in kinds.items() if isinstance(error, kind)), Cause.OTHER)
    if cause is Cause.NOT_IN_TIME:
        return cause, "no whole answer in time"
    return cause, str(error) or type(error).__name__


class _LostError(aiohttp.ClientConnectionError):
    """Raised where a connection was reset or closed before an answer began."""


async def _ask_once(request: ClientRequest, ask: ClientHandlerType) -> ClientResponse:
    """Keep aiohttp from asking a second time by itself when a kept-alive connection has died.

    That request would leave without a place of the pacer's, and would not be counted.
    """
    try:
        return await ask(request)
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        if isinstance(error, aiohttp.ClientConnectorError):
            raise
        raise _LostError(str(error)) from error
