"""Say how a crawl has ended, to a webhook."""

from __future__ import annotations

import logging
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from scrapy import signals
from scrapy.exceptions import NotConfigured

from lifestats_crawler.addons import load_config
from lifestats_crawler.config.model import fill_in_url
from lifestats_crawler.pipelines import COMPLETE, REPORT
from lifestats_crawler.report import document as reports

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from lifestats_crawler.config.model import Config
    from lifestats_crawler.report.document import Report

logger = logging.getLogger(__name__)

_PATIENCE = 10.0  # seconds


class Notify:
    """Post one JSON document at the end of a crawl."""

    def __init__(self, crawler: Crawler, config: Config) -> None:
        """Take the address from the configuration."""
        self._crawler = crawler
        self._config = config

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Decline where nobody is to be told."""
        config = load_config(crawler.settings)
        if config.notify is None:
            raise NotConfigured
        extension = cls(crawler, config)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        return extension

    async def spider_closed(self, spider: Any) -> None:
        """Post, if this end is one that somebody wants to know of; a failure is logged and no more."""
        stats: Any = self._crawler.stats
        status = "complete" if stats.get_value(COMPLETE) and spider.ending is None else "failed"
        assert self._config.notify is not None  # noqa: S101  # it has declined otherwise
        if status not in self._config.notify.on:
            return
        url = fill_in_url(self._config.notify.url, self._config.secrets, safe=":/")
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(_PATIENCE)) as session,
                session.post(url, json=message(status, spider, stats.get_value(REPORT))) as answer,
            ):
                answer.raise_for_status()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            logger.warning("Nobody was notified: %s", str(error) or type(error).__name__)


def message(status: str, spider: Any, path: str | None) -> Report:
    """Return what is posted; chats that know no other key show its ``text``. ``path`` is of the report, if any."""
    settled, ids = len(spider.coverage), len(spider.config.space)
    facts = {"finish_reason": spider.ending or "no report", "items": None}
    if path:
        report = reports.load(Path(path))
        facts = {"finish_reason": report["run"]["finish_reason"], "items": report["totals"]["items"]}
    counted = "no report" if facts["items"] is None else f"{facts['items']:,} records counted"
    return {
        "text": f"lifestats {spider.run.environment}: {status}, {counted}, {settled:,} of {ids:,} ids settled"
        f" ({facts['finish_reason']})",
        "status": status,
        "environment": spider.run.environment,
        "run": spider.run.name,
        **facts,
        "ids": ids,
        "settled": settled,
        "pages": spider.settled_before.pages + spider.pages,
        "host": gethostname(),
        "report": str(Path(path).resolve()) if path else None,
    }
