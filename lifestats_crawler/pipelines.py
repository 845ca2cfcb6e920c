"""The item pipeline: counts tallies, spills segments, and merges them at the end."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from lifestats_crawler.counting.partial import Partial
from lifestats_crawler.exceptions import CountError, LifestatsError, OverlapError
from lifestats_crawler.items import Tally
from lifestats_crawler.report import document as report
from lifestats_crawler.storage import runs, segments
from lifestats_crawler.threads import in_thread

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from lifestats_crawler.config.model import Config
    from lifestats_crawler.ranges import Coverage
    from lifestats_crawler.report.document import Report
    from lifestats_crawler.storage.runs import Run

logger = logging.getLogger(__name__)

_INTACT = "the segments written so far are intact, start again to continue"
#: The keys of Scrapy's stats that have the path of the report, and whether it is complete.
REPORT, COMPLETE = "lifestats/report", "lifestats/complete"
STORAGE = "storage"  # the finish reason when the storage takes no more


class CountingPipeline:
    """Count each page once; spill by pages, time or memory, whichever comes first; merge at the end."""

    def __init__(self, crawler: Crawler) -> None:
        """Count into the spider's run, from what its segments have settled already."""
        spider: Any = crawler.spider
        self.crawler = crawler
        self.run: Run = spider.run
        self.config: Config = spider.config
        self.coverage: Coverage = spider.coverage
        self._source = runs.source(self.config)
        self._started_at = report.now()
        self._number = segments.next_number(self.run.segments)
        self._asked = (0, 0)  # requests and retries that segments account for
        self._writing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._partial = Partial(self.config.counters)
        self._since = monotonic()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Take the run from the spider."""
        return cls(crawler)

    def open_spider(self) -> None:
        """Start the time that a segment may take."""
        self._timer = asyncio.get_running_loop().call_later(self.config.spill_seconds, self._spill_in_time)

    async def process_item(self, item: Any) -> Any:
        """Count a tally, and pass on whatever else comes by."""
        if not isinstance(item, Tally):
            return item
        while self._is_full and self._writing:
            # The storage is slower than the crawl: wait, rather than fill the memory.
            await self._written()
        # Counts and coverage move together: no await from here on.
        self.coverage.add(item.settles)
        self._partial.add(item)
        self._spill_if_full()
        return item

    async def close_spider(self) -> None:
        """Spill what is left, merge, and write the report."""
        if self._timer:
            self._timer.cancel()
        try:
            if self.crawler.engine.start_time is not None:
                await self._finish()
        except OverlapError as error:
            self._fail(f"no report: {error}")
        except CountError as error:
            self._fail(f"no report: {error}; start a fresh run (-a run=new), and tell the makers of lifestats")
        except (OSError, LifestatsError) as error:
            self._fail(f"no report: {error}; {_INTACT}")
        finally:
            self.run.close()

    @property
    def _is_full(self) -> bool:
        return self._partial.pages >= self.config.spill_every or self._partial.keys >= self.config.spill_keys

    async def _finish(self) -> None:
        await self._written()
        if self._partial or self._asked != self._asked_now():
            self._spill()
            await self._written()
        done = await in_thread(self._merge)
        self.crawler.stats.set_value(REPORT, str(self.run.report))
        self.crawler.stats.set_value(COMPLETE, done["coverage"]["complete"])

    async def _written(self) -> None:
        while self._writing:
            await self._writing

    def _spill_if_full(self) -> None:
        if self._is_full:
            self._spill()
        spider: Any = self.crawler.spider
        if self._is_full:
            spider.storage_keeps_up.clear()
        else:
            spider.storage_keeps_up.set()

    def _spill_in_time(self) -> None:
        if self._partial and not self._writing:
            self._spill()
        self.open_spider()

    def _spill(self) -> None:
        """Hand what is counted so far to a thread that writes it, and start counting anew."""
        if self._writing:
            return
        asked = self._asked_now()
        footer = segments.Footer(
            source=self._source,
            covers=self._partial.covers,
            records=self._partial.records,
            pages=self._partial.pages,
            requests=asked[0] - self._asked[0],
            retries=asked[1] - self._asked[1],
            without=dict(self._partial.without),
            started_at=self._started_at,
            seconds=round(monotonic() - self._since, 3),
            ended_at=report.now(),
            highest=self._partial.highest,
        )
        self._writing = asyncio.ensure_future(self._write(self._number, self._partial, footer))
        self._number += 1
        self._asked = asked
        self._partial = Partial(self.config.counters)
        self._since = monotonic()

    async def _write(self, number: int, partial: Partial, footer: segments.Footer) -> None:
        try:
            await in_thread(segments.write, self.run.segments, number, partial.counts, footer, partial.labels)
        except OSError as error:
            self._fail(f"segment {number} cannot be written: {error}; {_INTACT}")
        except Exception:  # whatever it is, a crawl that loses what it counts must not go on
            logger.exception("Segment %d", number)
            self._fail(f"segment {number} cannot be written: see above; {_INTACT}")
        finally:
            self._writing = None
            self._spill_if_full()

    def _fail(self, message: str) -> None:
        spider: Any = self.crawler.spider
        if spider.ending:
            logger.error("%s", message)
        spider.stop(STORAGE, message)

    def _asked_now(self) -> tuple[int, int]:
        spider: Any = self.crawler.spider
        return spider.pacer.departed, spider.retries

    def _merge(self) -> Report:
        done = report.make(self.run, self.config, finish_reason=self._finish_reason())
        report.save(self.run, done)
        return done

    def _finish_reason(self) -> str:
        spider: Any = self.crawler.spider
        return spider.ending or ("finished" if self.crawler.engine.running else "shutdown")
