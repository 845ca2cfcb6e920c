from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from lifestats_crawler.crawl.state import Crawl, Gauge
from lifestats_crawler.ending import Ending
from lifestats_crawler.items import Asked
from lifestats_crawler.ranges import IdRange, union
from lifestats_crawler.storage.footers import Settled
from lifestats_crawler.storage.runs import Run
from tests.configurations import configured


class Outside:
    """What a crawl is told from outside, and what it tells."""

    def __init__(self) -> None:
        self.is_running = True
        self.closed: list[Ending] = []

    def crawl(self, settled: Settled | None = None, **changes) -> Crawl:
        run = Run(Path("one"), "test")
        changes = {"subsets": 2, "results_per_page": 10} | changes
        return Crawl(
            configured(**changes), run, settled or Settled(), 4, lambda: self.is_running, self.closed.append
        )


@pytest.fixture
def outside():
    return Outside()


def test_a_crawl_walks_what_the_segments_of_its_run_have_not_settled(outside):
    settled = Settled((IdRange(0, 600), IdRange(700, 800)), pages=7, requests=9, retries=2, highest=790)
    crawl = outside.crawl(settled)
    assert sorted((part.begin, part.end) for part in crawl.frontier.unsettled()) == [
        (600, 700),
        (800, 990),
        (990, 1000),
    ]
    assert list(crawl.coverage) == list(settled.covers)
    assert (crawl.kept.pages, crawl.kept.ids, crawl.kept.requests, crawl.kept.retries) == (7, 700, 9, 2)


def test_a_crawl_is_stopped_once_and_the_first_reason_stays(outside, caplog):
    crawl = outside.crawl()
    assert crawl.goes_on
    crawl.stop(Ending.REFUSED, "the API answers 401")
    crawl.stop(Ending.STORAGE, "segment 1 cannot be written")
    assert (crawl.ending, outside.closed) == (Ending.REFUSED, [Ending.REFUSED])
    assert not crawl.goes_on
    assert [record.getMessage() for record in caplog.records] == ["Stopping: the API answers 401"]


def test_a_crawl_that_is_closed_from_outside_has_no_ending_of_its_own(outside):
    crawl = outside.crawl()
    outside.is_running = False
    assert not crawl.goes_on
    assert crawl.ending is None


def test_another_url_is_asked_and_the_configuration_stays(outside):
    crawl = outside.crawl()
    crawl.use_url("http://127.0.0.1:4567/x?offset={cursor}&limit={limit}")
    assert crawl.dialect.url(5) == "http://127.0.0.1:4567/x?offset=5&limit=10"
    assert crawl.config == configured(subsets=2, results_per_page=10)


def test_asked_is_what_has_left_and_not_what_has_a_place(outside):
    crawl = outside.crawl()
    crawl.pacer.reserve(0.0)
    assert crawl.asked() == Asked()
    crawl.pacer.depart(0.0)
    crawl.retried = 1
    assert crawl.asked() == Asked(requests=1, retries=1)


def test_a_crawl_that_contradicts_the_configuration_says_so_whatever_was_proven_before(outside):
    crawl = outside.crawl()
    crawl.proven, crawl.audited = True, 20
    crawl.given_up.append((5, 6, "status 500"))
    assert crawl.asked() == Asked(audited=20, given_up=((5, 6, "status 500"),), proven=True)
    crawl.stop(Ending.MISCONFIGURED, "inclusive is wrong")
    assert crawl.asked().proven is False


def test_what_claims_have_settled_is_not_walked_and_not_covered(outside):
    crawl = outside.crawl(Settled((IdRange(0, 600),), highest=590, claims=(IdRange(700, 1000),)))
    assert union(crawl.frontier.unsettled()) == [IdRange(600, 700)]
    assert list(crawl.coverage) == [IdRange(0, 600)]
    assert crawl.kept.ids == 900


@pytest.mark.parametrize(
    ("rate_limit", "line"),
    [
        (50, "25.0 % of the ids, 0:00:0{left} left, 30.0/s of 50, 10 pages, 1 retries, 2 chains"),
        (None, "25.0 % of the ids, 0:00:0{left} left, 30.0/s, 10 pages, 1 retries, 2 chains"),
    ],
)
def test_figures_are_those_of_the_crawl(outside, rate_limit, line):
    settled = Settled((IdRange(0, 250),), pages=10, requests=11, retries=1)
    crawl = outside.crawl(settled, rate_limit=rate_limit)
    assert len(list(crawl.frontier.start())) == 2
    gauge = Gauge(crawl, 0.0)
    crawl.pacer.departed = 60
    figures = gauge.read(2.0)
    assert figures.left == pytest.approx(crawl.frontier.pages_left() / 30)
    assert str(figures) == line.format(left=round(figures.left))


def test_before_a_request_has_left_the_end_cannot_be_told(outside):
    crawl = outside.crawl()
    assert (Gauge(crawl, 0.0).read(0.0).left, Gauge(crawl, 0.0).read(1.0).left) == (None, None)
    assert " left" not in str(Gauge(crawl, 0.0).read(1.0))


def test_the_present_rate_is_that_of_the_last_looks_and_the_rest_follows_from_it():
    crawl = SimpleNamespace(
        pacer=SimpleNamespace(departed=0),
        kept=SimpleNamespace(pages=10, ids=250, requests=11, retries=1),
        config=SimpleNamespace(space=range(1000), rate_limit=100),
        frontier=Frontier(),
    )
    gauge = Gauge(crawl, 0.0)
    for second in range(1, 31):
        crawl.pacer.departed += 100 if second <= 10 else 50
        figures = gauge.read(float(second))
    assert (figures.share, figures.pages, figures.retries, figures.chains) == (0.25, 10, 1, 12)
    assert figures.rate == 50.0
    assert figures.left == 10.0


class Frontier:
    def __len__(self):
        return 12

    def pages_left(self):
        return 500.0
