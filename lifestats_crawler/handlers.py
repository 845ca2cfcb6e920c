"""The download handler: where requests leave, and so the place that keeps the pace."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from functools import partial
from math import inf
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

from lifestats_crawler.api import answers
from lifestats_crawler.config import secrets
from lifestats_crawler.crawl.gate import Gate
from lifestats_crawler.downloader.client import Client, request_headers
from lifestats_crawler.downloader.decoding import ACCEPTED
from lifestats_crawler.downloader.pacer import SLACKS
from lifestats_crawler.exceptions import Cause, NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

    from lifestats_crawler.crawl.state import CrawlingSpider
    from lifestats_crawler.items import Answer

logger = logging.getLogger(__name__)

# Keys of Request.meta.
#: The time.monotonic() before which the request may not leave.
NOT_BEFORE = "lifestats_not_before"
#: Whether it leaves in spite of a hold or a pause of the pacer's, and of a limit of requests at once.
THROUGH = "lifestats_through"
#: Whether it leaves on a connection that has carried no request before.
NEW_CONNECTION = "lifestats_new_connection"
#: Set by the handler: its Answer.
ANSWER = "lifestats_answer"

_WORTH_SAYING_SECONDS = 1.0  # by which a hold becomes longer
_LONG_SECONDS = 60.0  # a hold
_LOOK_UP_SECONDS = 0.5  # between two looks whether the crawl is being stopped
_NO_LIMIT_BYTES = 2**40
_GRACE_SECONDS = 2.0  # that requests under way get to finish when it is

#: What may say that there are too many at once: of what, and how the log says it.
_SIGNS = {
    Cause.NO_CONNECTION: ("connections", "Some connections are refused while others work"),
    Cause.LOST: ("connections", "Some connections are lost while others work"),
    Cause.NOT_IN_TIME: ("requests", "Some answers do not come in time while others do"),
}

_SCRAPYS = {
    Cause.NOT_IN_TIME: DownloadTimeoutError,
    Cause.UNKNOWN_HOST: CannotResolveHostError,
    Cause.NO_CONNECTION: DownloadConnectionRefusedError,
    Cause.LOST: DownloadFailedError,
    Cause.CUT_SHORT: ResponseDataLossError,
    Cause.TOO_LARGE: DownloadCancelledError,
    Cause.UNREADABLE: DownloadFailedError,
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
        self._crawl = crawl = cast("CrawlingSpider", crawler.spider).crawl
        self._gate = Gate(crawl.concurrency)
        self._watch = asyncio.ensure_future(self._end_when_stopping())
        self._crowd = ""  # of what the server takes too few
        self._is_crowd_told = self._is_slack_told = False
        self._client = Client(
            secrets.of(crawl.config),
            request_headers(usual_headers(settings), crawl.config),
            timeout=settings.getfloat("DOWNLOAD_TIMEOUT"),
            most_bytes=most_bytes(settings),
            distrusted=crawl.distrusted,
            most_connections=lambda: crawl.concurrency.most,
            keeps_cookies=settings.getbool("COOKIES_ENABLED"),
        )

    async def download_request(self, request: Request) -> Response:
        """Wait for a place, ask once and return the answer, whatever its status is.

        Raises Scrapy's download errors, which reach the request's errback, each caused by a NoAnswerError;
        IgnoreRequest for one that was still waiting when the crawl was stopped.
        """
        through = bool(request.meta.get(THROUGH))
        await self._sleep_until(request.meta.get(NOT_BEFORE, 0))
        answer = None
        while answer is None:
            await self._gate.enter(through=through)
            try:
                now = monotonic()
                await self._sleep_until(now + self._crawl.pacer.reserve(now, through=through))
                if through or self._crawl.concurrency.may_leave:
                    answer = await self._ask(request, through=through)
                else:
                    self._crawl.pacer.give_back()
            finally:
                self._gate.leave()
        request.meta["download_latency"] = answer.seconds
        request.meta[ANSWER] = answer
        headers = list(answer.headers.items())
        return Response(request.url, answer.status, headers, answer.body, request=request)

    async def close(self) -> None:
        """Close the connections."""
        self._watch.cancel()
        await self._client.close()

    async def _ask(self, request: Request, *, through: bool) -> Answer:
        began = monotonic()
        self._crawl.concurrency.under_way += 1
        try:
            answer = await self._client.ask(
                request.url,
                method=request.method,
                headers=request.headers.to_tuple_list(),  # what a middleware has added
                proxy=request.meta.get("proxy"),
                depart=partial(self._depart, through=through),
                on_new_connection=bool(request.meta.get(NEW_CONNECTION)),
            )
            self._heed(answer)
        except NoAnswerError as error:
            if error.cause in _SIGNS and self._crawl.concurrency.lost(error.left_at or began, monotonic()):
                of, sign = _SIGNS[error.cause]
                self._tell_crowd(of, f"{sign} ({error})")
            raise _SCRAPYS[error.cause](str(error)) from error
        finally:
            self._crawl.concurrency.under_way -= 1
        return answer

    async def _depart(self, is_usable: Callable[[], bool], *, through: bool) -> bool:
        """Wait until the pacer lets a request go that has a connection; return whether it has gone."""
        pacer = self._crawl.pacer
        await self._sleep_until(0)
        while is_usable():
            wait = pacer.depart(now := monotonic(), through=through)
            if wait <= 0:
                return True
            if wait == inf:
                await self._end_of_pause()
                now = monotonic()
                wait = pacer.rebook(now)
            await self._sleep_until(now + wait)
        return False

    async def _end_of_pause(self) -> None:
        resumed = asyncio.Event()
        self._crawl.pacer.when_resumed(lambda _: resumed.set())
        await resumed.wait()

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
        # What waits is turned down as it goes on.
        self._gate.open()
        self._crawl.pacer.resume(monotonic())
        # Closing the session would leave them waiting for ever.
        self._client.hurry(_GRACE_SECONDS)

    def _heed(self, answer: Answer) -> None:
        """Hold every request, not just the one that was told, when the server asks for it."""
        crawl, now = self._crawl, monotonic()
        pause = crawl.throttle.take(answer, now)
        if pause.seconds:
            if pause.seconds > crawl.pacer.held_for(now) + _WORTH_SAYING_SECONDS:
                until = f", until {_utc(answer.at + pause.seconds)}" if pause.seconds > _LONG_SECONDS else ""
                logger.warning(
                    "The server answered %d; no request is sent for %.1f s%s", answer.status, pause.seconds, until
                )
            crawl.pacer.hold(now + pause.seconds)
            crawl.diary.pause(f"status {answer.status}", now, now + pause.seconds)
        if pause.is_unexplained and (slack := crawl.pacer.widen(answer.left_at, now)):
            self._tell_slack(slack)
        if pause.is_crowded and crawl.concurrency.crowded(answer.left_at, now):
            self._tell_crowd(
                "requests", f"Some requests get {answer.status} right after a pause while others are answered"
            )
        if answer.status in answers.SUCCESSES and crawl.concurrency.good() and not self._is_crowd_told:
            self._is_crowd_told = True
            many = (crawl.concurrency.limit or 1) - 1
            logger.info("The server takes no more than about %d %s at once", many, self._crowd)

    def _tell_slack(self, slack: float) -> None:
        """Say, once, that the pace is a little slower from now on."""
        window = self._crawl.pacer.window
        logger.log(
            logging.DEBUG if self._is_slack_told else logging.WARNING,
            "The server refused a request (429) although no more than %g had left in any %g s: it counts more"
            " strictly. From now on the same number leaves in %g s. strict_rate: true begins with %g s",
            *(round(window * (self._crawl.config.rate_limit or 0)), window),
            *(round(window * (1 + slack), 4), round(window * (1 + SLACKS[1]), 4)),
        )
        self._is_slack_told = True

    def _tell_crowd(self, of: str, sign: str) -> None:
        """Say, once, that there will be fewer requests at once."""
        level = logging.DEBUG if self._crowd else logging.WARNING
        self._crowd = self._crowd or of
        fewer = "%s: from now on at most %d %s are open at once, and more again while the answers are good"
        logger.log(level, fewer, sign, self._crawl.concurrency.limit, of)


def usual_headers(settings: BaseSettings) -> dict[str, str]:
    """Return the headers that Scrapy's settings ask for."""
    packed = {"Accept-Encoding": ACCEPTED} if settings.getbool("COMPRESSION_ENABLED") else {}
    given = settings.getdict("DEFAULT_REQUEST_HEADERS")
    asked = {name.lower() for name in given}
    own = given | {"User-Agent": settings["USER_AGENT"]}
    return {name: value for name, value in packed.items() if name.lower() not in asked} | own


def most_bytes(settings: BaseSettings) -> int:
    """Return how large an answer may be; 0 stands for no limit, as in Scrapy's manual."""
    return settings.getint("DOWNLOAD_MAXSIZE") or _NO_LIMIT_BYTES


def _utc(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
