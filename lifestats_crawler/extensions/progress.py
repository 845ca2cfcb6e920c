"""How far a crawl is: a live line on a terminal, and without one a line in the log every minute."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from scrapy import signals
from scrapy.utils.log import get_scrapy_root_handler

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

_REFRESH = 0.5  # seconds
_MINUTE = 60.0
_WIDE = 110  # columns: figures and a bar
_RECENT = 20  # looks that the present rate is taken from


@dataclass(frozen=True, slots=True)
class Figures:
    """How far a crawl is at one moment."""

    share: float  # of the ids
    pages: int
    rate: float  # requests per second, lately
    limit: float | None
    chains: int
    retries: int
    #: Seconds to the end at the present rate; None where that cannot be told.
    left: float | None

    def __str__(self) -> str:
        """Write them in one line, of which a narrow terminal shows the beginning.

        >>> print(Figures(0.3719, 27_512, 99.68, 100, 100, 3, 4660))
        37.1 % of the ids, 1:17:40 left, 99.7/s of 100, 27,512 pages, 3 retries, 100 chains
        """
        limit = "" if self.limit is None else f" of {self.limit:g}"
        left = "" if self.left is None else f" {timedelta(seconds=round(self.left))} left,"
        percent = int(self.share * 1000) / 10  # rounded down: 100.0 is the end
        return (
            f"{percent:.1f} % of the ids,{left} {self.rate:.1f}/s{limit}, {self.pages:,} pages,"
            f" {self.retries:,} retries, {self.chains:,} chains"
        )


class Gauge:
    """Reads a spider's figures, and remembers enough of them to tell its present rate."""

    def __init__(self, spider: Any, now: float) -> None:
        """Start at ``now``, in seconds of any clock."""
        self._spider = spider
        self._seen = deque([(now, 0)], maxlen=_RECENT)

    def read(self, now: float) -> Figures:
        """Return the figures of this moment."""
        spider = self._spider
        begin, departed = self._seen[0]
        self._seen.append((now, spider.pacer.departed))
        rate = (spider.pacer.departed - departed) / (now - begin) if now > begin else 0.0
        return Figures(
            share=len(spider.coverage) / len(spider.config.space),
            pages=spider.settled_before.pages + spider.pages,
            rate=rate,
            limit=spider.config.rate_limit,
            chains=len(spider.frontier),
            retries=spider.settled_before.retries + spider.retries,
            left=spider.frontier.pages_left() / rate if rate else None,
        )


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

    def spider_opened(self, spider: Any) -> None:
        """Start to tell."""
        gauge = Gauge(spider, monotonic())
        self._watch = asyncio.ensure_future(_draw(gauge) if self._is_terminal else _log(gauge))

    async def spider_closed(self) -> None:
        """Leave the terminal as it was, before the report is shown on it."""
        if self._watch:
            self._watch.cancel()
            await asyncio.wait([self._watch])


async def _log(gauge: Gauge) -> None:
    while True:
        await asyncio.sleep(_MINUTE)
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
                await asyncio.sleep(_REFRESH)
        finally:
            _update(live, task, gauge.read(monotonic()))
            log.setStream(stream)


def _terminal_handler() -> logging.StreamHandler[Any]:
    """Return the handler that logs to the terminal; one that nobody logs to where it logs to a file."""
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
    bar = [BarColumn(bar_width=20)] if console.width > _WIDE else []
    return Progress(*bar, TextColumn("{task.description}", markup=False), console=console, auto_refresh=False)
