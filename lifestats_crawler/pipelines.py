"""The item pipeline: counts tallies, spills segments in a thread, and has them merged at the end."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Self, cast

from lifestats_crawler import clock
from lifestats_crawler.counting.spiller import INTACT, Spiller
from lifestats_crawler.crawl.diary import STORAGE
from lifestats_crawler.crawl.fault_log import summed
from lifestats_crawler.ending import COMPLETE, NOT_STARTED_BECAUSE, REPORT, Ending
from lifestats_crawler.exceptions import CountError, LifestatsError, OverlapError
from lifestats_crawler.formats import many
from lifestats_crawler.items import Tally
from lifestats_crawler.report import making
from lifestats_crawler.storage import unsaved
from lifestats_crawler.storage.segments import SegmentDirectory
from lifestats_crawler.storage.source import Job
from lifestats_crawler.threads import in_thread

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from lifestats_crawler.counting.spiller import Spill
    from lifestats_crawler.crawl.state import CrawlingSpider
    from lifestats_crawler.storage.reports import Report

logger = logging.getLogger(__name__)

_UNMAPPED = "failed to map"  # as the loader says of a library
_NOTE_SECONDS = 2.0
_LET_BEGIN_SECONDS = 0.5  # before the end is prepared: imports would hold up the first requests


class CountingPipeline:
    """Count each page once; spill by pages, time or memory, whichever comes first; merge at the end."""

    def __init__(self, crawler: Crawler) -> None:
        """Count into the run of the crawl, from what its segments have settled already."""
        self._crawler = crawler
        self._spider = cast("CrawlingSpider", crawler.spider)
        self._crawl = crawl = self._spider.crawl
        self._spiller = Spiller(
            crawl.config,
            Job.of(crawl.config),
            crawl.settled,
            crawl.coverage,
            SegmentDirectory(crawl.run.segments, crawl.run.keep),
            crawl.asked,
            self._fail,
            monotonic(),
            clock.now(),
        )
        crawl.kept = self._spiller
        crawl.killed_after = unsaved.left(crawl.run)
        self._preparing: asyncio.Task[None]
        self._noting: asyncio.Task[None]
        self._writing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Take the crawl from the spider."""
        return cls(crawler)

    def open_spider(self) -> None:
        """Start the time that a segment may take, and load in the meantime what the end needs."""
        self._preparing = asyncio.ensure_future(self._prepare())
        self._noting = asyncio.ensure_future(self._note_on())
        self._begin_segment()

    def _begin_segment(self) -> None:
        seconds = self._crawl.config.spill_seconds
        self._timer = asyncio.get_running_loop().call_later(seconds, self._spill_in_time)

    async def process_item(self, item: Any) -> Any:
        """Count a tally, and pass on whatever else comes by."""
        if not isinstance(item, Tally):
            return item
        while self._spiller.is_writing and self._spiller.is_full:
            # The storage is slower than the crawl: wait, rather than fill the memory.
            await self._written()
        self._spiller.add(item)
        self._spill_if_full()
        return item

    async def close_spider(self) -> None:
        """Spill what is left, merge, and write the report."""
        if self._timer:
            self._timer.cancel()
            self._preparing.cancel()
            self._noting.cancel()
        try:
            # An extension may close the spider as it opens.
            if self._crawler.engine.start_time is not None or self._is_closed_at_once:
                await self._finish()
        except OverlapError as error:
            self._fail(Ending.STORAGE, f"the report was not written: {error}")
        except CountError as error:
            remedy = (
                "This is an error of lifestats: open an issue with the log, and start another run with -a run=new"
            )
            self._fail(Ending.STORAGE, f"the report was not written: {error}. {remedy}")
        except (OSError, LifestatsError) as error:
            self._fail(Ending.STORAGE, f"the report was not written: {error}; {INTACT}")
        except Exception as error:  # whatever it is: what is counted is on the disk
            logger.debug("The report was not written", exc_info=True)
            self._fail(Ending.STORAGE, f"the report was not written: {_explained(error)}; {INTACT}")
        finally:
            self._crawl.run.close()

    async def _prepare(self) -> None:
        await asyncio.sleep(_LET_BEGIN_SECONDS)
        # Whatever fails here fails at the end again, and is told there.
        with suppress(Exception):
            await in_thread(making.prepare, self._crawl.run)

    async def _note_on(self) -> None:
        """Note now and then what no segment tells yet, in case that this process is killed."""
        while True:
            await asyncio.sleep(_NOTE_SECONDS)
            segment, requests = self._spiller.unsaved
            with suppress(OSError):
                await in_thread(unsaved.note, self._crawl.run, segment, requests)

    async def _finish(self) -> None:
        await self._written()
        if self._ending is Ending.FINISHED and self._crawl.frontier.has_work:
            left = sum(map(len, self._crawl.frontier.unsettled()))
            self._fail(Ending.BROKEN, f"the crawl has ended, and {left} ids are still to be crawled")
        if self._crawl.ending is Ending.MISCONFIGURED:
            self._spiller.discard()
        for ids, ranges, reason in summed(self._crawl.asked().given_up):
            logger.error(
                "Gave up on %s in %s in all, the first: %s", many(ids, "id"), many(ranges, "range"), reason
            )
        self._crawl.diary.seen(monotonic())
        if self._spiller.has_news:
            self._spill()
            await self._written()
        self._conclude_note()
        done = await in_thread(self._merge)
        self._crawler.stats.set_value(REPORT, str(self._crawl.run.report))
        self._crawler.stats.set_value(COMPLETE, done["coverage"]["complete"])

    def _conclude_note(self) -> None:
        with suppress(OSError):
            if self._spiller.has_news:
                unsaved.note(self._crawl.run, *self._spiller.unsaved)
            else:
                unsaved.clear(self._crawl.run)

    async def _written(self) -> None:
        while self._writing:
            await self._writing

    def _spill_if_full(self) -> None:
        if self._spiller.is_full:
            self._spill()
            if self._spiller.is_full:  # another one is being written
                self._crawl.storage_keeps_up.clear()
                self._crawl.diary.pause(STORAGE, monotonic())
                return
        if not self._crawl.storage_keeps_up.is_set():
            self._crawl.storage_keeps_up.set()
            self._crawl.diary.resume(STORAGE, monotonic())

    def _spill_in_time(self) -> None:
        if self._spiller.has_counts:
            self._spill()
        self._begin_segment()

    def _spill(self) -> None:
        """Hand what is counted so far to a thread that writes it, unless one is at work already."""
        if spill := self._spiller.begin(monotonic(), clock.now()):
            self._writing = asyncio.ensure_future(self._write(spill))

    async def _write(self, spill: Spill) -> None:
        if spill.partial and not await self._spider.prove():
            self._writing = None
            self._spiller.drop(spill)
            self._spill_if_full()
            return
        failure: BaseException | None = None
        try:
            await in_thread(self._spiller.write, spill)
        except OSError as error:
            failure = error
        except Exception as error:  # whatever it is, a crawl that loses what it counts must not go on
            logger.exception("Segment %d could not be written", spill.number)
            failure = error
        finally:
            self._writing = None
            self._spiller.end(spill, failure)
            self._spill_if_full()

    def _fail(self, ending: Ending, message: str) -> None:
        if self._crawl.ending:
            logger.error("%s", message)
        self._crawl.stop(ending, message)

    def _merge(self) -> Report:
        run, config = self._crawl.run, self._crawl.config
        done = making.make(run, config, finish_reason=self._crawl.finish_reason(self._ending))
        making.save(run, done)
        return done

    @property
    def _is_closed_at_once(self) -> bool:
        return self._crawl.ending is Ending.CLOSED and NOT_STARTED_BECAUSE not in self._crawler.stats.get_stats()

    @property
    def _ending(self) -> Ending:
        return self._crawl.ending or (Ending.FINISHED if self._crawler.engine.running else Ending.SHUTDOWN)


def _explained(error: Exception) -> str:
    """Say in a line what went wrong that is no error of the storage or of the counts."""
    if isinstance(error, MemoryError) or _UNMAPPED in str(error):
        return "there is not enough memory"
    if isinstance(error, ImportError | AttributeError | TypeError | SyntaxError):
        return f"the program may have been changed while it ran ({type(error).__name__}: {error})"
    return f"{type(error).__name__}: {error}"
