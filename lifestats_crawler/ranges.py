"""Half-open id ranges: split, subtract, union."""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING

from lifestats_crawler.exceptions import OverlapError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True, order=True)
class IdRange:
    """Ids with ``begin <= id < end``. A range whose end is not after its begin is empty."""

    begin: int
    end: int

    def __len__(self) -> int:
        """Count the ids, not the records: 0 if the range is empty."""
        return max(0, self.end - self.begin)

    def __contains__(self, an_id: int) -> bool:
        """Tell whether the id lies in the range."""
        return self.begin <= an_id < self.end

    def __str__(self) -> str:
        """Write the range as a mathematician would: ``[2, 4)``."""
        return f"[{self.begin}, {self.end})"


def union(ranges: Iterable[IdRange]) -> list[IdRange]:
    """Merge ranges that touch or overlap; the result is sorted and has no empty range.

    >>> union([IdRange(4, 6), IdRange(0, 2), IdRange(2, 3), IdRange(5, 9)])
    [IdRange(begin=0, end=3), IdRange(begin=4, end=9)]
    """
    merged: list[IdRange] = []
    for item in sorted(ranges, key=attrgetter("begin")):
        if not len(item):
            continue
        if merged and item.begin <= merged[-1].end:
            merged[-1] = IdRange(merged[-1].begin, max(merged[-1].end, item.end))
        else:
            merged.append(item)
    return merged


def missing(whole: IdRange, covered: Iterable[IdRange]) -> Iterator[IdRange]:
    """Yield what ``covered`` leaves of ``whole``, in order.

    >>> list(missing(IdRange(0, 10), [IdRange(2, 4)]))
    [IdRange(begin=0, end=2), IdRange(begin=4, end=10)]
    """
    position = whole.begin
    for item in union(covered):
        if item.end <= position:
            continue
        if item.begin >= whole.end:
            break
        if item.begin > position:
            yield IdRange(position, item.begin)
        position = item.end
    if position < whole.end:
        yield IdRange(position, whole.end)


def missing_from_each(items: Iterable[IdRange], covered: Iterable[IdRange]) -> Iterator[list[IdRange]]:
    """Yield for each range what ``covered`` leaves of it: as ``missing`` does, but fast for many ranges.

    >>> list(missing_from_each([IdRange(0, 3), IdRange(5, 9)], [IdRange(2, 6)]))
    [[IdRange(begin=0, end=2)], [IdRange(begin=6, end=9)]]
    """
    merged = union(covered)
    begins, ends = [item.begin for item in merged], [item.end for item in merged]
    for item in items:
        near = merged[bisect_right(ends, item.begin) : bisect_left(begins, item.end)]
        yield list(missing(item, near))


def in_two(groups: Iterable[Iterable[IdRange]]) -> list[IdRange]:
    """Return the ids that are in at least two of some groups of ranges.

    >>> in_two([[IdRange(0, 4), IdRange(6, 9)], [IdRange(2, 7)], []])
    [IdRange(begin=2, end=4), IdRange(begin=6, end=7)]
    """
    owned = sorted(item for group in groups for item in union(group))
    found, reached = [], owned[0].begin if owned else 0
    for item in owned:
        found.append(IdRange(item.begin, min(item.end, reached)))
        reached = max(reached, item.end)
    return union(found)


def split(whole: IdRange, parts: int) -> list[IdRange]:
    """Split a range into ``parts`` whose widths differ by one id at most.

    Where there are fewer ids than parts, every id gets a part of its own.

    >>> split(IdRange(0, 10), 3)
    [IdRange(begin=0, end=4), IdRange(begin=4, end=7), IdRange(begin=7, end=10)]
    """
    parts = min(parts, len(whole))
    bounds = [whole.begin + -(-len(whole) * i // parts) for i in range(parts + 1)] if parts else []
    return [IdRange(begin, end) for begin, end in pairwise(bounds)]


def share(ranges: Iterable[IdRange], parts: int) -> list[IdRange]:
    """Split ranges until there are ``parts`` of them, as even in width as their borders allow.

    Each further part goes to the range whose parts are the widest (the highest averages
    method, D'Hondt). Returns fewer parts where there are fewer ids, and more where more
    ranges came in.

    >>> share([IdRange(0, 8), IdRange(10, 12)], 3)
    [IdRange(begin=0, end=4), IdRange(begin=4, end=8), IdRange(begin=10, end=12)]
    """
    heap = [(-len(item) / 1, item, 1) for item in union(ranges)]
    heapq.heapify(heap)
    for _ in range(parts - len(heap)):
        if not heap:
            break
        _, item, pieces = heap[0]
        heapq.heapreplace(heap, (-len(item) / (pieces + 1), item, pieces + 1))
    return sorted(part for _, item, pieces in heap for part in split(item, pieces))


class Coverage:
    """The union of the ranges settled so far; settling an id twice is an error.

    Ranges that touch are merged at once, so its size follows the number of chains
    and not the number of pages.
    """

    def __init__(self, settled: Iterable[IdRange] = ()) -> None:
        """Start from ranges that are settled already."""
        self._begins: list[int] = []
        self._ends: list[int] = []
        self._size = 0
        for item in settled:
            self.add(item)

    def add(self, *items: IdRange) -> None:
        """Settle ranges, no two of which overlap.

        Raises OverlapError, and changes nothing, if part of one is settled already.
        """
        for item in items:
            self._refuse_overlap(item)
        for item in items:
            if len(item):
                self._insert(item)

    def _refuse_overlap(self, item: IdRange) -> None:
        begins, ends = self._begins, self._ends
        at = bisect_right(begins, item.begin)
        reaches_in = (at and ends[at - 1] > item.begin) or (at < len(begins) and begins[at] < item.end)
        if len(item) and reaches_in:
            raise OverlapError(f"ids {item.begin} to {item.end - 1} overlap with ids that are counted already")

    def _insert(self, item: IdRange) -> None:
        begins, ends = self._begins, self._ends
        at = bisect_right(begins, item.begin)
        touches_left = bool(at) and ends[at - 1] == item.begin
        touches_right = at < len(begins) and begins[at] == item.end
        if touches_left and touches_right:
            ends[at - 1] = ends[at]
            del begins[at], ends[at]
        elif touches_left:
            ends[at - 1] = item.end
        elif touches_right:
            begins[at] = item.begin
        else:
            begins.insert(at, item.begin)
            ends.insert(at, item.end)
        self._size += len(item)

    def __len__(self) -> int:
        """Count the settled ids."""
        return self._size

    def __iter__(self) -> Iterator[IdRange]:
        """Yield the settled ranges, merged and in order."""
        return (IdRange(begin, end) for begin, end in zip(self._begins, self._ends, strict=True))
