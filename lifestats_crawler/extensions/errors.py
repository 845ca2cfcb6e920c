"""The lines of the log that are errors, for the report: who reads it may not have the log."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from scrapy import signals

from lifestats_crawler.config.redaction import cut

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from lifestats_crawler.crawl.diary import Diary
    from lifestats_crawler.crawl.state import CrawlingSpider

_MOST_CHARACTERS = 400


class Errors:
    """Hands each error that is logged to the diary of the crawl."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Listen from the beginning of a crawl to its end."""
        extension = cls()
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        return extension

    def spider_opened(self, spider: CrawlingSpider) -> None:
        """Listen to every logger."""
        self._handler = _Handler(spider.crawl.diary)
        logging.getLogger().addHandler(self._handler)

    def spider_closed(self) -> None:
        """Listen no more."""
        logging.getLogger().removeHandler(self._handler)


class _Handler(logging.Handler):
    def __init__(self, diary: Diary) -> None:
        super().__init__(logging.ERROR)
        self._diary = diary

    def emit(self, record: logging.LogRecord) -> None:
        """Note the first line of a message, with its time; secrets are hidden by the record itself."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        message = record.getMessage().strip().partition("\n")[0]
        self._diary.failed(f"{at} {cut(message, _MOST_CHARACTERS)}")
