"""A spider and its crawler, with an engine that asks nobody."""

from __future__ import annotations

import pytest
from scrapy.exceptions import IgnoreRequest
from scrapy.utils.test import get_crawler

from lifestats_crawler.spiders.lifestats import LifestatsSpider
from tests.configurations import write_config
from tests.conftest import FIRST


class Engine:
    """What is asked of Scrapy's engine: whether it goes on, and pages; after some it stops."""

    start_time = 0.0

    def __init__(self) -> None:
        self.most = 1
        self.asked = []
        self.scheduled = []
        self.closed = []

    @property
    def running(self) -> bool:
        return len(self.asked) < self.most

    async def download_async(self, request):
        self.asked.append(request)
        raise IgnoreRequest("stopped")

    def crawl(self, request) -> None:
        self.scheduled.append(request)

    async def close_spider_async(self, reason) -> None:
        self.closed.append(reason)


@pytest.fixture
def settings(tmp_path):
    url = "http://127.0.0.1:4567/foodstats?offset={cursor}&limit={limit}"
    changes = {"results_per_page": 100, "rate_limit": 100, "subsets": 20, "last_id": FIRST + 99_999}
    return {
        "CONCURRENT_REQUESTS": 400,
        "ENV": "test",
        "LIFESTATS_CONFIG": str(write_config(tmp_path, url=url, **changes)),
        "LOG_ENABLED": False,
    }


@pytest.fixture
def crawler(settings):
    crawler = get_crawler(LifestatsSpider, settings)
    crawler.engine = Engine()
    return crawler


@pytest.fixture
def spider(crawler):
    spider = crawler.spider = LifestatsSpider.from_crawler(crawler)
    yield spider
    spider.crawl.run.close()
