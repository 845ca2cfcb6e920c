"""Scrapy's own means to end a crawl: its limits, and CloseSpider from an extension or a pipeline."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

from scrapy import signals
from scrapy.exceptions import CloseSpider
from scrapy.signalmanager import SignalManager
from twisted.python.failure import Failure

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from lifestats_crawler.crawl.state import CrawlingSpider

_CANCELLED = "cancelled"  # as Scrapy says it where no reason is given


class ClosingSignals(SignalManager):
    """Signals whose handlers may raise CloseSpider: Scrapy itself would only log it."""

    def __init__(self, crawler: Crawler) -> None:
        """Take the place of a crawler's own, before anything is connected."""
        super().__init__(crawler)
        self._crawler = crawler
        self._closing: asyncio.Future[None] | None = None

    def send_catch_log(self, signal: Any, **kwargs: Any) -> list[tuple[Any, Any]]:
        """Send a signal; see Scrapy's."""
        return self._heed(signal, super().send_catch_log(signal, **self._quiet(kwargs)))

    async def send_catch_log_async(self, signal: Any, **kwargs: Any) -> list[tuple[Any, Any]]:
        """Send a signal; see Scrapy's."""
        return self._heed(signal, await super().send_catch_log_async(signal, **self._quiet(kwargs)))

    def close(self, error: CloseSpider) -> None:
        """Close the spider for the reason that an error gives."""
        reason = getattr(error, "reason", None) or _CANCELLED
        self._closing = asyncio.ensure_future(self._crawler.engine.close_spider_async(reason=reason))

    @staticmethod
    def _quiet(kwargs: dict[str, Any]) -> dict[str, Any]:
        return {"dont_log": CloseSpider} | kwargs

    def _heed(self, signal: Any, results: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
        for _, result in results:
            error = result.value if isinstance(result, Failure) else result
            # Scrapy heeds it itself in answer to these two.
            if isinstance(error, CloseSpider) and signal not in {signals.spider_opened, signals.spider_idle}:
                self.close(error)
        return results


class Closing:
    """Tell the crawl when Scrapy closes the spider: nothing more is asked for, and the report has the reason.

    Scrapy only stops its own queue then, and waits for the chains, which ask in their own way.
    """

    def __init__(self, crawler: Crawler) -> None:
        """Watch the engine of a crawler."""
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Watch from the beginning."""
        extension = cls(crawler)
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        crawler.signals.connect(extension.item_error, signals.item_error)
        return extension

    def spider_opened(self, spider: CrawlingSpider) -> None:
        """Stand before the one way in which a spider is closed: Scrapy has no signal for its beginning."""
        engine: Any = self._crawler.engine
        close = engine.close_spider_async

        async def close_spider_async(*, reason: str = _CANCELLED) -> None:
            if reason == "finished" and not engine.spider_is_idle():
                reason = _CANCELLED
            spider.crawl.closed(reason)
            await close(reason=reason)

        engine.close_spider_async = close_spider_async

    def item_error(self, failure: Failure) -> None:
        """Heed CloseSpider from a pipeline; Scrapy does so only from a callback."""
        if isinstance(failure.value, CloseSpider):
            raise failure.value
