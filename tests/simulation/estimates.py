"""The time left, as it is told during a crawl and after an interruption, beside what it turns out to be.

python -m tests.simulation --estimates 200
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from lifestats_crawler.counting.partial import Partial
from lifestats_crawler.crawl.frontier import Frontier
from lifestats_crawler.preflight import plan
from lifestats_crawler.ranges import IdRange, missing
from lifestats_crawler.storage import footers
from tests.configurations import configured
from tests.crawl.test_at_the_limit import CHAINS, MOST_CHAINS, PAGE, Simulation
from tests.storage.stored import FOOTER

if TYPE_CHECKING:
    from lifestats_crawler.items import Tally
    from lifestats_crawler.storage.footers import Footer

#: Where a crawl is looked at, as shares of its requests.
AT = (0.25, 0.5, 0.75)
TOLERATED = 0.15
LEAST_SHARE = 0.9
_RATE, _LATENCY = 100, 0.3
_RECORDS = 120_000
_SPILL_EVERY = 100  # pages
_LEAST_WIDTH = 1.5 / CHAINS  # of the space: a region is wider than a subset


class Interrupted(Exception):  # noqa: N818  # no error
    """The crawl was stopped on purpose."""


class Estimated(Simulation):
    """A crawl that notes what it says of the time left, and that can be interrupted after so many requests."""

    def __init__(self, ids: list[int], space: IdRange, known: list[Footer], until: int | None = None) -> None:
        super().__init__(ids, space, _RATE, _LATENCY, _LATENCY)
        settled = footers.together(known)
        self.frontier = Frontier(
            *(list(missing(space, settled.settled)), CHAINS, PAGE, MOST_CHAINS), pieces=settled.pieces
        )
        self.until = until
        self.footers, self.partial = list(known), Partial([])
        #: After each answer: the requests so far, and the requests that are said to be left.
        self.told: list[tuple[int, float]] = []

    def page(self, left: IdRange) -> Tally:
        tally = super().page(left)
        self.partial.add(replace(tally, ids=()))
        if self.partial.pages == _SPILL_EVERY:
            self.spill()
        return tally

    def answer(self, chain, now) -> None:
        if self.until is not None and self.answers == self.until:
            self.spill()
            raise Interrupted
        super().answer(chain, now)
        self.told.append((self.answers, self.frontier.pages_left()))

    def spill(self) -> None:
        pieces = self.partial.pieces
        covers, records = tuple(part for part, _ in pieces), tuple(many for _, many in pieces)
        about = {
            "covers": covers,
            "records_of": records,
            "records": sum(records),
            "retries": 0,
            "space": self.space,
        }
        self.footers.append(replace(FOOTER, **about, pages=self.partial.pages))
        self.partial = Partial([])


def drawn(seed: int) -> tuple[list[int], IdRange]:
    """Draw regions of very different densities; return the ids of the records, and the space."""
    random = Random(seed)
    widths = [random.uniform(_LEAST_WIDTH, 0.3) for _ in range(random.randint(4, 30))]
    densities = [random.choice([0.005, 0.05, 0.2, 0.6, 1.0]) for _ in widths]
    widths = [width for width in widths if width / sum(widths) >= _LEAST_WIDTH]
    densities = densities[: len(widths)]
    mean = sum(width * density for width, density in zip(widths, densities, strict=True)) / sum(widths)
    space = IdRange(658_330_693, 658_330_693 + round(_RECORDS / mean))
    ids, begin = [], float(space.begin)
    for width, density in zip(widths, densities, strict=True):
        end = begin + len(space) * width / sum(widths)
        many = round((end - begin) * density)
        ids += sorted({round(random.uniform(begin, end - 1)) for _ in range(many)})
        begin = end
    return sorted(set(ids)), space


def differences(seed: int) -> list[tuple[float, float]]:
    """Return by how much the time left was told wrong at each of ``AT``, as a share of what it turned out to be.

    During the crawl, and after an interruption.
    """
    ids, space = drawn(seed)
    whole = Estimated(ids, space, [])
    whole.run()
    requests = len(whole.departures)
    found = []
    for share in AT:
        until = round(share * requests)
        _, told = whole.told[bisect_left(whole.told, (until,))]
        during = told / (requests - until) - 1
        found.append((during, _after_interruption(ids, space, until)))
    return found


def _after_interruption(ids: list[int], space: IdRange, until: int) -> float:
    first = Estimated(ids, space, [], until)
    with suppress(Interrupted):
        first.run()
    settled = footers.together(first.footers)
    config = configured(
        first_id=space.begin, last_id=space.end - 1, results_per_page=PAGE, subsets=CHAINS, rate_limit=_RATE
    )
    ranges = list(missing(space, settled.settled))
    likely = plan.estimate(config, ranges, plan.by_places(config.space, settled.pieces))
    second = Estimated(ids, space, first.footers)
    second.coverage.add(*settled.settled)
    second.records = settled.records
    second.run()
    return likely.requests / len(second.departures) - 1


def tell(seeds: int) -> int:
    """Print in how many crawls the time left was right; 1 if it was in too few."""
    found = [differences(seed) for seed in range(seeds)]
    is_good = True
    for number, at in enumerate(AT):
        for which, name in enumerate(("during the crawl", "after an interruption")):
            off = sorted(abs(of_life[number][which]) for of_life in found)
            share = sum(one <= TOLERATED for one in off) / seeds
            is_good &= share >= LEAST_SHARE
            sys.stdout.write(
                f"at {at:.0%}, {name}: within {TOLERATED:.0%} in {share:.1%} of {seeds} crawls;"
                f" half of them within {off[seeds // 2]:.1%}\n"
            )
    return 0 if is_good else 1
