"""The HTTP client of the crawl, the probe and the webhook: session, headers, secrets, proxy, reading."""

from __future__ import annotations

import asyncio
from math import inf
from time import monotonic, time
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import aiohttp
from aiohttp.http import HttpProcessingError
from yarl import URL

from lifestats_crawler.config import proxies, secrets
from lifestats_crawler.downloader.addresses import address
from lifestats_crawler.downloader.connector import JOURNEY, Journey, PacedConnector
from lifestats_crawler.downloader.cookies import Cookies
from lifestats_crawler.downloader.decoding import in_utf_8, unpacked
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


#: The statuses of pages. Any other status counts, whether its body can be read or not.
PAGES = (200, 206)
_SERVER_ERRORS = range(500, 600)
_REASON_SECONDS = 5.0  # that the body of a failure may take: its status says enough

#: Some servers and rows of proxies send headers that are long, or many; none of them is a page.
_MOST_HEADER_BYTES = 128 * 1024
_MOST_HEADERS = 1000

_FOR_THE_PROXY = "Proxy-Authorization"
_LOGIN = 407  # the proxy wants one


class Client:
    """Asks, over one session; follows no redirect, and asks nothing twice by itself.

    A request leaves when ``depart`` returns, after it has a connection; from then on its answer may take
    ``timeout`` seconds and ``most_bytes`` bytes, as it comes and when it is unpacked. A connection is not used
    again after an error or a 5xx, or if its number is in ``distrusted``; ``most_connections`` tells how many stay
    open. ``${VARIABLE}`` in a url is filled in here, below everything that logs; otherwise a url leaves as it is
    written. A user and password in it become a header. Proxies are those of the usual environment variables; a
    proxy's login goes to the proxy only. Cookies live as long as the client, and only if it ``keeps_cookies``.
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
        keeps_cookies: bool = False,
        whole: Container[int] = PAGES,
        safe: str = "",
    ) -> None:
        """Send these headers, and ``variables`` (see ``secrets.of``) in urls, quoted but for ``safe``.

        An answer whose status is in ``whole`` is none if its body cannot be read.
        """
        self._variables = variables
        self._safe = safe
        self._depart = depart
        self._timeout = timeout
        self._most_bytes = most_bytes
        self._whole = whole
        self._deadlines: set[asyncio.Timeout] = set()
        self._named = secrets.proxies()
        self._proxies: dict[tuple[str, str | None, int | None], _Proxy | None] = {}
        self._connector = PacedConnector(self._leave, distrusted, most_connections)
        self._headers = dict(headers)
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=Cookies() if keeps_cookies else aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=timeout),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            middlewares=[_ask_once],
            auto_decompress=False,
            max_line_size=_MOST_HEADER_BYTES,
            max_field_size=_MOST_HEADER_BYTES,
            max_headers=_MOST_HEADERS,
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
        text: str | None = None,
        proxy: str | None = None,
        depart: Depart | None = None,
        on_new_connection: bool = False,
    ) -> Answer:
        """Ask once and return the answer, whatever its status is. Raises NoAnswerError.

        The body of the answer is unpacked and in UTF-8. Where the status says enough, the body is what could be
        read of it. ``proxy`` is asked in place of the one of the environment; ``json`` is a
        document to send, ``text`` a text. ``depart`` takes the place of the client's own. A new connection is one
        that has carried no request before.
        """
        journey = Journey(depart or self._depart, on_new_connection)
        try:
            async with journey.deadline:
                self._deadlines.add(journey.deadline)
                try:
                    return await self._ask(url, method, headers, json, text, proxy, journey)
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
        written: str,
        method: str,
        headers: Iterable[tuple[str, str]],
        json: Any,
        text: str | None,
        proxy: str | None,
        journey: Journey,
    ) -> Answer:
        JOURNEY.set(journey)
        bare, authorization = secrets.without_login(secrets.fill_in_url(written, self._variables, self._safe))
        url = address(bare)
        through = _Proxy.of(proxy) if proxy else self._proxy(url)
        sent, login = self._sent(headers, authorization)
        login = (through.authorization or login) if through else ""
        if login and url.scheme == "http":
            sent.append((_FOR_THE_PROXY, login))
        async with self._session.request(
            method,
            url,
            headers=sent,
            json=json,
            data=text,
            allow_redirects=False,
            proxy=through and through.url,
            # What asks for a tunnel is for the proxy, and what is sent through it is for the API.
            proxy_headers={_FOR_THE_PROXY: login} if login else None,
        ) as answer:
            seconds, at = monotonic() - journey.left_at, time()
            if answer.status in _SERVER_ERRORS:
                self._connector.retire(journey.connection)
            body = await self._body(answer)
        return Answer(
            answer.status,
            _readable(answer),
            body,
            seconds,
            left_at=journey.left_at,
            at=at,
            connection=journey.connection,
        )

    def _sent(self, own: Iterable[tuple[str, str]], authorization: str) -> tuple[list[tuple[str, str]], str]:
        """Return the headers of a request, its own in place of the usual ones, and apart what is for a proxy.

        None of them is the session's: aiohttp would send these to a proxy, too, when it asks for a tunnel.
        """
        own = list(own)
        given = {name.lower() for name, _ in own}
        sent = [(name, value) for name, value in self._headers.items() if name.lower() not in given] + own
        if authorization and all(name.lower() != "authorization" for name, _ in sent):
            sent.append(("Authorization", authorization))
        logins = [value for name, value in sent if name.lower() == _FOR_THE_PROXY.lower()]
        if logins:
            sent = [(name, value) for name, value in sent if name.lower() != _FOR_THE_PROXY.lower()]
        return sent, "".join(logins[-1:])

    async def _body(self, answer: ClientResponse) -> bytes:
        """Return the body; where the status says enough, what can be had of it soon."""
        raw: list[bytes] = []
        if answer.status in self._whole:
            await self._read(answer, raw)
            return self._decoded(answer, b"".join(raw))
        try:
            async with asyncio.timeout(_REASON_SECONDS):
                await self._read(answer, raw)
        except (TimeoutError, aiohttp.ClientError, OSError, NoAnswerError):
            answer.close()
        try:
            return self._decoded(answer, b"".join(raw))
        except NoAnswerError:
            return b""

    async def _read(self, answer: ClientResponse, raw: list[bytes]) -> None:
        """Add the body to what is there of it. Raises NoAnswerError where it is too large."""
        size = 0
        async for chunk in answer.content.iter_any():
            size += len(chunk)
            if size > self._most_bytes:
                raise NoAnswerError(Cause.TOO_LARGE, f"the answer is larger than {self._most_bytes:,} bytes")
            raw.append(chunk)

    def _decoded(self, answer: ClientResponse, raw: bytes) -> bytes:
        body = unpacked(raw, answer.headers.getall("Content-Encoding", ()), self._most_bytes)
        return in_utf_8(body, answer.headers.get("Content-Type", ""))

    async def _leave(self, is_usable: Callable[[], bool]) -> bool:
        """Let a request that has a connection go, and start the time that its answer may take."""
        journey = JOURNEY.get()
        if not await journey.depart(is_usable):
            return False
        journey.left_at = monotonic()
        journey.deadline.reschedule(asyncio.get_running_loop().time() + self._timeout)
        return True

    def _proxy(self, url: URL) -> _Proxy | None:
        """Return the proxy that the environment names for a url."""
        key = url.scheme, url.host, url.port
        if key not in self._proxies:
            named = proxies.of(url.scheme, url.host or "", url.port, self._named)
            self._proxies[key] = _Proxy.of(named) if named else None
        return self._proxies[key]


class _Proxy(NamedTuple):
    """A proxy, and the login that it wants to see."""

    url: URL
    authorization: str

    @classmethod
    def of(cls, written: str) -> Self:
        """Take the login out of the url of a proxy."""
        url, authorization = secrets.without_login(written)
        return cls(URL(url), authorization)


def request_headers(usual: Mapping[str, str], config: Config) -> dict[str, str]:
    """Return the headers of each request: the configured ones in place of the usual ones, whatever their case.

    A user and password in the url are one of them, unless ``headers`` has another Authorization.
    """
    variables = secrets.of(config)
    _, authorization = secrets.without_login(secrets.fill_in_url(config.url, variables))
    own = {name: secrets.fill_in(text, variables) for name, text in config.headers.items()}
    given = {name.lower() for name in own}
    login = {"Authorization": authorization} if authorization and "authorization" not in given else {}
    return {name: value for name, value in usual.items() if value and name.lower() not in given} | login | own


def _readable(answer: ClientResponse) -> Mapping[str, str]:
    """Return the headers of an answer; what is not UTF-8 in them is read as the Latin-1 that it used to be."""
    if all(map(str.isascii, answer.headers.values())):
        return answer.headers
    readable = answer.headers.copy()
    readable.clear()
    readable.extend((name, _text(value)) for name, value in answer.headers.items())
    return readable


def _text(value: str) -> str:
    raw = value.encode(errors="surrogateescape")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


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
    return cause, _message(error, cause)


def _message(error: Exception, cause: Cause) -> str:
    """Say what happened. aiohttp itself says 400 for an answer that is not HTTP: a status that no server sent."""
    broken = _broken(error)
    if cause is Cause.NOT_IN_TIME:
        return "no whole answer in time"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        hint = (
            ": check the user and password in the variable that names the proxy" if error.status == _LOGIN else ""
        )
        return f"the proxy opens no tunnel, it answers {error.status}{hint}"
    if cause is Cause.CUT_SHORT:
        return f"the body ends too early, or is not framed as it says: {broken or 'the connection was closed'}"
    if isinstance(error, aiohttp.ClientResponseError):
        return f"the answer is not HTTP as it has to be: {broken or error.message}"
    return str(error) or type(error).__name__


def _broken(error: BaseException | None) -> str:
    """Return what the parser of HTTP found, on one line; empty where the error is another one."""
    while error is not None and not isinstance(error, HttpProcessingError):
        error = error.__cause__
    return " ".join(error.message.split()) if error else ""


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
