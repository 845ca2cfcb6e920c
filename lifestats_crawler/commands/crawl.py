"""``scrapy crawl``: the built-in command, with an exit status that tells how the crawl went."""

from __future__ import annotations

import gc
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from scrapy.commands.crawl import Command as CrawlCommand
from scrapy.exceptions import UsageError

from lifestats_crawler import console
from lifestats_crawler.exceptions import LifestatsError

if TYPE_CHECKING:
    import argparse

    from scrapy.crawler import Crawler

COMPLETE = 0
NOT_STARTED = 1
INCOMPLETE = 2
STOPPED = 3


class Command(CrawlCommand):
    """Crawl, print the report, and exit with 0 only if it is complete."""

    def short_desc(self) -> str:
        """Describe the command in the list of commands."""
        return "Walk the id space and write the report (exit status 0: complete)"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Run the spider that ``args`` names; extends Scrapy's, which exits with 0 after most failures."""
        if len(args) != 1:
            raise UsageError("name one spider: scrapy crawl lifestats")
        process: Any = self.crawler_process
        if args[0] not in process.spider_loader.list():
            raise UsageError(f"there is no spider {args[0]!r}: scrapy crawl lifestats", print_help=False)
        if process.settings["LOG_LEVEL"] != "DEBUG":
            _quieten()
        crawler = self._create_crawler(args[0])
        _relax_collector()
        task = process.crawl(crawler, **opts.spargs)
        process.start()
        error = None if task.cancelled() else task.exception()
        if isinstance(error, LifestatsError):
            print(f"lifestats: {error}", file=sys.stderr)
            if process.settings["LOG_FILE"]:  # scrapyd shows this file, and not what is printed
                logging.getLogger(__name__).error("%s", error)
        elif error:
            raise error
        self.exitcode = _conclude(crawler)


def _quieten() -> None:
    """Leave out what Scrapy says of itself before each crawl, in 80 lines."""
    for name in ("scrapy.addons", "scrapy.middleware"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Its other lines are the answers to signals: how to insist, and that it is heard.
    logging.getLogger("scrapy.crawler").addFilter(lambda record: "Overridden settings" not in record.msg)


def _relax_collector() -> None:
    """Look for cyclic garbage less often: a page leaves little of it, and looking takes 5 % of its time."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


def _conclude(crawler: Crawler) -> int:
    """Print the report, if the crawl came as far as that, and return the exit status."""
    spider: Any = crawler.spider
    if spider is None or crawler.engine.start_time is None:
        return NOT_STARTED
    stats = crawler.stats.get_stats()
    if "lifestats/report" in stats:
        path = Path(stats["lifestats/report"])
        console.show(orjson.loads(path.read_bytes()), path)
    if spider.ending:
        return STOPPED
    return COMPLETE if stats.get("lifestats/complete") else INCOMPLETE
