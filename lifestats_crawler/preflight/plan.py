"""What a crawl would take: requests, time and disk. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from lifestats_crawler.crawl.frontier import Frontier
from lifestats_crawler.ranges import missing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lifestats_crawler.config.model import Config
    from lifestats_crawler.ranges import IdRange
    from lifestats_crawler.storage.inventory import Entry
    from lifestats_crawler.storage.reports import Report

# Measured: a segment of 1,000 pages of the mock's data, 95,000 integers, takes 5.4. Texts take more.
BYTES_PER_KEY = 5.5
# Requests of a crawl that are for no page: whether the cursor is inclusive, and the end of the space, twice.
_END_REQUESTS = 3


def unsettled(config: Config, continues: Entry | None) -> list[IdRange]:
    """Return what a crawl would have to walk that goes on with a run, or with none."""
    return list(missing(config.space, continues.covers if continues else ()))


def subsets(config: Config, ranges: list[IdRange]) -> list[IdRange]:
    """Return the subsets that a crawl begins with."""
    return [chain.left for chain in Frontier(ranges, config.subsets, config.results_per_page).start()]


@dataclass(frozen=True, slots=True)
class Known:
    """Records and requests per id, and the run that showed them."""

    ratio: float
    requests: float
    run: str


def known_density(config: Config, latest: Report | None, continues: Entry | None) -> Known | None:
    """Return the density of the newest complete report of the same url, else of the run to be continued."""
    try:
        if latest and latest["source"]["url"] == config.shown_url:
            totals, ids = latest["totals"], latest["coverage"]["ids"]
            return Known(totals["items"] / ids, totals["requests"] / ids, latest["run"]["name"])
    except (KeyError, TypeError, ZeroDivisionError):
        pass  # not a report of ours
    if continues is None or not continues.settled:
        return None
    return Known(continues.records / continues.settled, continues.requests / continues.settled, continues.run.name)


def measured_bytes(entries: Iterable[Entry]) -> tuple[str | None, float | None]:
    """Return what a record has taken on disk in the newest run that has any, and that run's name."""
    for entry in entries:
        if entry.bytes_per_record is not None:
            return entry.run.name, entry.bytes_per_record
    return None, None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a walk would take.

    Retries come on top, up to a request each time that a chain is split, and what is asked beside the pages: a
    proof for each segment, and the audits.
    """

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
    return sum(pages) + (_END_REQUESTS if pages else 0)
