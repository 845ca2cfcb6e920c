"""What is asked beside the pages: audits, proofs, and gaps that are asked into once more, in several spaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.crawlers import lifestats
from benchmarks.processes import CLIENT_CORE, mock
from benchmarks.results import Result, Row, at_most, exactness, progress
from benchmarks.spaces import even, skewed, sparse

if TYPE_CHECKING:
    from benchmarks.crawlers import Crawl
    from benchmarks.results import Options
    from benchmarks.spaces import Space

_MOST_SHARE = 0.005
_ABOUT = (
    "No limit, 100 chains, 100 records a page. Skewed: 5 % of the id space holds half of the records. Sparse:"
    " one id"
    " in a thousand exists. *Extra* are the requests beyond the fewest pages that hold all records: the pages"
    " at the"
    " borders of chains, the proofs before segments, the gaps that are asked into once more, and, where there are"
    " audits, the parts. An audit takes two requests, one page in a thousand has one, and the first 20 chains."
)


def run(options: Options) -> Result:
    """Crawl each space with audits and without."""
    pages = 2_000 if options.quick else 100_000
    spaces = {"even": even(pages).known(), "skewed": skewed(pages).known(), "sparse": sparse(pages // 10).known()}
    rows, targets = [], []
    for kind, space in spaces.items():
        with mock(*space.arguments) as server:
            crawls = {
                name: lifestats(rate_limit=None, audit=audit).crawl(server, space, CLIENT_CORE)
                for name, audit in {"audits": True, "no audits": False}.items()
            }
        rows += [_row(kind, name, space, crawl) for name, crawl in crawls.items()]
        if not options.quick and kind != "sparse":
            targets.append(at_most(f"{kind}, extra requests", _extra(space, crawls["audits"]), _MOST_SHARE, ".2%"))
    return Result("Questions beside the pages", _ABOUT, rows, targets)


def _extra(space: Space, crawl: Crawl) -> float:
    return (crawl.requests - space.pages) / space.pages


def _row(kind: str, name: str, space: Space, crawl: Crawl) -> Row:
    row = {
        "space": f"{kind}, {name}",
        "pages": f"{space.pages:,}",
        "requests": f"{crawl.requests:,}",
        "extra": f"{_extra(space, crawl):.2%}",
        "counts": exactness(is_exact=crawl.found == space.truth),
    }
    progress("asked", row)
    return row
