"""``scrapy crawl``: the built-in command, with an exit status that tells how the crawl went."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

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


class Command(CrawlCommand):
    """Crawl, print the report, and exit with 0 only if it is complete."""

    def short_desc(self) -> str:
        """Describe the command in the list of commands."""
        return "Walk the id space and write the report (exit status 0: complete)"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Run the spider that ``args`` names; extends Scrapy's, which exits with 0 after most failures."""
        if len(args) != 1:
            raise UsageError("name one spider: scrapy crawl lifestats")
        crawler = self._create_crawler(args[0])
        task = self.crawler_process.crawl(crawler, **opts.spargs)  # type: ignore[union-attr]
        self.crawler_process.start()  # type: ignore[union-attr]
        error = None if task.cancelled() else task.exception()  # type: ignore[union-attr]
        if isinstance(error, LifestatsError):
            print(f"lifestats: {error}", file=sys.stderr)
        elif error:
            raise error
        self.exitcode = _conclude(crawler)


def _conclude(crawler: Crawler) -> int:
    """Print the report, if the crawl came as far as that, and return the exit status."""
    stats = crawler.stats.get_stats() if crawler.spider else {}
    if "lifestats/report" not in stats:
        return NOT_STARTED
    path = Path(stats["lifestats/report"])
    console.show(orjson.loads(path.read_bytes()), path)
    return COMPLETE if stats["lifestats/complete"] else INCOMPLETE
