"""What a crawl would take: requests, time and disk. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from lifestats_crawler.crawl.checking import LEAST_AUDITS
from lifestats_crawler.crawl.density import Density
from lifestats_crawler.crawl.frontier import Frontier
from lifestats_crawler.ranges import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lifestats_crawler.config.model import Config
    from lifestats_crawler.ranges import IdRange
    from lifestats_crawler.storage.inventory import Entry
    from lifestats_crawler.storage.reports import Report

# Measured: a segment of 1,000 pages of the mock's data, 95,000 integers, takes 5.4. Texts take more.
BYTES_PER_KEY = 5.5
# Measured as well: what a segment takes whose page has five records.
BYTES_PER_SEGMENT = 2_000
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
    """How many records the ids hold, as a run has shown it, and what its requests were beside pages."""

    #: Estimates how many records a range holds.
    records: Callable[[IdRange], float]
    #: Requests for a page, with those that were made again.
    requests_per_page: float
    run: str
    #: Requests of a start beside its pages: its first audits, each of two parts.
    beside: int = 0


def known_density(
    config: Config, latest: Report | None, before: Entry | None, continues: Entry | None
) -> Known | None:
    """Return what is known of the densities; None where nothing is.

    ``before`` is the run of ``latest``, the newest complete report. If it is of the same url, it knows every
    place of the space. Else the run that is continued knows the places that it has settled. These are a biased
    sample: its chains settle pages, so they settle more ids where there are few records. So what is left is taken
    to be like what is beside it, and not like the mean of what is settled.
    """
    try:
        if latest and latest["source"]["url"] == config.shown_url:
            totals, ids = latest["totals"], latest["coverage"]["ids"]
            ratio, per_page = totals["items"] / ids, totals["requests"] / totals["pages"]
            if before and before.space == config.space and not before.damaged:
                return Known(by_places(config.space, before.pieces), per_page, before.run.name)
            return Known(lambda part: len(part) * ratio, per_page, latest["run"]["name"])
    except (KeyError, TypeError, ZeroDivisionError):
        pass  # not a report of ours
    if continues is None or not continues.settled or not continues.pages:
        return None
    per_page = 1 + continues.retries / continues.pages
    beside = 2 * LEAST_AUDITS if config.audit else 0
    return Known(by_places(config.space, continues.pieces), per_page, continues.run.name, beside)


def by_places(space: IdRange, pieces: Iterable[tuple[IdRange, float]]) -> Callable[[IdRange], float]:
    """Return what estimates the records of a range, by pieces of the space whose records are known."""
    density = Density(space)
    for part, records in pieces:
        density.show(part, records)
    return density.records


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


def estimate(  # noqa: PLR0913, PLR0917  # what is known of the API
    config: Config,
    ranges: list[IdRange],
    records_of: Callable[[IdRange], float] = len,
    bytes_per_record: float | None = None,
    requests_per_page: float = 1.0,
    beside: int = 0,
) -> Estimate:
    """Work out what a walk of some ranges would take; ``records_of`` tells how many records a range holds.

    By default every id is a record, which is the most that there can be. ``beside`` is how many requests are not
    for a page.
    """
    records = ceil(round(sum(map(records_of, ranges)), 3))
    pages = _pages(config, ranges, records_of)
    requests = ceil(pages * requests_per_page) + (beside if pages else 0)
    seconds = requests / config.rate_limit if config.rate_limit else None
    keys = records * len(config.counters)
    # By time there is a segment only if a page came meanwhile.
    by_time = min((seconds or 0) / config.spill_seconds, requests)
    spills = requests / config.spill_every, by_time, keys / config.spill_keys
    segments = ceil(max(spills))
    if bytes_per_record is None:
        size = keys * BYTES_PER_KEY + segments * BYTES_PER_SEGMENT
    else:
        size = records * bytes_per_record
    return Estimate(records, requests, seconds, segments, ceil(size))


def _pages(config: Config, ranges: list[IdRange], records_of: Callable[[IdRange], float]) -> int:
    started = subsets(config, ranges)
    waiting = [part for item in ranges for part in missing(item, started)]
    pages = [max(1, ceil(records_of(part) / config.results_per_page)) for part in [*started, *waiting]]
    return sum(pages) + (_END_REQUESTS if pages else 0)
