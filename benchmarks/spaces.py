"""The id spaces that are crawled, and the truth about them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from math import ceil
from typing import Any

from benchmarks.contestants.counts import FIELDS, summary
from lifestats_crawler.ranges import IdRange
from mocks.data import Recipe, Records

FIRST_ID = 658_330_693
PAGE_RECORDS = 100
_DENSITY = 0.95
_SPARSE_IDS = 1000  # to a record, in a sparse space
_DENSE_SHARE = 0.05  # of the ids of a skewed space, with half of its records


@dataclass(frozen=True)
class Space:
    """Ids from ``FIRST_ID`` to ``last_id``, both inclusive, of which the share ``density`` exists."""

    last_id: int
    density: float = _DENSITY
    dense: tuple[tuple[IdRange, float], ...] = ()

    @property
    def arguments(self) -> list[str]:
        """The command line of ``mocks.api`` for it."""
        dense = [f"--density-in={part.begin}:{part.end}:{density}" for part, density in self.dense]
        return [f"--first-id={FIRST_ID}", f"--last-id={self.last_id}", f"--density={self.density}", *dense]

    def known(self) -> Space:
        """Find out the truth now, rather than while something is measured."""
        _ = self.truth
        return self

    @property
    def pages(self) -> int:
        """How many pages hold its records."""
        items: int = self.truth["foods"]["items"]
        return ceil(items / PAGE_RECORDS)

    @cached_property
    def truth(self) -> dict[str, Any]:
        """The summary of its counts, made without a crawl."""
        recipe = Recipe(FIRST_ID, self.last_id, self.density, dense=self.dense)
        counts = Records(recipe).truth().counts
        return summary({name: counts[field] for name, field in FIELDS.items()})


@cache
def even(pages: int) -> Space:
    """Return a space of about so many pages, spread evenly."""
    return Space(FIRST_ID + round(pages * PAGE_RECORDS / _DENSITY))


@cache
def sparse(pages: int) -> Space:
    """Return a space of about so many pages, in which one id in a thousand exists."""
    return Space(FIRST_ID + pages * PAGE_RECORDS * _SPARSE_IDS, 1 / _SPARSE_IDS)


@cache
def skewed(pages: int) -> Space:
    """Return a space of about so many pages, half of them in a twentieth of the ids."""
    ids = round(pages * PAGE_RECORDS / 2 / _DENSITY / _DENSE_SHARE)
    begin = FIRST_ID + ids // 2
    dense = IdRange(begin, begin + round(ids * _DENSE_SHARE))
    return Space(FIRST_ID + ids, _DENSITY * _DENSE_SHARE / (1 - _DENSE_SHARE), ((dense, _DENSITY),))
