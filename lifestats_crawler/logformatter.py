"""Scrapy's log lines for each page: only where LOG_LEVEL asks for them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Self

from scrapy.logformatter import LogFormatter

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class PageLogFormatter(LogFormatter):
    """Scrapy's lines for each page crawled and each tally scraped, only where LOG_LEVEL asks for them.

    Scrapy makes these records for every page, and its handler then drops them.
    """

    def __init__(self, *, is_wanted: bool) -> None:
        """Log each page if that is wanted."""
        self._is_wanted = is_wanted

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Look at LOG_LEVEL."""
        level = crawler.settings["LOG_LEVEL"]
        if not isinstance(level, int):
            level = logging.getLevelName(level)
        return cls(is_wanted=level <= logging.DEBUG)

    def crawled(self, *args: Any, **kwargs: Any) -> Any:
        """Describe a page, or decline."""
        return super().crawled(*args, **kwargs) if self._is_wanted else None

    def scraped(self, *args: Any, **kwargs: Any) -> Any:
        """Describe a tally, or decline."""
        return super().scraped(*args, **kwargs) if self._is_wanted else None
