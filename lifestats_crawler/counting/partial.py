"""Partial counts in memory: what pages have added since the last spill."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from sys import getsizeof
from typing import TYPE_CHECKING

from lifestats_crawler.ranges import IdRange

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lifestats_crawler.items import Key, Tally

_ENTRY_BYTES = 100  # of a dictionary, with its number


def _size(value: Key) -> int:
    return getsizeof(value) + _ENTRY_BYTES


def _within(part: IdRange, ids: Sequence[int]) -> int:
    """Count the ids, in order, that lie in a range."""
    return bisect_left(ids, part.end) - bisect_left(ids, part.begin)


class Partial:
    """The counts of some pages, and the ranges that they come from."""

    def __init__(self, counters: Iterable[str]) -> None:
        """Start at nothing."""
        self.counts: dict[str, Counter[Key]] = {name: Counter() for name in counters}
        self.labels: dict[str, dict[Key, str]] = {}
        self.without: Counter[str] = Counter()
        self.records = 0
        self.pages = 0
        #: How many ids these pages settle with records, or between them: without what is claimed.
        self.ids = 0
        #: The highest id that they have shown, also one beyond the id space.
        self.highest = -1
        #: What they settle by a claim that nothing follows.
        self.claims: list[IdRange] = []
        #: About how many bytes of memory the counts and labels take.
        self.bytes = 0
        self._settled: list[tuple[int, int, int]] = []  # begin, end, records

    def add(self, tally: Tally) -> None:
        """Count a page. Counts and coverage move together: nothing in here waits."""
        parts = tally.parts
        if len(parts) == 1:
            self._settled.append((parts[0].begin, parts[0].end, tally.records))
        else:
            self._settled += ((part.begin, part.end, _within(part, tally.ids)) for part in parts)
        if tally.claims is not None:
            self.claims.append(tally.claims)
        for name, keys in tally.keys.items():
            counts = self.counts[name]
            # Not ``set(keys) - counts.keys()``: that goes through all that is in memory, for each page.
            self.bytes += sum(_size(key) for key in set(keys) if key not in counts)
            counts.update(keys)
        for name, labels in tally.labels.items():
            known = self.labels.setdefault(name, {})
            self.bytes += sum(_size(label) for key, label in labels.items() if key not in known)
            known.update(labels)
        self.without.update(tally.without)
        self.records += tally.records
        self.pages += 1
        self.ids += sum(map(len, parts))
        self.highest = max(self.highest, *tally.ids[-1:], -1 if tally.highest is None else tally.highest)

    @property
    def pieces(self) -> list[tuple[IdRange, int]]:
        """The ranges settled by these pages, merged and in order, and how many records are in each."""
        merged: list[tuple[IdRange, int]] = []
        for begin, end, records in sorted(self._settled):
            if merged and merged[-1][0].end == begin:
                before, more = merged.pop()
                merged.append((IdRange(before.begin, end), more + records))
            else:
                merged.append((IdRange(begin, end), records))
        return merged

    @property
    def keys(self) -> int:
        """How many counts there are in memory."""
        return sum(map(len, self.counts.values()))

    def __bool__(self) -> bool:
        """Tell whether a page was counted."""
        return bool(self.pages)
