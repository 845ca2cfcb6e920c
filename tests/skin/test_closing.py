"""Whoever closes the spider ends the crawl, and the report has the reason."""

from __future__ import annotations

import asyncio

import pytest
from scrapy import signals
from scrapy.exceptions import CloseSpider
from twisted.python.failure import Failure

from lifestats_crawler.ending import Ending
from lifestats_crawler.extensions.closing import Closing


@pytest.fixture
def engine(crawler, spider):
    crawler.engine.is_idle = False
    crawler.engine.spider_is_idle = lambda: crawler.engine.is_idle
    extension = Closing.from_crawler(crawler)
    extension.spider_opened(spider)
    crawler.kept_extension = extension  # receivers are held weakly
    return crawler.engine


@pytest.mark.parametrize(
    ("reason", "ending", "word"),
    [
        ("closespider_timeout", Ending.CLOSED, "closespider_timeout"),
        ("enough", Ending.CLOSED, "enough"),
        ("shutdown", Ending.SHUTDOWN, "shutdown"),
        ("finished", Ending.CLOSED, "cancelled"),
    ],
)
async def test_a_spider_that_is_closed_ends_the_crawl_with_the_reason(engine, spider, reason, ending, word):
    await engine.close_spider_async(reason=reason)
    assert spider.crawl.ending is ending
    assert spider.crawl.finish_reason(Ending.FINISHED) == word
    assert engine.closed == [word]


async def test_a_spider_that_has_nothing_left_to_do_has_finished(engine, spider):
    engine.is_idle = True
    await engine.close_spider_async(reason="finished")
    assert (spider.crawl.ending, engine.closed) == (None, ["finished"])


async def test_what_the_crawl_has_stopped_for_itself_stays_its_reason(engine, spider):
    spider.crawl.ending = Ending.OUTAGE
    await engine.close_spider_async(reason="memusage_exceeded")
    assert spider.crawl.finish_reason(Ending.FINISHED) == "outage"


@pytest.mark.parametrize("is_async", [False, True])
async def test_close_spider_from_any_signal_handler_closes_the_spider(engine, crawler, spider, is_async):
    def enough():
        raise CloseSpider("enough")

    crawler.signals.connect(enough, signals.item_scraped)
    if is_async:
        await crawler.signals.send_catch_log_async(signals.item_scraped)
    else:
        crawler.signals.send_catch_log(signals.item_scraped)
    await asyncio.sleep(0)
    assert engine.closed == ["enough"]
    assert spider.crawl.ending is Ending.CLOSED


async def test_close_spider_from_a_pipeline_closes_the_spider(engine, crawler):
    failures = [Failure(ValueError("no")), Failure(CloseSpider())]
    for failure in failures:
        await crawler.signals.send_catch_log_async(signals.item_error, failure=failure)
        await asyncio.sleep(0)
    assert engine.closed == ["cancelled"]
