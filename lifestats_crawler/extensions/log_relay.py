"""A log file that takes nothing, such as a pipe that nobody reads, must not stop the crawl."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Self, cast

from scrapy import signals
from scrapy.utils.log import get_scrapy_root_handler

from lifestats_crawler import standard_streams

if TYPE_CHECKING:
    from io import TextIOWrapper

    from scrapy.crawler import Crawler


class LogRelay:
    """Have LOG_FILE written by a thread, as standard error is."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Wait until Scrapy has opened the file for the last time."""
        extension = cls()
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        return extension

    def spider_opened(self) -> None:
        """Put a thread between the log and its file."""
        handler = get_scrapy_root_handler()
        if isinstance(handler, logging.FileHandler) and handler.stream:
            handler.setStream(cast("TextIOWrapper", standard_streams.relayed(handler.stream)))
