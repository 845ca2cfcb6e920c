"""What a crawl would do: which run it would continue, and what that would take. Reads and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any

from lifestats_crawler.crawl.frontier import Frontier
from lifestats_crawler.ranges import missing
from lifestats_crawler.storage import runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lifestats_crawler.config.model import Config
    from lifestats_crawler.ranges import IdRange
    from lifestats_crawler.storage.inventory import Entry

# Measured: a segment of 1,000 pages of the mock's data, 95,000 integers, takes 5.4. Texts take more.
BYTES_PER_KEY = 5.5
# Requests of a crawl that are for no page: whether the cursor is inclusive, and the end of the space, twice.
_ENDS = 3


@dataclass(frozen=True, slots=True)
class Choice:
    """The run that a crawl would work on."""

    #: None: a new run.
    continues: Entry | None = None
    #: Who crawls that run already: a second crawl would be refused.
    refused_by: str | None = None
    #: Unfinished runs that are left alone, and why.
    passed_over: list[tuple[str, str]] = field(default_factory=list)


def choose(config: Config, entries: Iterable[Entry]) -> Choice:
    """Choose as ``runs.open_run`` does, from entries of which the one last worked on comes first."""
    ours = runs.source(config)
    passed_over: list[tuple[str, str]] = []
    for entry in entries:
        if entry.is_complete:
            continue
        crawler = entry.crawler
        if entry.source == ours or (entry.source is None and crawler and crawler.get("source") == ours):
            return Choice(entry, crawler["who"] if crawler else None, passed_over)
        if entry.source:
            passed_over.append((entry.run.name, runs.difference(entry.source, config)))
        elif crawler:
            passed_over.append((entry.run.name, f"it is being crawled by {crawler['who']}"))
        elif not entry.run.report.exists():
            # Killed before its first spill: nothing tells it from a new one.
            return Choice(entry, None, passed_over)
    return Choice(passed_over=passed_over)


def unsettled(config: Config, choice: Choice) -> list[IdRange]:
    """Return what the crawl would have to walk."""
    return list(missing(config.space, choice.continues.covers if choice.continues else ()))


def subsets(config: Config, ranges: list[IdRange]) -> list[IdRange]:
    """Return the subsets that a crawl begins with."""
    return [chain.left for chain in Frontier(ranges, config.subsets, config.results_per_page).start()]


@dataclass(frozen=True, slots=True)
class Density:
    """Records and requests per id, and the run that showed them."""

    ratio: float
    requests: float
    run: str


def known_density(config: Config, latest: Mapping[str, Any] | None, choice: Choice) -> Density | None:
    """Return the density of the newest complete report of the same url, else of the run to be continued."""
    try:
        if latest and latest["source"]["url"] == config.url:
            totals, ids = latest["totals"], latest["coverage"]["ids"]
            return Density(totals["items"] / ids, totals["requests"] / ids, latest["run"]["name"])
    except (KeyError, TypeError, ZeroDivisionError):
        pass  # not a report of ours
    entry = choice.continues
    if entry is None or not entry.settled:
        return None
    return Density(entry.records / entry.settled, entry.requests / entry.settled, entry.run.name)


def measured_bytes(entries: Iterable[Entry]) -> tuple[str | None, float | None]:
    """Return what a record has taken on disk in the newest run that has any, and that run's name."""
    for entry in entries:
        if entry.bytes_per_record is not None:
            return entry.run.name, entry.bytes_per_record
    return None, None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a walk would take. Retries come on top, and up to a request each time that a chain is split."""

    records: int
    requests: int
    #: None without a rate.
    seconds: float | None
    segments: int
    bytes: int


def estimate(
    config: Config,
    ranges: list[IdRange],
    density: float,
    bytes_per_record: float | None = None,
    requests_per_id: float | None = None,
) -> Estimate:
    """Work out what a walk of some ranges would take, with so many records per id.

    Without ``requests_per_id`` from another crawl, the pages that hold the records are counted.
    """
    ids = sum(map(len, ranges))
    records = ceil(ids * density)
    requests = _pages(config, ranges, density) if requests_per_id is None else ceil(ids * requests_per_id)
    seconds = requests / config.rate_limit if config.rate_limit else None
    keys = records * len(config.counters)
    spills = requests / config.spill_every, (seconds or 0) / config.spill_seconds, keys / config.spill_keys
    size = keys * BYTES_PER_KEY if bytes_per_record is None else records * bytes_per_record
    return Estimate(records, requests, seconds, ceil(max(spills)), ceil(size))


def _pages(config: Config, ranges: list[IdRange], density: float) -> int:
    started = subsets(config, ranges)
    waiting = [part for item in ranges for part in missing(item, started)]
    pages = [max(1, ceil(len(part) * density / config.results_per_page)) for part in [*started, *waiting]]
    return sum(pages) + (_ENDS if pages else 0)
