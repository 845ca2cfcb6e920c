"""Memory over the length of a crawl, beside a loop that keeps all counts in a Counter."""

from __future__ import annotations

from bisect import bisect_right
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

from benchmarks import plots
from benchmarks.crawlers import lifestats, program
from benchmarks.processes import mock
from benchmarks.results import Result, Row, at_most, exactness, progress, ratio
from benchmarks.spaces import PAGE_RECORDS, skewed

if TYPE_CHECKING:
    from benchmarks.crawlers import Crawl
    from benchmarks.results import Options

_PAGES, _QUICK_PAGES = 40_000, 6_000
_ABOUT = (
    "The longest crawl of this run, without a limit; 5 % of the id space holds half of the records. The columns"
    " show the resident memory up to the last request, and up to the end of merge and report. `python -m"
    " benchmarks --pages 500000` makes the crawl longer."
)


def run(options: Options) -> Result:
    """Crawl the same space twice, one after the other."""
    space = skewed(options.pages or (_QUICK_PAGES if options.quick else _PAGES))
    crawls = []
    with mock(*space.arguments) as server:
        for contestant in (lifestats(rate_limit=None), program("aiohttp loop, Counter", "aiohttp_loop")):
            crawls.append(contestant.crawl(server, space))
            progress("memory", _row(crawls[-1], crawls[0]))
    ours = crawls[0]
    targets = [
        at_most("MB while crawling", ours.peak, 250, ".0f"),
        at_most("extra requests", _extra(ours), 0.005, ".2%"),
    ]
    lines = {crawl.name: _line(crawl) for crawl in crawls}
    rows = [_row(crawl, ours) for crawl in crawls]
    return Result("Memory and length", _ABOUT, rows, targets, {"memory": partial(plots.memory, lines)})


def _row(crawl: Crawl, ours: Crawl) -> Row:
    return {
        "contestant": crawl.name,
        "requests": f"{crawl.requests:,}",
        "extra requests": f"{_extra(crawl):.2%}",
        "peak, crawling": f"{crawl.peak:.0f} MB",
        "to lifestats": ratio(crawl.peak, ours.peak),
        "peak, with the end": f"{max(size for _, size in crawl.usage.memory):.0f} MB",
        "counts": exactness(is_exact=crawl.found == ours.found),
    }


def _extra(crawl: Crawl) -> float:
    """Return the requests beyond the pages that hold the records, as a share of these."""
    items: int = crawl.found["foods"]["items"]
    return crawl.requests / ceil(items / PAGE_RECORDS) - 1


def _line(crawl: Crawl) -> tuple[list[int], list[float]]:
    """Return memory over pages, until the last request."""
    seen = [(bisect_right(crawl.arrivals, time), size) for time, size in crawl.usage.memory]
    whole = [(pages, size) for pages, size in seen if 0 < pages < crawl.requests]
    return [pages for pages, _ in whole], [size for _, size in whole]
