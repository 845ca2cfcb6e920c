"""The pipeline, item by item: what Scrapy would hand it, into a run on disk."""

from __future__ import annotations

import pytest

from lifestats_crawler.ending import COMPLETE, REPORT, Ending
from lifestats_crawler.items import Tally
from lifestats_crawler.pipelines import CountingPipeline
from lifestats_crawler.ranges import IdRange
from lifestats_crawler.storage import reports, segments
from tests.conftest import FIRST


@pytest.fixture
def pipeline(crawler, spider):  # noqa: ARG001  # the crawler has it
    return CountingPipeline.from_crawler(crawler)


def tally(begin: int, end: int) -> Tally:
    ids = range(FIRST + begin, FIRST + end)
    keys = {"foods": list(ids), "categories": [7] * len(ids)}
    return Tally(IdRange(ids.start, ids.stop), keys, len(ids), highest=ids.stop - 1)


def on_disk(crawl) -> list[tuple[int, int]]:
    settled = [footer.covers for _, footer in segments.settled(crawl.run.segments)]
    return [(item.begin - FIRST, item.end - FIRST) for covers in settled for item in covers]


async def test_pages_are_spilled_and_at_the_end_there_is_a_report_of_what_they_hold(pipeline, crawler):
    crawl = crawler.spider.crawl
    pipeline.open_spider()
    for begin in range(0, 600, 100):
        page = tally(begin, begin + 100)
        assert await pipeline.process_item(page) is page
    assert (crawl.kept.pages, crawl.kept.ids) == (6, 600)
    crawl.ending = Ending.FAILING
    await pipeline.close_spider()
    assert on_disk(crawl) == [(0, 500), (500, 600)]
    report = reports.load(crawl.run.report)
    assert (report["totals"]["items"], report["counters"]["foods"]["distinct"]) == (600, 600)
    assert report["run"]["finish_reason"] == "failing"
    assert crawler.stats.get_value(REPORT) == str(crawl.run.report)
    assert crawler.stats.get_value(COMPLETE) is False


async def test_whatever_is_no_tally_is_passed_on_and_not_counted(pipeline, crawler):
    assert await pipeline.process_item({"not": "ours"}) == {"not": "ours"}
    assert crawler.spider.crawl.kept.pages == 0


async def test_a_storage_that_is_behind_holds_up_the_chains_until_it_has_caught_up(pipeline, crawler):
    crawl = crawler.spider.crawl
    pipeline.open_spider()
    for begin in range(0, 900, 100):
        await pipeline.process_item(tally(begin, begin + 100))
    assert crawl.storage_keeps_up.is_set()
    await pipeline.process_item(tally(900, 1000))
    assert not crawl.storage_keeps_up.is_set(), "one spill is under way, and there is enough for another"
    await pipeline.process_item(tally(1000, 1100))
    assert crawl.storage_keeps_up.is_set()
    await pipeline.close_spider()
    assert on_disk(crawl) == [(0, 500), (500, 1000), (1000, 1100)]


async def test_a_segment_that_cannot_be_written_stops_the_crawl_and_its_pages_are_not_counted(
    pipeline, crawler, caplog
):
    crawl = crawler.spider.crawl
    pipeline.open_spider()
    crawl.run.segments.rename(crawl.run.directory / "gone")
    for begin in range(0, 500, 100):
        await pipeline.process_item(tally(begin, begin + 100))
    await pipeline.close_spider()
    assert crawl.ending is Ending.STORAGE
    assert "Stopping: segment 1 cannot be written: [Errno 2] No such file or directory" in caplog.text
    assert crawl.kept.pages == 0
    report = reports.load(crawl.run.report)
    assert (report["run"]["finish_reason"], report["totals"]["items"]) == ("storage", 0)


async def test_a_crawl_that_found_the_configuration_wrong_leaves_a_run_that_is_not_complete(pipeline, crawler):
    crawl = crawler.spider.crawl
    pipeline.open_spider()
    await pipeline.process_item(Tally(crawl.config.space, {"foods": [], "categories": []}))
    crawl.stop(Ending.MISCONFIGURED, "inclusive is wrong")
    await pipeline.close_spider()
    report = reports.load(crawl.run.report)
    assert (report["run"]["finish_reason"], report["coverage"]["settled"]) == ("misconfigured", 0)
    assert report["coverage"]["complete"] is crawler.stats.get_value(COMPLETE) is crawl.run.is_complete() is False
    assert crawl.run.settled().is_misconfigured


async def test_a_crawl_that_never_ran_makes_no_report_and_its_run_is_gone(pipeline, crawler):
    crawler.engine.start_time = None
    pipeline.open_spider()
    await pipeline.close_spider()
    assert not crawler.spider.crawl.run.directory.exists()


@pytest.mark.parametrize(
    "case",
    [
        (ImportError("no name x"), "the program may have been changed while it ran (ImportError: no name x); the"),
        (RuntimeError("can't start new thread"), "RuntimeError: can't start new thread; the segments"),
        (MemoryError(), "there is not enough memory; the segments"),
    ],
    ids=["upgraded", "threads", "memory"],
)
async def test_whatever_keeps_the_report_from_being_written_is_one_line_and_the_segments_stay(
    pipeline, crawler, monkeypatch, caplog, case
):
    error, told = case

    def broken(*_, **__):
        raise error

    monkeypatch.setattr("lifestats_crawler.report.making.make", broken)
    pipeline.open_spider()
    await pipeline.process_item(tally(0, 100))
    await pipeline.close_spider()
    assert f"the report was not written: {told}" in caplog.text
    assert "Traceback" not in caplog.text
    assert crawler.spider.crawl.trouble.startswith("the report was not written")
    assert on_disk(crawler.spider.crawl) == [(0, 100)]
