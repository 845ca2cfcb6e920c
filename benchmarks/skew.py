"""Ids that are spread unevenly: the time of a crawl over the ideal, beside a split that stays as it is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

from benchmarks import plots
from benchmarks.crawlers import lifestats, program
from benchmarks.processes import mock
from benchmarks.results import Result, Row, at_most, exactness, progress, ratio
from benchmarks.spaces import even, skewed

if TYPE_CHECKING:
    from benchmarks.crawlers import Contestant, Crawl
    from benchmarks.results import Options
    from benchmarks.spaces import Space

RATE_PER_SECOND = 200
LATENCY_SECONDS = 0.2
_ABOUT = (
    "Skewed: 5 % of the id space holds half of the records. The ideal is the time of the fewest pages with"
    f" all records, at {RATE_PER_SECOND} requests a second. A page takes {LATENCY_SECONDS:g} s, and there are 100"
    " chains. The static split is an aiohttp loop with the same pacer. Each chain and each split costs half a page"
    " on average in a crawl of any length. The long crawl below shows the share of these pages in a long crawl."
)


def run(options: Options) -> Result:
    """Crawl a skewed space and an even one, two crawls at a time: the first one takes as long as the others."""
    pages = 800 if options.quick else 10_000
    spaces = {"skewed": skewed(pages).known()} | ({} if options.quick else {"even": even(pages).known()})
    contestants = [
        program("static split", "aiohttp_loop", f"--rate={RATE_PER_SECOND}"),
        lifestats(rate_limit=RATE_PER_SECOND),
    ]
    rows, targets, arrivals = [], [], {}
    with ThreadPoolExecutor(2) as threads:
        crawls = [*threads.map(_crawl, *zip(*product(spaces.values(), contestants), strict=True))]
    for (kind, space), static, ours in zip(spaces.items(), crawls[::2], crawls[1::2], strict=True):
        rows += [_row(kind, space, crawl, ours) for crawl in (ours, static)]
        targets.append(at_most(f"{kind}, time over the ideal", _over_ideal(ours, space), 1.03, ".3f"))
        arrivals[kind] = {crawl.name: crawl.arrivals for crawl in (ours, static)}
    return Result(
        "Skew", _ABOUT, rows, targets, {"pace": partial(plots.rates, arrivals["skewed"], RATE_PER_SECOND)}
    )


def _crawl(space: Space, contestant: Contestant) -> Crawl:
    with mock(*space.arguments, f"--latency={LATENCY_SECONDS}") as server:
        crawl = contestant.crawl(server, space)
    progress("skew", _row("skewed" if space.dense else "even", space, crawl, crawl))
    return crawl


def _over_ideal(crawl: Crawl, space: Space) -> float:
    return (crawl.seconds + 1 / RATE_PER_SECOND) / (space.pages / RATE_PER_SECOND)


def _row(kind: str, space: Space, crawl: Crawl, ours: Crawl) -> Row:
    extra = crawl.requests - space.pages
    return {
        "space, contestant": f"{kind}, {crawl.name}",
        "pages": f"{space.pages:,}",
        "seconds": f"{crawl.seconds:.1f}",
        "over the ideal": f"{_over_ideal(crawl, space):.3f}",
        "to lifestats": ratio(crawl.seconds, ours.seconds),
        "extra requests": f"{extra} ({extra / space.pages:.2%})",
        "counts": exactness(is_exact=crawl.found == space.truth),
    }
