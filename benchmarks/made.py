"""Segments without a crawl, in the form of those that a crawl leaves."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.contestants.counts import FIELDS
from benchmarks.crawlers import runs
from benchmarks.spaces import FIRST_ID
from lifestats_crawler.ranges import IdRange
from lifestats_crawler.storage import segments

if TYPE_CHECKING:
    from pathlib import Path

    from lifestats_crawler.items import Key
    from lifestats_crawler.storage.footers import Footer

KEYS = 100_000  # counts in a full segment
_DRAWS = 130_000  # enough for so many values
_VALUES = 16_000_000
_SCATTER = 2_654_435_761  # as in mocks.data: frequent values are no neighbours
_CHAINS = 100
_STEP_IDS = 2  # that a chain settles in a round


def crawled_footer(directory: Path) -> Footer:
    """Return what a segment says that lifestats has left in a directory."""
    return segments.footer(next(runs(directory).glob("*/segments/*.parquet")))


def write_full(directory: Path, number: int, like: Footer) -> None:
    """Write segments 1 to ``number``, each with 100,000 counts of foods, skewed as those of the mock API."""
    with ProcessPoolExecutor() as processes:
        list(processes.map(partial(_write_full, directory, like), range(1, number + 1)))


def interleaved_ids(rounds: int) -> int:
    """Return how wide a space is of which ``write_interleaved`` leaves the last round."""
    return _CHAINS * (rounds + 1) * _STEP_IDS


def write_interleaved(directory: Path, number: int, rounds: int, like: Footer) -> None:
    """Write segments 1 to ``number``, which together settle all but the last round of each chain.

    Each of them settles some ids of every chain, as in a crawl: its footer has 100 ranges.
    """
    each, width = rounds // number * _STEP_IDS, (rounds + 1) * _STEP_IDS
    counts: dict[str, dict[Key, int]] = {name: dict.fromkeys(range(_CHAINS), 1) for name in FIELDS}
    for one in range(number):
        begins = [FIRST_ID + chain * width + one * each for chain in range(_CHAINS)]
        covers = tuple(IdRange(begin, begin + each) for begin in begins)
        records_of = (1,) * _CHAINS
        footer = replace(like, covers=covers, records_of=records_of, records=_CHAINS, pages=_CHAINS)
        segments.write(directory, one + 1, counts, footer)


def _write_full(directory: Path, like: Footer, number: int) -> None:
    random = np.random.default_rng(number)
    draws = 1 + (_VALUES * random.random(_DRAWS) ** 3).astype(np.int64) * _SCATTER % _VALUES
    keys, counts = np.unique(draws, return_counts=True)
    # In the order of chance, as a crawl meets them.
    chosen = random.permutation(len(keys))[:KEYS]
    foods = dict(zip(keys[chosen].tolist(), counts[chosen].tolist(), strict=True))
    covers = (IdRange(number * _DRAWS, (number + 1) * _DRAWS),)
    space, records = IdRange(0, 2**40), sum(foods.values())
    footer = replace(like, space=space, covers=covers, records_of=(records,), records=records, pages=KEYS // 100)
    segments.write(directory, number, {"foods": foods}, footer)
