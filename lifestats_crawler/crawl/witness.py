"""Records that are known to exist: asked where one of them is, an answer shows whether the server is well.

Pure.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MOST = 16  # of the highest, and as many of any


class Witnesses:
    """Ids that answers have shown: the highest ones, the first and the last that were seen, and what has answered.

    Those that were seen first are of every part of the id space, for all chains begin together.
    """

    def __init__(self, known: Iterable[int] = ()) -> None:
        """Start from ids that are known from before."""
        self._highest = sorted(known)
        self._early: list[int] = []
        self._lately: list[int] = []
        self._well: list[int] = []

    def note(self, ids: Sequence[int]) -> None:
        """Take note of the ids of a page, ascending."""
        if not ids:
            return
        middle = ids[len(ids) // 2]
        self._lately = [middle, *self._lately[: _MOST - 1]]
        if len(self._early) < _MOST:
            self._early.append(middle)
        top = self._highest
        if len(top) < _MOST or ids[-1] > top[0]:
            for an_id in ids[-_MOST:]:
                if (at := bisect_left(top, an_id)) == len(top) or top[at] != an_id:
                    insort(top, an_id)
            del top[:-_MOST]

    def forget(self, an_id: int) -> None:
        """Take note that a record is gone."""
        for known in (self._highest, self._early, self._lately, self._well):
            known[:] = [other for other in known if other != an_id]

    def has_answered(self, an_id: int) -> None:
        """Take note that a request at an id was answered well: it is asked first the next time."""
        self._well = [an_id, *(other for other in self._well if other != an_id)][:_MOST]

    @property
    def highest(self) -> int:
        """The highest id that is known to exist; -1 without one."""
        return self._highest[-1] if self._highest else -1

    def some(self, many: int, besides: int = -1) -> list[int]:
        """Return up to so many of them: first what has answered, then from everywhere."""
        turns = zip_longest(self._lately, self._early, reversed(self._highest))
        others = (an_id for turn in turns for an_id in turn if an_id is not None)
        known = dict.fromkeys([*self._well, *others])
        return [an_id for an_id in known if an_id != besides][:many]
