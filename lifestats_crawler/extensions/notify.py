"""Say how a crawl has ended, to a webhook."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING, Any, Self, cast

from scrapy import signals
from scrapy.exceptions import NotConfigured

from lifestats_crawler.api import answers
from lifestats_crawler.api.quoting import Redactor
from lifestats_crawler.config import message as templates
from lifestats_crawler.config import secrets
from lifestats_crawler.config.redaction import without_login
from lifestats_crawler.downloader.client import Client
from lifestats_crawler.ending import COMPLETE, REPORT
from lifestats_crawler.exceptions import NoAnswerError
from lifestats_crawler.storage import reports

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from lifestats_crawler.config.model import Config, NotifyConfig
    from lifestats_crawler.crawl.state import Crawl, CrawlingSpider
    from lifestats_crawler.items import Answer
    from lifestats_crawler.storage.reports import Report

logger = logging.getLogger(__name__)

_PATIENCE_SECONDS = 10.0
_MOST_BYTES = 1_000_000  # of an answer; only its status counts


class Notify:
    """Post one JSON document at the end of a crawl."""

    def __init__(self, crawler: Crawler, config: Config, notify: NotifyConfig) -> None:
        """Take the address from the configuration."""
        self._crawler = crawler
        self._config = config
        self._notify = notify

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Decline where no webhook is configured."""
        config = cast("CrawlingSpider", crawler.spider).crawl.config
        if config.notify is None:
            raise NotConfigured  # without a reason: Scrapy would log it as a warning
        extension = cls(crawler, config, config.notify)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        return extension

    async def spider_closed(self, spider: CrawlingSpider) -> None:
        """Post, if this end is one of those that are configured; a failure is logged and no more."""
        stats: Any = self._crawler.stats
        status = "complete" if stats.get_value(COMPLETE) and spider.crawl.ending is None else "failed"
        if status not in self._notify.on:
            return
        document = message(status, spider.crawl, stats.get_value(REPORT))
        if failure := await self._post(document):
            logger.warning("POST to notify.url failed: %s. No one was notified of the end of this crawl", failure)

    async def _post(self, document: Report) -> str:
        """Post a message; return why it was not taken, empty if it was."""
        variables = secrets.of(self._config)
        client = Client(
            variables,
            {"User-Agent": self._crawler.settings["USER_AGENT"]},
            timeout=_PATIENCE_SECONDS,
            most_bytes=_MOST_BYTES,
            whole=(),
            safe=":/",
        )
        template = self._notify.body
        body: Any = document
        if template is not None:
            names = {"headline": document["text"], **document}
            body = templates.filled(template, names, variables)
        is_text = isinstance(template, str)
        try:
            async with client:
                answer = await client.ask(
                    self._notify.url,
                    method="POST",
                    json=None if is_text else body,
                    text=_text(body) if is_text else None,
                )
        except NoAnswerError as error:
            return str(error)
        return _refusal(answer, Redactor(secrets.hidden(self._config)))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _refusal(answer: Answer, redactor: Redactor) -> str:
    """Say why a message was not taken, empty if it was. A redirect is not followed: it would lose the message."""
    if answer.status in answers.SUCCESSES:
        return ""
    reason = f"status {answer.status}"
    if answer.status in answers.REDIRECTS:
        place = f" to {redactor.text(without_login(answer.location))}" if answer.location else ""
        return f"{reason}, the address has moved{place}. Put the new address into notify.url"
    words = answers.said(answer.body, redactor)
    return f"{reason}. The server says: {words}" if words else reason


def message(status: str, crawl: Crawl, path: str | None) -> Report:
    """Return what is posted; chats that know no other key show its ``text``. ``path`` is of the report, if any."""
    settled, ids = crawl.kept.ids, len(crawl.config.space)
    facts = {"finish_reason": crawl.ending.word if crawl.ending else "no report", "items": None}
    if path:
        report = reports.load(Path(path))
        facts = {"finish_reason": report["run"]["finish_reason"], "items": report["totals"]["items"]}
    counted = "no report" if facts["items"] is None else f"{facts['items']:,} records counted"
    return {
        "text": f"lifestats {crawl.run.environment}: {status}, {counted}, {settled:,} of {ids:,} ids crawled"
        f" ({facts['finish_reason']})",
        "status": status,
        "environment": crawl.run.environment,
        "run": crawl.run.name,
        **facts,
        "ids": ids,
        "settled": settled,
        "pages": crawl.kept.pages,
        "host": gethostname(),
        "report": str(Path(path).resolve()) if path else None,
    }
