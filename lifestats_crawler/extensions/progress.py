"""How far a crawl is: a live line on a terminal, and without one a line in the log every minute."""

from __future__ import annotations

import asyncio
import logging
import sys
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from scrapy import signals
from scrapy.utils.log import get_scrapy_root_handler

from lifestats_crawler.crawl.state import Gauge

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID
    from scrapy.crawler import Crawler

    from lifestats_crawler.crawl.state import CrawlingSpider, Figures

logger = logging.getLogger(__name__)

_REFRESH_SECONDS = 0.5
_LOG_SECONDS = 60.0
_WIDE_COLUMNS = 110  # figures and a bar


class ProgressReport:
    """Say how far the crawl is, in the way that fits where its messages go."""

    def __init__(self, *, is_terminal: bool) -> None:
        """Draw a live line, or log."""
        self._is_terminal = is_terminal
        self._watch: asyncio.Task[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Look where stderr goes."""
        extension = cls(is_terminal=sys.stderr.isatty())
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        return extension

    def spider_opened(self, spider: CrawlingSpider) -> None:
        """Start to tell."""
        gauge = Gauge(spider.crawl, monotonic())
        self._watch = asyncio.ensure_future(_draw(gauge) if self._is_terminal else _log(gauge))

    async def spider_closed(self) -> None:
        """Leave the terminal as it was, before the report is shown on it."""
        if self._watch:
            self._watch.cancel()
            await asyncio.wait([self._watch])


async def _log(gauge: Gauge) -> None:
    while True:
        await asyncio.sleep(_LOG_SECONDS)
        logger.info("%s", gauge.read(monotonic()))


async def _draw(gauge: Gauge) -> None:
    with _live() as live:
        task = live.add_task("", total=1.0)
        # What is logged from now on has to go above the line, and so through it.
        log = _terminal_handler()
        stream = log.setStream(sys.stderr)
        try:
            while True:
                _update(live, task, gauge.read(monotonic()))
                await asyncio.sleep(_REFRESH_SECONDS)
        finally:
            _update(live, task, gauge.read(monotonic()))
            log.setStream(stream)


def _terminal_handler() -> logging.StreamHandler[Any]:
    """Return the handler that logs to the terminal; an unused one if the log goes to a file."""
    handler = get_scrapy_root_handler()
    if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
        return handler
    return logging.StreamHandler()


def _update(live: Progress, task: TaskID, figures: Figures) -> None:
    live.update(task, completed=figures.share, description=str(figures))
    live.refresh()


def _live() -> Progress:
    from rich.console import Console  # noqa: PLC0415  # not needed without a terminal
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415  # for terminals

    console = Console(stderr=True)
    bar = [BarColumn(bar_width=20)] if console.width > _WIDE_COLUMNS else []
    return Progress(*bar, TextColumn("{task.description}", markup=False), console=console, auto_refresh=False)
