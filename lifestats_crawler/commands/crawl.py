"""``scrapy crawl``: the built-in command, with an exit status that tells how the crawl went."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import orjson
from scrapy.commands.crawl import Command as CrawlCommand
from scrapy.exceptions import UsageError

from lifestats_crawler import program, standard_streams, stopping
from lifestats_crawler.ending import COMPLETE, NOT_STARTED_BECAUSE, REPORT, ExitStatus
from lifestats_crawler.exceptions import LifestatsError
from lifestats_crawler.program import called
from lifestats_crawler.report import console

if TYPE_CHECKING:
    import argparse

    from scrapy.crawler import Crawler

    from lifestats_crawler.crawl.state import CrawlingSpider

_READER_SECONDS = 10.0  # in which a reader of the report must take something


class Command(CrawlCommand):
    """Crawl, print the report, and exit with 0 only if it is complete."""

    def syntax(self) -> str:
        """Say what follows the command."""
        return "[options]" if program.is_own() else "[options] lifestats"

    def short_desc(self) -> str:
        """Describe the command in the list of commands."""
        return "Crawl the id space and write the report. Exit status 0: the report is complete"

    def long_desc(self) -> str:
        """Describe the command in its help."""
        return (
            "Crawl the id space of one environment of config.yml, count the values, and write the report. The"
            " command continues the newest unfinished run of the same configuration; -a run=NAME continues or"
            " creates the run NAME, and -a run=new always creates a run. Exit status 0: the report is complete."
            " 1: the crawl could not start. 2: the report is written, but ids are missing, also after a signal or"
            " an outage of the API; the same command continues. 3: the crawl stopped, because most answers failed,"
            " the answers contradict the configuration, the API refused access (401, 403), reading or writing a"
            " file failed, or a second signal came."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add an example to the help of Scrapy's own options."""
        super().add_options(parser)
        parser.epilog = f"Example: {called('crawl')} -s ENV=production -a run=new"

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        """Read Scrapy's own options, and end with "could not start" for one that cannot be."""
        standard_streams.relay_errors()
        try:
            super().process_options(args, opts)
        except UsageError as error:
            raise SystemExit(f"lifestats: {error}") from None

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Run the spider that ``args`` names; extends Scrapy's, which exits with 0 after most failures."""
        process: Any = self.crawler_process
        spiders = process.spider_loader.list()
        if program.is_own() and not args:
            args = spiders
        if len(args) != 1 or args[0] not in spiders:
            raise SystemExit(f"lifestats: there is no spider {' '.join(args)!r}. Run: {called('crawl')}")
        if process.settings["LOG_LEVEL"] != "DEBUG":
            _quieten()
        crawler = self._create_crawler(args[0])
        _relax_collector()
        # What the end imports must not leave half a file of bytecode on a disk that is full by then.
        sys.dont_write_bytecode = True
        # Scrapy's handlers are there when the loop runs: before the crawl begins in it.
        asyncio.get_event_loop().call_soon(stopping.signals.pass_on)
        task = process.crawl(crawler, **opts.spargs)
        process.start()
        error = None if task.cancelled() else task.exception()
        if error and not isinstance(error, LifestatsError):
            raise error
        if reason := error or (crawler.stats and crawler.stats.get_value(NOT_STARTED_BECAUSE)):
            print(f"lifestats: {reason}", file=sys.stderr)
            if process.settings["LOG_FILE"]:  # scrapyd shows this file, and not what is printed
                logging.getLogger(__name__).error("%s", reason)
        self.exitcode = ExitStatus.NOT_STARTED if reason else _conclude(crawler)


def _quieten() -> None:
    """Leave out what Scrapy says of itself before each crawl, in 80 lines."""
    for name in ("scrapy.addons", "scrapy.middleware"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Its other lines are the answers to signals: how to insist, and that it is heard.
    logging.getLogger("scrapy.crawler").addFilter(lambda record: "Overridden settings" not in record.msg)


def _relax_collector() -> None:
    """Look for cyclic garbage less often: a page leaves little of it."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


def _conclude(crawler: Crawler) -> int:
    """Print the report, if the crawl came as far as that, and return the exit status."""
    spider = cast("CrawlingSpider | None", crawler.spider)
    stats = crawler.stats.get_stats() if spider else {}
    if spider is None or REPORT not in stats:
        has_started = spider is not None and crawler.engine.start_time is not None
        if spider and spider.crawl.trouble:
            print(f"lifestats: {spider.crawl.trouble}", file=sys.stderr)
        return ExitStatus.STOPPED if has_started else ExitStatus.NOT_STARTED
    _show(Path(stats[REPORT]), is_made_up=spider.crawl.config.mock)
    ending = spider.crawl.ending
    if ending and ending.status is not None:
        return ending.status
    return ExitStatus.COMPLETE if stats[COMPLETE] else ExitStatus.INCOMPLETE


def _show(path: Path, *, is_made_up: bool) -> None:
    """Print a report; an output that does not take it changes nothing about the crawl."""
    show = partial(console.show, orjson.loads(path.read_bytes()), path, is_made_up=is_made_up)
    standard_streams.show(show, _READER_SECONDS, lambda: not stopping.signals.is_wanted)
