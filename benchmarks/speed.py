"""Pages per second without a limit, on one core; and how much of the processor a page takes."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.crawlers import lifestats, plain_scrapy, program
from benchmarks.environments import python_of
from benchmarks.processes import CLIENT_CORE, SERVER_CORE, serving
from benchmarks.results import Result, Row, at_least, exactness, progress, ratio
from benchmarks.spaces import FIRST_ID, even

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.crawlers import Contestant, Crawl
    from benchmarks.processes import Server
    from benchmarks.results import Options
    from benchmarks.spaces import Space

_CHAINS = 100
_ONE_CHAIN = "rate, resumed counts, split"
_ABOUT = (
    "No limit, 100 chains, 100 records a page, the client on one core and the server on another; medians of"
    " {rounds}, interleaved. Pages a second are the server's, from the first request to the last. Processor"
    " time is that of the client and its child processes from start to end, minus that of a crawl with one page"
    " per chain. *Server* is the share of time in which the server's core was busy. The server has rendered its"
    " pages in advance, because mocks.api would slow down the fastest clients. Scrapy's default settings are those"
    " of `scrapy runspider`; the settings of `scrapy startproject` allow one page a second. dlt has one chain,"
    " because its paginator cannot split an id space. dlt loads the records into DuckDB; its pages a second are"
    " those of the extraction alone. pycurl shows what a core can do. crawlee can limit tasks per minute, and"
    " airbyte-cdk has a budget of calls, both unused here. The records of taps and sources are counted as they"
    " come, without a destination. *Does not* is what a user has to write for it: *rate*: hold a rate per"
    " second; *resume*: go on after a kill; *resumed counts*: it has a queue or a state to go on from, but"
    " what was counted before is the user's affair; *split*: walk parts of an id space side by side."
)


@dataclass(slots=True)
class Entry:
    """A contestant, how far it crawls, and its crawls so far."""

    contestant: Contestant
    pages: int
    #: Whether it cannot be told where to end, and needs a server that ends there.
    is_endless: bool = False
    #: What a user has to write for it, or to do without.
    lacks: str = "rate, resume"
    start: Crawl = field(init=False)
    laps: list[Crawl] = field(default_factory=list)

    @property
    def pages_per_second(self) -> float:
        """The median speed."""
        return median(map(_pages_per_second, self.laps))

    @property
    def milliseconds(self) -> float:
        """The median of the processor time of a page."""
        return median(map(self._milliseconds, self.laps))

    def add(self, lap: Crawl) -> None:
        """Take note of a crawl."""
        self.laps.append(lap)
        speed, cost = f"{_pages_per_second(lap):,.0f}", f"{self._milliseconds(lap):.2f}"
        progress("speed", {"contestant": lap.name, "pages/s": speed, "ms a page": cost})

    def _milliseconds(self, lap: Crawl) -> float:
        seconds = lap.usage.cpu_seconds - self.start.usage.cpu_seconds
        return 1000 * seconds / (lap.requests - self.start.requests)

    def row(self, ours: Entry) -> Row:
        """Return its line of the table."""
        is_exact = all(lap.found == even(self.pages).truth for lap in self.laps)
        return {
            "contestant": self.contestant.name,
            "pages": f"{self.pages:,}",
            "pages/s": f"{self.pages_per_second:,.0f}",
            "to lifestats": ratio(self.pages_per_second, ours.pages_per_second),
            "ms a page": f"{self.milliseconds:.2f}",
            "of lifestats": ratio(self.milliseconds, ours.milliseconds),
            "server": f"{max(lap.server_cpu_seconds / lap.seconds for lap in self.laps):.0%}",
            "counts": exactness(is_exact=is_exact),
            "does not": self.lacks,
        }


def run(options: Options) -> Result:
    """Let every contestant crawl in turn, as often as there are rounds."""
    rounds = 1 if options.quick else 3
    entries = _entries(share=0.4 if options.quick else 1)
    measured(entries, rounds)
    ours, scrapy, loop, *_ = entries
    targets = [
        at_least(
            f"pages/s over those of {other.contestant.name}", ours.pages_per_second / other.pages_per_second, least
        )
        for other, least in ((scrapy, 4.5), (loop, 0.35))
    ]
    return Result("Speed", _ABOUT.format(rounds=rounds), [entry.row(ours) for entry in entries], targets)


def _pages_per_second(lap: Crawl) -> float:
    return lap.requests / lap.seconds


def _entries(share: float) -> list[Entry]:
    """Return lifestats, Scrapy and the aiohttp loop, in this order, and the others."""
    wide = {"CONCURRENT_REQUESTS": _CHAINS, "CONCURRENT_REQUESTS_PER_DOMAIN": _CHAINS}
    return [
        Entry(lifestats(rate_limit=None), round(10_000 * share), lacks=""),
        Entry(plain_scrapy("Scrapy, default settings"), round(2_000 * share)),
        Entry(program("aiohttp loop, orjson", "aiohttp_loop"), round(8_000 * share)),
        Entry(program("aiohttp loop, json", "aiohttp_loop", "--json=stdlib"), round(8_000 * share)),
        Entry(plain_scrapy("Scrapy, 100 concurrent requests", **wide), round(1_500 * share)),
        Entry(plain_scrapy("the same, LOG_LEVEL = INFO", **wide, LOG_LEVEL="INFO"), round(1_500 * share)),
        Entry(program("32 processes, requests", "blocking"), round(3_000 * share)),
        Entry(
            program("dlt rest_api", "dlt_rest"), round(400 * share), is_endless=True, lacks="rate, resume, split"
        ),
        *_others(share),
    ]


def _others(share: float) -> Iterator[Entry]:
    """Yield the contestants with environments of their own, as far as these can be had."""
    for environment, name, module, pages, lacks in (
        ("pycurl", "pycurl loop, json", "pycurl_loop", 8_000, "rate, resume"),
        ("crawlee", "crawlee, impit", "crawlee_http", 1_500, "rate per second, resumed counts"),
        ("airbyte-cdk", "airbyte-cdk source", "airbyte_source", 400, "resumed counts, split"),
        ("singer-sdk", "singer-sdk tap", "singer_tap", 400, _ONE_CHAIN),
    ):
        if python := python_of(environment):
            is_endless = "split" in lacks
            contestant = program(name, module, python=python)
            yield Entry(contestant, round(pages * share), is_endless, lacks)


@contextmanager
def _fast_api(space: Space) -> Iterator[Server]:
    ids = f"--first-id={FIRST_ID}", f"--last-id={space.last_id}"
    with serving("benchmarks.fast_api", *ids, core=SERVER_CORE) as server:
        yield server


def measured(entries: Sequence[Entry], rounds: int) -> None:
    """Let every contestant crawl in turn, as often as there are rounds."""
    with _fast_api(even(max(entry.pages for entry in entries))) as server:
        for entry in entries:
            entry.start = _lap(entry, even(_CHAINS), server)
        for _ in range(rounds):
            for entry in entries:
                entry.add(_lap(entry, even(entry.pages), server))


def _lap(entry: Entry, space: Space, shared: Server) -> Crawl:
    if entry.is_endless:
        with _fast_api(space) as server:
            return entry.contestant.crawl(server, space, CLIENT_CORE)
    return entry.contestant.crawl(shared, space, CLIENT_CORE)
