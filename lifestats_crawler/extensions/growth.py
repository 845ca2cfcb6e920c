"""More chains for a slow server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from scrapy import signals

from lifestats_crawler.crawl.growth import LOOK_AHEAD_SECONDS

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from lifestats_crawler.crawl.state import CrawlingSpider


class Growth:
    """Look now and then whether the spider starts more chains."""

    def __init__(self) -> None:
        """Look after nothing yet."""
        self._watch: asyncio.Task[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Watch from the first request to the last."""
        extension = cls()
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        return extension

    def spider_opened(self, spider: CrawlingSpider) -> None:
        """Start to watch."""
        self._watch = asyncio.ensure_future(self._keep_up(spider))

    def spider_closed(self) -> None:
        """Stop watching."""
        if self._watch:
            self._watch.cancel()

    async def _keep_up(self, spider: CrawlingSpider) -> None:
        while True:
            await asyncio.sleep(LOOK_AHEAD_SECONDS)
            spider.grow()
