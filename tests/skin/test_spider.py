"""The callback on answers recorded from an API (scrapy-mock replays their bodies)."""

from __future__ import annotations

import asyncio

import pytest
from scrapy import Request
from scrapy.exceptions import DownloadTimeoutError
from scrapy.http import Response
from scrapy.utils.test import get_crawler
from twisted.python.failure import Failure

from lifestats_crawler.crawl.asks import TalkAsk
from lifestats_crawler.exceptions import RunError
from lifestats_crawler.spiders.lifestats import LifestatsSpider
from tests.conftest import FIRST

URL = "http://127.0.0.1:4567/foodstats?offset=658330693&limit=100"


@pytest.mark.parametrize("url", [URL])
async def test_a_recorded_page_waits_for_its_proof_while_its_chain_goes_on(spider, response):
    spider.crawler.engine.most = 3
    _, ask, *_ = spider.walk.begin()  # the first one asks for the last ids
    ask.chain.end = FIRST + 1000
    assert [output async for output in spider.parse(response, ask)] == [], "nothing counts before it is proven"
    ((held,),) = [[*spider.walk.checking.held()]]
    assert held.begin == FIRST
    asked = spider.crawler.engine.asked[0]
    assert asked.url == URL.replace(str(FIRST), str(held.end))
    proof, audit = spider.crawler.engine.scheduled
    assert all(isinstance(request.cb_kwargs["ask"], TalkAsk) for request in (audit, proof))
    record = proof.cb_kwargs["ask"].first
    assert FIRST < record < held.end
    assert proof.url == URL.replace(str(FIRST), str(record)), "a record must be shown where it is asked for"


async def test_a_page_of_another_status_is_asked_for_again_later(spider):
    ask, *_ = spider.walk.begin()
    asked = Request(spider.crawl.dialect.url(ask.first))
    answer = Response(asked.url, status=503, body=b"{}", request=asked)
    assert [output async for output in spider.parse(answer, ask)] == []
    (again,) = spider.crawler.engine.asked
    assert again.url == asked.url
    assert again.meta["lifestats_not_before"] > 0
    assert spider.crawl.retried == 1


async def test_a_first_page_that_did_not_arrive_is_asked_for_again(spider):
    ask, *_ = spider.walk.begin()
    failure = Failure(DownloadTimeoutError("no whole answer in time"))
    failure.request = Request(spider.crawl.dialect.url(ask.first), cb_kwargs={"ask": ask})
    assert [output async for output in spider.failed(failure)] == []
    (again,) = spider.crawler.engine.asked
    assert again.url == failure.request.url
    assert ask.chain.failures == 1


def test_chains_for_places_that_nobody_takes_are_scheduled(spider):
    asks = list(spider.walk.begin())
    spider.grow()
    assert spider.crawler.engine.scheduled == [], "the first ones are in Scrapy's queue"
    spider.crawl.pacer.booked = len(asks)
    spider.grow()
    assert len(spider.crawler.engine.scheduled) == 5
    for request in spider.crawler.engine.scheduled:
        assert (request.callback, request.errback) == (spider.parse, spider.failed)
        assert request.url == spider.crawl.dialect.url(request.cb_kwargs["ask"].first)


async def test_while_the_storage_is_behind_no_chain_asks_for_more_to_keep_in_memory(spider):
    spider.crawler.engine.most = 2
    spider.crawl.storage_keeps_up.clear()
    ask, *_ = spider.walk.begin()
    walking = asyncio.ensure_future(anext(spider.parse(Response(URL, status=503), ask), None))
    await asyncio.sleep(0)
    assert (walking.done(), spider.crawler.engine.asked) == (False, [])
    spider.crawl.storage_keeps_up.set()
    await walking
    assert len(spider.crawler.engine.asked) > 0


async def test_a_crawl_that_stops_itself_closes_the_spider_with_the_word_of_its_ending(spider):
    ask, *_ = spider.walk.begin()
    assert [output async for output in spider.parse(Response(URL, status=401), ask)] == []
    await asyncio.sleep(0)
    assert spider.crawler.engine.closed == ["refused"]


def test_an_argument_that_is_not_ours_is_refused_and_scrapyd_s_is_taken(crawler):
    with pytest.raises(RunError, match="unknown argument -a rnu; the only one is -a run=NAME"):
        LifestatsSpider.from_crawler(crawler, rnu="new")
    spider = LifestatsSpider.from_crawler(crawler, run="mine", _job="abc")
    assert (spider.crawl.run.name, spider._job) == ("mine", "abc")  # noqa: SLF001  # scrapyd's
    spider.crawl.run.close()


def test_a_spider_that_cannot_be_made_lets_its_run_go(settings, tmp_path):
    crawler = get_crawler(LifestatsSpider, settings | {"CONCURRENT_REQUESTS": "many"})
    with pytest.raises(ValueError, match="many"):
        LifestatsSpider.from_crawler(crawler, run="mine")
    assert not (tmp_path / "runs" / "test" / "mine").exists()
