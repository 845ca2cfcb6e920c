"""The callback on answers recorded from an API (scrapy-mock replays their bodies)."""

from __future__ import annotations

import pytest
from scrapy import Request
from scrapy.http import Response
from scrapy.utils.test import get_crawler

from lifestats_crawler.items import Tally
from lifestats_crawler.ranges import IdRange
from lifestats_crawler.spiders.lifestats import LifestatsSpider

FIRST = 658330693
URL = "http://127.0.0.1:4567/foodstats?offset=658330693&limit=100"


class Engine:
    """What the callbacks ask of Scrapy's engine: whether it goes on."""

    running = True


@pytest.fixture
def spider(crawls):
    crawls.configure(url="http://127.0.0.1:4567/foodstats?offset={cursor}&limit={limit}", results_per_page=100)
    settings = {"ENV": "test", "LIFESTATS_CONFIG": str(crawls.config), "LOG_ENABLED": False}
    crawler = get_crawler(LifestatsSpider, settings)
    crawler.engine = Engine()
    spider = LifestatsSpider.from_crawler(crawler)
    yield spider
    spider.run.close()


@pytest.mark.parametrize("url", [URL])
def test_a_recorded_page_becomes_one_tally_and_the_next_request(spider, response):
    chain, *_ = spider.frontier.start()
    chain.end = FIRST + 1000
    tally, request = spider.parse(response, chain)
    assert isinstance(tally, Tally)
    assert tally.settles == IdRange(FIRST, tally.next)
    assert tally.records == len(tally.keys["foods"]) == len(tally.keys["categories"]) == 100
    assert request.url == URL.replace(str(FIRST), str(tally.next))
    assert request.errback == spider.failed


def test_a_page_of_another_status_is_asked_for_again_later(spider):
    chain = next(spider.frontier.start())
    asked = spider.ask(chain)
    answer = Response(asked.url, status=503, body=b"{}", request=asked)
    (again,) = spider.parse(answer, chain)
    assert again.url == asked.url
    assert again.meta["lifestats_not_before"] > 0
    assert spider.crawler.stats.get_value("lifestats/retries") == 1
    assert isinstance(again, Request)
