"""Which request gets which fault: the shares that ``--fault`` demands, drawn by seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from lifestats_crawler.ranges import IdRange
from mocks.faults import KINDS


class Demand(NamedTuple):
    """A share of the requests, with a cursor in ``cursors`` if that is given, that get a fault."""

    kind: str
    share: float
    cursors: IdRange | None = None


@dataclass(slots=True)
class Injector:
    """Decides which request gets which fault.

    The same seed decides the same for the n-th request at a cursor, in whatever order cursors come.
    """

    demands: list[Demand]
    seed: int = 0
    #: Faults per cursor at most; 0 for no bound.
    limit: int = 3
    met: Counter[str] = field(default_factory=Counter)
    _asked: Counter[int] = field(default_factory=Counter)
    _had: Counter[int] = field(default_factory=Counter)

    def kind(self, cursor: int) -> str | None:
        """Return the fault that a request at a cursor gets, None for an honest answer."""
        self._asked[cursor] += 1
        if self.limit and self._had[cursor] >= self.limit:
            return None
        draw = Random(f"{self.seed}:{cursor}:{self._asked[cursor]}").random()
        for demand in self.demands:
            if demand.cursors is not None and cursor not in demand.cursors:
                continue
            if draw < demand.share:
                self._had[cursor] += 1
                self.met[demand.kind] += 1
                return demand.kind
            draw -= demand.share
        return None


def demands(text: str) -> list[Demand]:
    """Read ``KIND:SHARE`` or ``KIND:SHARE:BEGIN:END``; raises ValueError."""
    kind, share, *bounds = text.split(":")
    if kind != "all" and kind not in KINDS:
        raise ValueError(f"there is no fault {kind!r}")
    cursors = IdRange(int(bounds[0]), int(bounds[1])) if bounds else None
    kinds = [name for name, about in KINDS.items() if about.in_all] if kind == "all" else [kind]
    return [Demand(name, float(share), cursors) for name in kinds]
