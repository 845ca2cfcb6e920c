"""Extensions: the mock API of an environment with ``mock: true``, more chains for a slow server, a whole end."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Self

from scrapy import signals
from scrapy.exceptions import CloseSpider, NotConfigured

from lifestats_crawler.addons import load_config
from lifestats_crawler.api.mock_process import MockProcess
from lifestats_crawler.crawl.growth import LOOK_AHEAD
from lifestats_crawler.exceptions import MockError

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

#: The key of Scrapy's stats that has why a crawl could not start.
NOT_STARTED_BECAUSE = "lifestats/not_started_because"
_LOOK_UP = 0.05  # seconds


class Growth:
    """Look now and then whether the spider starts more chains."""

    def __init__(self, crawler: Crawler) -> None:
        """Look after the chains of a crawl."""
        self._crawler = crawler
        self._watch: asyncio.Task[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Watch from the first request to the last."""
        extension = cls(crawler)
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        return extension

    def spider_opened(self, spider: Any) -> None:
        """Start to watch."""
        self._watch = asyncio.ensure_future(self._keep_up(spider))

    def spider_closed(self) -> None:
        """Stop watching."""
        if self._watch:
            self._watch.cancel()

    async def _keep_up(self, spider: Any) -> None:
        while True:
            await asyncio.sleep(LOOK_AHEAD)
            for request in spider.grow():
                self._crawler.engine.crawl(request)


class FinishFirst:
    """Keep the process until the spider is closed, its report written and whoever is to know told.

    Scrapy does not, when the first signal comes while the spider closes already.
    """

    def __init__(self, crawler: Crawler) -> None:
        """Wait for the spider of a crawl."""
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Wait when the engine has stopped."""
        extension = cls(crawler)
        crawler.signals.connect(extension.engine_stopped, signals.engine_stopped)
        return extension

    async def engine_stopped(self) -> None:
        """Wait; a second signal ends that."""
        while self._crawler.engine.spider is not None:
            await asyncio.sleep(_LOOK_UP)


class MockApi:
    """Start the mock API before the first request, and stop it after the last."""

    def __init__(self, crawler: Crawler, process: MockProcess) -> None:
        """Look after a mock."""
        self._crawler = crawler
        self._process = process

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Decline in an environment without ``mock: true``."""
        config = load_config(crawler.settings)
        if not config.mock:
            raise NotConfigured
        extension = cls(crawler, MockProcess(config))
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        crawler.signals.connect(extension.engine_stopped, signals.engine_stopped)
        return extension

    async def spider_opened(self, spider: Any) -> None:
        """Start the mock, and send the spider to it."""
        try:
            url = await self._process.start()
        except MockError as error:
            self._crawler.stats.set_value(NOT_STARTED_BECAUSE, str(error))
            raise CloseSpider("mock_failed") from None
        spider.use_url(url)
        logger.info("Mock API at %s", url)

    async def engine_stopped(self) -> None:
        """Stop the mock."""
        await self._process.stop()
