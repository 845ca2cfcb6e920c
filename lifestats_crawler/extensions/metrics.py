"""Metrics of a crawl: a text file for Prometheus' node exporter, and an endpoint for itself."""

from __future__ import annotations

import asyncio
import logging
from time import time
from typing import TYPE_CHECKING, Self, cast

from scrapy import signals
from scrapy.exceptions import NotConfigured

from lifestats_crawler.ending import COMPLETE

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapy.crawler import Crawler

    from lifestats_crawler.config.model import Config
    from lifestats_crawler.crawl.state import Crawl, CrawlingSpider
    from lifestats_crawler.extensions.prometheus import RunCollector

logger = logging.getLogger(__name__)

_EVERY_SECONDS = 15.0  # between two writes of the file


class Metrics:
    """Serve or write the metrics of a crawl, from its beginning to its end."""

    def __init__(self, crawler: Crawler, config: Config, collector: Callable[[Crawl], RunCollector]) -> None:
        """Take the file and the port from the configuration, and the figures from a collector of a crawl's."""
        self._crawler = crawler
        self._config = config
        self._collector = collector
        self._watch: asyncio.Task[None] | None = None
        self._close: Callable[[], None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Decline where neither is configured."""
        config = cast("CrawlingSpider", crawler.spider).crawl.config
        if config.metrics_file is None and config.metrics_port is None:
            raise NotConfigured  # without a reason: Scrapy would log it as a warning
        from lifestats_crawler.extensions.prometheus import RunCollector  # noqa: PLC0415  # its package is optional

        extension = cls(crawler, config, RunCollector)
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        return extension

    def spider_opened(self, spider: CrawlingSpider) -> None:
        """Open the endpoint, and write the file now and then."""
        self._figures = self._collector(spider.crawl)
        if self._config.metrics_port is not None:
            self._serve(self._config.metrics_host, self._config.metrics_port)
        if self._config.metrics_file is not None:
            self._watch = asyncio.ensure_future(self._write_on(self._config.metrics_file))

    def spider_closed(self) -> None:
        """Write how it ended, and close the endpoint."""
        self._figures.ended_at = time()
        self._figures.is_complete = bool(self._crawler.stats.get_value(COMPLETE))
        if self._watch and self._config.metrics_file is not None:
            self._watch.cancel()
            self._write(self._config.metrics_file)
        if self._close:
            self._close()

    def _serve(self, host: str, port: int) -> None:
        try:
            self._close = self._figures.serve(host, port)
        except OSError as error:
            # Metrics are not what the crawl is for: it goes on.
            logger.warning("No metrics on %s:%d: %s; choose another metrics_port", host, port, error)

    async def _write_on(self, path: str) -> None:
        while True:
            self._write(path)
            await asyncio.sleep(_EVERY_SECONDS)

    def _write(self, path: str) -> None:
        try:
            self._figures.write(path)
        except OSError as error:
            logger.warning("No metrics in %s: %s", path, error.strerror)
