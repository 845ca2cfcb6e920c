"""The mock API of an environment with ``mock: true``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Self, cast

from scrapy import signals
from scrapy.exceptions import CloseSpider, NotConfigured

from lifestats_crawler.api.mock_process import MockProcess
from lifestats_crawler.ending import NOT_STARTED_BECAUSE, Ending
from lifestats_crawler.exceptions import MockError

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from lifestats_crawler.crawl.state import CrawlingSpider

logger = logging.getLogger(__name__)


class MockApi:
    """Start the mock API before the first request, and stop it after the last."""

    def __init__(self, crawler: Crawler, process: MockProcess) -> None:
        """Look after a mock."""
        self._crawler = crawler
        self._process = process

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Decline in an environment without ``mock: true``."""
        config = cast("CrawlingSpider", crawler.spider).crawl.config
        if not config.mock:
            raise NotConfigured  # without a reason: Scrapy would log it as a warning
        extension = cls(crawler, MockProcess(config))
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        crawler.signals.connect(extension.engine_stopped, signals.engine_stopped)
        return extension

    async def spider_opened(self, spider: CrawlingSpider) -> None:
        """Start the mock, and send the spider to it."""
        try:
            url = await self._process.start()
        except MockError as error:
            self._crawler.stats.set_value(NOT_STARTED_BECAUSE, str(error))
            raise CloseSpider(Ending.MOCK_FAILED.word) from None
        spider.use_url(url)
        logger.info("Mock API at %s", url)

    async def engine_stopped(self) -> None:
        """Stop the mock."""
        await self._process.stop()
