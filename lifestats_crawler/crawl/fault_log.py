"""Which faults are worth a line in the log. Pure: the time is an argument, in seconds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lifestats_crawler.items import GivenUp

_QUIET_SECONDS = 60.0
_NUMBER = re.compile(r"\d+")
_KIND_CHARACTERS = 80  # of a reason tell its kind
_MOST_KINDS = 100


def kind_of(reason: str) -> str:
    """Return what is common to reasons that differ in numbers only, cut short.

    >>> kind_of("status 503 at 658330693")
    'status # at #'
    """
    return _NUMBER.sub("#", reason)[:_KIND_CHARACTERS]


def summed(given_up: Iterable[GivenUp]) -> list[tuple[int, int, str]]:
    """Return, for each kind of reason with two ranges or more, the ids, the ranges, and the first reason.

    >>> summed([(0, 3, "status 500"), (5, 9, "status 502"), (9, 10, "not in time")])
    [(7, 2, 'status 500')]
    """
    kinds: dict[str, list[GivenUp]] = {}
    for item in given_up:
        kinds.setdefault(kind_of(item[2]), []).append(item)
    return [
        (sum(end - begin for begin, end, _ in items), len(items), items[0][2])
        for items in kinds.values()
        if len(items) > 1
    ]


class FaultLog:
    """Tell one fault of each kind a minute, and how many like it there were meanwhile.

    A server in trouble otherwise fills the log with a line a page.
    """

    def __init__(self) -> None:
        """Start with nothing told."""
        self._told_at: dict[str, float] = {}
        self._untold: dict[str, int] = {}

    def untold(self, reason: str, now: float) -> int | None:
        """Return how many of this kind were not told since the last one; None if this one is not to be told.

        >>> log = FaultLog()
        >>> [log.untold(f"status 503 at {page}", now=page) for page in (0, 20, 40, 60, 80)]
        [0, None, None, 2, None]
        """
        kind = kind_of(reason)
        if kind not in self._told_at and len(self._told_at) == _MOST_KINDS:
            kind = next(iter(self._told_at))
        if now - self._told_at.get(kind, -_QUIET_SECONDS) < _QUIET_SECONDS:
            self._untold[kind] += 1
            return None
        before = self._untold.get(kind, 0)
        self._told_at[kind], self._untold[kind] = now, 0
        return before
