"""A whole end, also when the first signal comes late."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from scrapy import signals

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

_LOOK_UP_SECONDS = 0.05


class FinishFirst:
    """Keep the process until the spider is closed: the report is written and the webhook is called.

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
            await asyncio.sleep(_LOOK_UP_SECONDS)
