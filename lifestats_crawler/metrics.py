"""Metrics for Prometheus: a text file for its node exporter, and an endpoint for itself."""

from __future__ import annotations

import asyncio
import logging
from time import time
from typing import TYPE_CHECKING, Any, Self

from prometheus_client import CollectorRegistry, start_http_server, write_to_textfile
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from scrapy import signals
from scrapy.exceptions import NotConfigured

from lifestats_crawler.addons import load_config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric
    from scrapy.crawler import Crawler

    from lifestats_crawler.config import Config

logger = logging.getLogger(__name__)

_EVERY = 15.0  # seconds between two writes of the file


class RunCollector:
    """The figures of the run that is being crawled, read when they are asked for."""

    def __init__(self, spider: Any) -> None:
        """Read them from a spider."""
        self._spider = spider
        self.ended_at: float | None = None
        self.is_complete = False

    def collect(self) -> Iterator[Metric]:
        """Yield each metric, by the Prometheus conventions for names and units."""
        spider = self._spider
        before = spider.settled_before
        yield self._counter("requests", "Requests sent", before.requests + spider.pacer.departed)
        yield self._counter("retries", "Pages asked for again", before.retries + spider.retries)
        yield self._counter("pages", "Pages read", before.pages + spider.pages)
        yield self._gauge("ids", "Ids of the id space", len(spider.config.space))
        yield self._gauge("ids_settled", "Ids that the counts rest on", len(spider.coverage))
        has_ended = self.ended_at is not None
        yield self._gauge("chains", "Chains under way", 0 if has_ended else len(spider.frontier))
        if spider.config.rate_limit is not None:
            yield self._gauge("rate_limit_requests_per_second", "The configured limit", spider.config.rate_limit)
        if has_ended:
            yield self._gauge("ended_timestamp_seconds", "When the crawl ended", self.ended_at or 0)
            yield self._gauge("complete", "1 if the run is complete", float(self.is_complete))

    def _counter(self, name: str, about: str, value: float) -> Metric:
        family = CounterMetricFamily(f"lifestats_{name}", about, labels=["environment"])
        family.add_metric([self._spider.run.environment], value)
        return family

    def _gauge(self, name: str, about: str, value: float) -> Metric:
        family = GaugeMetricFamily(f"lifestats_{name}", about, labels=["environment"])
        family.add_metric([self._spider.run.environment], value)
        return family


class Metrics:
    """Serve or write the metrics of a crawl, from its beginning to its end."""

    def __init__(self, crawler: Crawler, config: Config) -> None:
        """Take the file and the port from the configuration."""
        self._crawler = crawler
        self._config = config
        self._registry = CollectorRegistry()
        self._watch: asyncio.Task[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Decline where neither is configured."""
        config = load_config(crawler.settings)
        if config.metrics_file is None and config.metrics_port is None:
            raise NotConfigured
        extension = cls(crawler, config)
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        return extension

    def spider_opened(self, spider: Any) -> None:
        """Open the endpoint, and write the file now and then."""
        self._run = RunCollector(spider)
        self._registry.register(self._run)
        if self._config.metrics_port is not None:
            self._serve(self._config.metrics_host, self._config.metrics_port)
        if self._config.metrics_file is not None:
            self._watch = asyncio.ensure_future(self._write_on())

    def spider_closed(self) -> None:
        """Write how it ended, and close the endpoint."""
        self._run.ended_at = time()
        self._run.is_complete = bool(self._crawler.stats.get_value("lifestats/complete"))
        if self._watch:
            self._watch.cancel()
            self._write()
        if self._config.metrics_port is not None and self._server:
            self._server.shutdown()
            self._server.server_close()

    def _serve(self, host: str, port: int) -> None:
        self._server = None
        try:
            self._server, _ = start_http_server(port, host, self._registry)
        except OSError as error:
            # Metrics are not what the crawl is for: it goes on.
            logger.warning("No metrics on %s:%d: %s; choose another metrics_port", host, port, error)

    async def _write_on(self) -> None:
        while True:
            self._write()
            await asyncio.sleep(_EVERY)

    def _write(self) -> None:
        try:
            write_to_textfile(str(self._config.metrics_file), self._registry)
        except OSError as error:
            logger.warning("No metrics in %s: %s", self._config.metrics_file, error.strerror)
