"""The item pipeline: counts tallies, spills segments, and merges them at the end."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from lifestats_crawler import merge, report, runs, segments
from lifestats_crawler.items import Tally
from lifestats_crawler.ranges import Coverage, union

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.statscollectors import StatsCollector

    from lifestats_crawler.config import Config
    from lifestats_crawler.items import Key
    from lifestats_crawler.ranges import IdRange
    from lifestats_crawler.runs import Run

logger = logging.getLogger(__name__)


class CountingPipeline:
    """Count each page once, spill every ``spill_every`` pages, merge at the end."""

    def __init__(self, run: Run, config: Config, stats: StatsCollector) -> None:
        """Count into a run, from what its segments have settled already."""
        self.run = run
        self.config = config
        self.stats = stats
        self.coverage = Coverage(run.settled().covers)
        self._source = runs.source(config)
        self._started_at = _timestamp()
        self._number = segments.next_number(run.segments)
        self._begin_segment()
        self._requests = self._retries = 0

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Take the run from the spider."""
        spider: Any = crawler.spider
        pipeline = cls(spider.run, spider.config, crawler.stats)
        pipeline.crawler = crawler
        return pipeline

    crawler: Crawler

    def process_item(self, item: Any) -> Any:
        """Count a tally, and pass on whatever else comes by."""
        if isinstance(item, Tally):
            # Counts and coverage move together: no await from here to the last line.
            self.coverage.add(item.settles)
            self._covers.append(item.settles)
            for name, keys in item.keys.items():
                self._counts[name].update(keys)
            self._records += item.records
            self._pages += item.pages
            if self._pages >= self.config.spill_every:
                self._spill()
        return item

    async def close_spider(self) -> None:
        """Spill what is left, merge, and write the report."""
        if self.crawler.engine.start_time is None:
            self.run.discard()
            return
        if self._covers or self._asked() != (self._requests, self._retries):
            self._spill()
        done = await asyncio.to_thread(self._merge)
        self.stats.set_value("lifestats/report", str(self.run.report))
        self.stats.set_value("lifestats/complete", done["coverage"]["complete"])

    def _spill(self) -> None:
        requests, retries = self._asked()
        footer = segments.Footer(
            source=self._source,
            covers=tuple(union(self._covers)),
            records=self._records,
            pages=self._pages,
            requests=requests - self._requests,
            retries=retries - self._retries,
            started_at=self._started_at,
            seconds=monotonic() - self._since,
        )
        segments.write(self.run.segments, self._number, self._counts, footer)
        self._requests, self._retries = requests, retries
        self._number += 1
        self._begin_segment()

    def _begin_segment(self) -> None:
        self._counts: dict[str, Counter[Key]] = {name: Counter() for name in self.config.counters}
        self._covers: list[IdRange] = []
        self._records = self._pages = 0
        self._since = monotonic()

    def _asked(self) -> tuple[int, int]:
        return self.stats.get_value("lifestats/requests", 0), self.stats.get_value("lifestats/retries", 0)

    def _merge(self) -> report.Report:
        top = {name: counter.top for name, counter in self.config.counters.items()}
        totals = merge.merge(self.run.segments, top)
        reason = "finished" if self.crawler.engine.running else "shutdown"
        done = report.build(self.run, self.config, totals, finished_at=_timestamp(), finish_reason=reason)
        report.save(self.run, done)
        return done


def _timestamp() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
