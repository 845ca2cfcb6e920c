"""What every contestant counts, and how its result is written, so that results can be compared."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections import Counter
from heapq import nlargest
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FIELDS = {"foods": "food_id", "categories": "food__category_id"}
TOP = 100


class Counts:
    """Both counters in memory."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.counters: dict[str, Counter[int]] = {name: Counter() for name in FIELDS}

    def add(self, records: Iterable[Mapping[str, int]], end: int) -> None:
        """Count the records with an id below ``end``: the next chain has the others."""
        inside = [record for record in records if record["id"] < end]
        for name, field in FIELDS.items():
            self.counters[name].update([record[field] for record in inside])

    def write(self, path: str) -> None:
        """Write the summary."""
        Path(path).write_text(json.dumps(summary(self.counters)), encoding="utf-8")


def summary(counters: Mapping[str, Counter[int]]) -> dict[str, Any]:
    """Return how many records and values each counter has, and its first rows."""
    return {
        name: {"items": counter.total(), "distinct": len(counter), "top": ranked(counter)}
        for name, counter in counters.items()
    }


def ranked(counter: Counter[int]) -> list[list[int]]:
    """Return the most frequent values, the smallest first where they tie."""
    least = min(nlargest(TOP, counter.values()), default=0)
    rows = [[key, count] for key, count in counter.items() if count >= least]
    return sorted(rows, key=lambda row: (-row[1], row[0]))[:TOP]


def arguments(*options: str) -> Namespace:
    """Read the command line of a contestant: every option is a word or a number."""
    parser = ArgumentParser()
    for name in ("url", "out"):
        parser.add_argument(name)
    for name in ("first", "last"):
        parser.add_argument(name, type=int)
    for option in options:
        parser.add_argument(f"--{option}")
    return parser.parse_args()


def subsets(first: int, last: int, chains: int) -> list[tuple[int, int]]:
    """Split ids first to last into ``chains`` ranges (begin, end) of equal width."""
    bounds = [first + (last + 1 - first) * number // chains for number in range(chains + 1)]
    return list(pairwise(bounds))
