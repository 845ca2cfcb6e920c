"""The callback on answers recorded from an API (scrapy-mock replays their bodies)."""

from __future__ import annotations

from time import monotonic

import pytest
from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.utils.test import get_crawler

from lifestats_crawler.api.dialect import Dialect
from lifestats_crawler.downloader.pacer import Pacer
from lifestats_crawler.ending import Ending
from lifestats_crawler.items import Tally
from lifestats_crawler.ranges import IdRange
from lifestats_crawler.spiders.lifestats import LifestatsSpider
from tests.configurations import write_config
from tests.conftest import FIRST

URL = "http://127.0.0.1:4567/foodstats?offset=658330693&limit=100"


class Engine:
    """What the callbacks ask of Scrapy's engine: whether it goes on, and pages; after some it stops."""

    def __init__(self) -> None:
        self.most = 1
        self.asked = []
        self.answers = []

    @property
    def running(self) -> bool:
        return len(self.asked) < self.most

    async def download_async(self, request):
        self.asked.append(request)
        if self.answers:
            return self.answers.pop()
        raise IgnoreRequest("stopped")

    async def close_spider_async(self, reason):
        pass


@pytest.fixture
def spider(tmp_path):
    url = "http://127.0.0.1:4567/foodstats?offset={cursor}&limit={limit}"
    changes = {"results_per_page": 100, "rate_limit": 100, "subsets": 20, "last_id": FIRST + 99_999}
    settings = {
        "CONCURRENT_REQUESTS": 400,
        "ENV": "test",
        "LIFESTATS_CONFIG": str(write_config(tmp_path, url=url, **changes)),
        "LOG_ENABLED": False,
    }
    crawler = get_crawler(LifestatsSpider, settings)
    crawler.engine = Engine()
    spider = LifestatsSpider.from_crawler(crawler)
    yield spider
    spider.crawl.run.close()


@pytest.mark.parametrize("url", [URL])
async def test_a_recorded_page_becomes_one_tally_and_the_next_request(spider, response):
    spider.crawler.engine.most = 2
    _, ask, *_ = spider.walk.begin()  # the first one asks for the last ids
    ask.chain.end = FIRST + 1000
    walk = spider.parse(response, ask)
    tally = await anext(walk)
    assert isinstance(tally, Tally)
    assert tally.settles == IdRange(FIRST, tally.next)
    assert tally.records == len(tally.keys["foods"]) == len(tally.keys["categories"]) == 100
    assert [output async for output in walk] == []
    proof, asked = spider.crawler.engine.asked
    assert proof.url == URL.replace(str(FIRST), str(tally.highest)), "a record must be shown where it is asked for"
    assert asked.url == URL.replace(str(FIRST), str(tally.next))


async def test_a_page_of_another_status_is_asked_for_again_later(spider):
    ask, *_ = spider.walk.begin()
    asked = Request(spider.crawl.dialect.url(ask.first))
    answer = Response(asked.url, status=503, body=b"{}", request=asked)
    assert [output async for output in spider.parse(answer, ask)] == []
    (again,) = spider.crawler.engine.asked
    assert again.url == asked.url
    assert again.meta["lifestats_not_before"] > 0
    assert spider.crawl.retried == 1


def grown(spider) -> int:
    return len(spider.walk.grow(monotonic()))


def test_chains_are_made_for_free_places_only_when_all_of_them_wait_for_the_server(spider):
    asks = spider.walk.begin()
    assert grown(spider) == 0  # they are in Scrapy's queue: AutoThrottle holds them back
    spider.crawl.pacer.booked = len(asks)
    assert grown(spider) == 5
    assert grown(spider) == 0


def test_no_chain_is_made_while_a_server_holds_us_off_or_the_crawl_ends(spider):
    asks = spider.walk.begin()
    spider.crawl.pacer.booked = len(asks)
    spider.crawl.pacer.hold(monotonic() + 60)
    assert grown(spider) == 0
    spider.crawl.pacer = Pacer(100)
    spider.crawl.pacer.booked = len(asks)
    spider.crawl.ending = Ending.REFUSED
    assert grown(spider) == 0


def test_a_few_chains_whose_page_has_failed_keep_nobody_from_growing_and_many_do(spider):
    asks = spider.walk.begin()
    few, many = asks[:2], asks[:10]
    for resting, more in ((few, 5), (many, 0)):
        for ask in resting:
            ask.chain.rests_until = monotonic() + 60
        spider.crawl.pacer.booked = len(spider.crawl.frontier) - len(resting)
        assert grown(spider) == more


@pytest.mark.parametrize(("status", "ending"), [(200, Ending.MISCONFIGURED), (503, None)])
async def test_only_contradictions_in_a_row_stop_a_crawl(spider, status, ending):
    spider.crawl.dialect = Dialect(spider.crawl.config.model_copy(update={"inclusive": False}))
    _, ask, *_ = spider.walk.begin()
    # What a cursor that is inclusive after all shows: the very id that it was asked for.
    cursor = ask.chain.cursor
    body = b'{"meta": {"next_offset": %d}, "response": [{"id": %d}]}' % (cursor + 50, cursor - 1)
    spider.crawler.engine.most = 2
    spider.crawler.engine.answers = [Response(URL, body=body)]
    assert [output async for output in spider.parse(Response(URL, status=status, body=body), ask)] == []
    assert spider.crawl.ending == ending
