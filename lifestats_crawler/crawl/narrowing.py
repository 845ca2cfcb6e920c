"""What is lost where a page fails for good: as few ids as can be proven, found by halving. Pure."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

_REQUESTS_A_PAGE = 12
_WITHIN_A_PAGE = 2  # steps


class Try(NamedTuple):
    """A request of a narrowing."""

    first: int
    limit: int | None


class _Stage(Enum):
    #: Fewer and fewer records from the cursor on.
    LIMITS = auto()
    #: Further and further on, until there is a good answer.
    AWAY = auto()
    #: Between the last failure and the first good answer.
    BETWEEN = auto()
    #: The cursor once more, with every retry that there is.
    LAST = auto()


class Narrowing:
    """Finds the ids that must be given up at a cursor where a page fails: one try a step, ``retries`` at the last.

    First one record is asked for, to tell a record further on from the cursor itself; then the limit is halved,
    down to the one record that cannot be had. Without a limit in the request that is left out. Then a good answer
    is looked for beyond it, ever further on, beginning with the distance between two records: so the end of a dead
    region is found whether that is one id or a million. Then it is halved between the last failure and that
    answer. A dozen requests for each page of the ids in question at most.
    """

    def __init__(self, cursor: int, end: int, limit: int | None, spacing: float, page: int) -> None:
        """Begin at a cursor that has failed, on a chain that ends at ``end``.

        ``limit`` is how many records the failed request was for, None where that cannot be said. ``spacing`` is
        how many ids there are to a record, and ``page`` how many records to a page.
        """
        self.cursor = cursor
        self._spacing = max(1.0, spacing)
        self._page = page
        self._limit = limit
        #: Among so many records from the cursor on is the one that makes a page fail.
        self._among = limit or 0
        self._away = 0
        self._bad, self._good = cursor, end
        self._requests = 0
        self._stage = _Stage.LIMITS
        if end - cursor == 1:  # there is nothing to find
            self._limit, self._stage = self._one, _Stage.LAST
        elif limit is not None and limit > 1:
            self._limit = 1
        else:
            self._halve()

    @property
    def asks(self) -> Try:
        """What is to be asked next."""
        match self._stage:
            case _Stage.AWAY:
                return Try(self._probe(), self._one)
            case _Stage.BETWEEN:
                return Try((self._bad + self._good) // 2, self._one)
        return Try(self.cursor, self._limit)

    @property
    def is_probing(self) -> bool:
        """Whether the next answer is not for the cursor: it is only good or bad, and counts nothing."""
        return self._stage in (_Stage.AWAY, _Stage.BETWEEN)

    @property
    def is_last(self) -> bool:
        """Whether only the retries at the cursor are left, before the ids up to ``lost_until`` are given up."""
        return self._stage is _Stage.LAST

    def lost_until(self, end: int) -> int:
        """Return the end of what is lost, on a chain that now ends at ``end``."""
        return min(self._good, end)

    def advanced(self, cursor: int) -> bool:
        """Take note that the answer at the cursor was good; return whether the narrowing is over.

        It is over where what failed has passed by: with a good answer for one record at the place itself.
        """
        if self._stage is _Stage.LAST or self._limit is None:
            return True
        self._among -= self._limit
        self.cursor = self._bad = cursor
        self._limit = max(1, self._among // 2)
        return self._among <= 0

    def probed(self, *, is_good: bool, end: int) -> None:
        """Take note of the answer at a probe, on a chain that now ends at ``end``."""
        self._requests += 1
        self._good = min(self._good, end)
        at = self.asks.first
        if is_good:
            self._good = min(self._good, at)
            self._stage = _Stage.BETWEEN
        else:
            self._bad = max(self._bad, at)
            self._away += 1
        if self._stage is _Stage.AWAY and self._probe() >= self._good:
            self._stage = _Stage.BETWEEN
        if self._good - self._bad <= 1 or self._requests >= self._most:
            self._stage = _Stage.LAST

    def failed(self, end: int) -> None:
        """Take note that the answer at the cursor was bad."""
        self._requests += 1
        self._good = min(self._good, end)
        if self._stage is _Stage.LIMITS:
            self._halve()

    def _halve(self) -> None:
        if self._limit is not None and self._limit > 1:
            self._among = self._limit
            self._limit //= 2
            return
        self._stage = _Stage.AWAY
        if self._good - self._bad <= 1:
            self._stage = _Stage.LAST
        elif self._probe() >= self._good:
            self._stage = _Stage.BETWEEN

    def _probe(self) -> int:
        """Return where to look next for a good answer: one record on, a quarter of a page, 1, 2, 4 … pages on."""
        if self._away < _WITHIN_A_PAGE:
            records = max(1 << self._away, self._page // 4 if self._away else 1)
        else:
            records = max(1 << self._away, self._page << (self._away - _WITHIN_A_PAGE))
        return self.cursor + round(self._spacing * records)

    @property
    def _one(self) -> int | None:
        return None if self._limit is None else 1

    @property
    def _most(self) -> float:
        pages = (self._good - self.cursor) / (self._spacing * self._page)
        return _REQUESTS_A_PAGE * max(1.0, pages)
