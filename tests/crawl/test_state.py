from __future__ import annotations

from types import SimpleNamespace

from lifestats_crawler.crawl.state import Gauge


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
