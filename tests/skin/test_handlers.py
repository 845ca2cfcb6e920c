from __future__ import annotations

import asyncio
import logging
import re
from random import Random
from time import monotonic, time
from types import SimpleNamespace

import pytest
from aiohttp import web
from scrapy import Request
from scrapy.exceptions import DownloadConnectionRefusedError, IgnoreRequest
from scrapy.settings import Settings

from lifestats_crawler.crawl.throttle import Throttle
from lifestats_crawler.downloader.pacer import Pacer
from lifestats_crawler.exceptions import Cause
from lifestats_crawler.handlers import PacedDownloadHandler, most_bytes, usual_headers
from lifestats_crawler.items import Answer
from lifestats_crawler.spiders.lifestats import _answer


@pytest.mark.parametrize(
    ("settings", "usual"),
    [
        (
            {"DEFAULT_REQUEST_HEADERS": {"Accept": "a"}, "USER_AGENT": "me"},
            {"Accept-Encoding": "gzip, deflate", "Accept": "a", "User-Agent": "me"},
        ),
        (
            {"DEFAULT_REQUEST_HEADERS": '{"Accept": "a"}', "USER_AGENT": None, "COMPRESSION_ENABLED": "0"},
            {"Accept": "a", "User-Agent": None},
        ),
        (
            {"DEFAULT_REQUEST_HEADERS": {"accept-encoding": "br"}, "USER_AGENT": "me"},
            {"accept-encoding": "br", "User-Agent": "me"},
        ),
    ],
    ids=["settings.py", "the command line", "another coding"],
)
def test_the_usual_headers_are_those_of_scrapys_settings(settings, usual):
    assert usual_headers(Settings(settings)) == usual


@pytest.mark.parametrize(("setting", "most"), [(1000, 1000), ("0", 2**40)])
def test_the_largest_answer_is_that_of_scrapys_setting_and_0_is_no_limit(setting, most):
    assert most_bytes(Settings({"DOWNLOAD_MAXSIZE": setting})) == most


class Server:
    """Answers with the statuses that it is given, then with 200; keeps the cursors and the connections."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.asked: list[str] = []
        self.transports: list[object] = []
        self.under_way = self.most = 0
        self.latency = 0.0
        self.url = ""

    async def handle(self, request) -> web.StreamResponse:
        self.asked.append(request.query["offset"])
        self.transports.append(request.transport)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(self.latency)
        self.under_way -= 1
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    def request(self, number: int, **meta) -> Request:
        return Request(f"{self.url}?offset={number}", meta={"verbatim_url": True} | meta)


@pytest.fixture
async def server():
    server = Server()
    runner = web.ServerRunner(web.Server(server.handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield server
    await runner.cleanup()


@pytest.fixture
async def handler(crawler, spider):
    crawler.engine.downloader = SimpleNamespace(slots={})
    spider.crawl.throttle = Throttle(Random(1))
    handler = PacedDownloadHandler(crawler)
    yield handler
    await handler.close()


async def test_what_is_known_of_an_answer_reaches_the_spider(handler, server):
    server.statuses = [429]
    response = await handler.download_request(server.request(1))
    answer = _answer(response)
    assert (answer.status, answer.connection, answer.cause) == (429, 1, None)
    assert 0 < answer.left_at < monotonic()
    assert answer.at == pytest.approx(time(), abs=5)
    assert answer.headers["Content-Length"] == "0"
    assert response.meta["download_latency"] == answer.seconds > 0


async def test_what_is_known_of_an_error_reaches_the_spider(handler):
    with pytest.raises(DownloadConnectionRefusedError) as caught:
        await handler.download_request(Request("http://127.0.0.1:9/?offset=1"))
    answer = _answer(caught.value)
    assert answer.error.startswith("DownloadConnectionRefusedError: ")
    assert (answer.cause, answer.left_at, answer.connection) == (Cause.NO_CONNECTION, 0.0, 0)
    assert answer.at == pytest.approx(time(), abs=5)


async def test_in_a_pause_or_a_hold_only_what_goes_through_is_sent(handler, server, spider):
    pacer = spider.crawl.pacer
    pacer.pause()
    waiting = [asyncio.ensure_future(handler.download_request(server.request(number))) for number in range(3)]
    await asyncio.sleep(0.05)
    await handler.download_request(server.request(9, lifestats_through=True))
    assert server.asked == ["9"]
    pacer.resume(monotonic())
    await asyncio.gather(*waiting)
    assert (server.asked[0], sorted(server.asked)) == ("9", ["0", "1", "2", "9"])
    pacer.hold(monotonic() + 60)
    await handler.download_request(server.request(10, lifestats_through=True, lifestats_new_connection=True))
    assert server.asked[-1] == "10"
    assert server.transports[-1] not in server.transports[:-1]


@pytest.mark.parametrize("waits_for", ["pause", "gate"])
async def test_when_the_crawl_stops_whatever_waits_is_turned_down(handler, server, spider, crawler, waits_for):
    if waits_for == "pause":
        spider.crawl.pacer.pause()
    else:
        spider.crawl.concurrency.limit = spider.crawl.concurrency.inside = 1
    waiting = [asyncio.ensure_future(handler.download_request(server.request(number))) for number in range(3)]
    await asyncio.sleep(0.05)
    crawler.engine.most = 0
    turned_down = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(error) for error in turned_down] == [IgnoreRequest] * 3
    assert spider.crawl.concurrency.inside == (waits_for == "gate")
    assert (spider.crawl.concurrency.under_way, server.asked) == (0, [])


async def test_no_more_requests_are_under_way_than_the_limit_also_of_those_that_had_a_place_before(
    handler, server, spider, monkeypatch
):
    spider.crawl.pacer = Pacer(50)
    monkeypatch.setattr(spider.crawl.concurrency, "good", lambda: False)  # it stays as it is
    server.latency = 0.05
    waiting = [asyncio.ensure_future(handler.download_request(server.request(number))) for number in range(12)]
    await asyncio.sleep(0.01)
    assert spider.crawl.concurrency.inside == 12
    spider.crawl.concurrency.limit = 2
    await asyncio.gather(*waiting)
    assert server.most <= 2
    assert sorted(map(int, server.asked)) == list(range(12))
    assert (spider.crawl.pacer.booked, spider.crawl.pacer.departed) == (12, 12)


async def test_the_log_says_once_that_fewer_connections_are_open(handler, server, spider, caplog):
    spider.crawl.pacer = Pacer(None)
    caplog.set_level(logging.INFO)
    await handler.download_request(server.request(0))
    nobody = [handler.download_request(Request("http://127.0.0.1:9/?offset=1")) for _ in range(9)]
    errors = await asyncio.gather(*nobody, return_exceptions=True)
    assert [type(error) for error in errors] == [DownloadConnectionRefusedError] * 9
    await asyncio.gather(*(handler.download_request(server.request(number)) for number in range(30)))
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]
    first, second = [message for message in told if "at once" in message]
    assert first.startswith("Some connections are refused while others work (Cannot connect to host")
    assert "at most 4 connections are open at once" in first
    assert "takes no more than about 4 connections at once" in second


@pytest.mark.parametrize(
    ("seconds", "until"), [("30", ""), ("7200", r", until 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC")]
)
async def test_a_hold_is_told_with_its_status_its_seconds_and_if_it_is_long_its_end(
    handler, spider, caplog, seconds, until
):
    answer = Answer(529, {"Retry-After": seconds}, left_at=monotonic(), at=time())
    handler._heed(answer)  # noqa: SLF001
    assert re.fullmatch(
        rf"The server answered 529; no request is sent for {seconds}\.0 s{until}", caplog.messages[-1]
    )
    assert spider.crawl.pacer.held_for(monotonic()) == pytest.approx(float(seconds), abs=1)
