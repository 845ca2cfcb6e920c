"""Which chain walks what. Pure: no clock, no network."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifestats_crawler.exceptions import FaultyPageError
from lifestats_crawler.ranges import IdRange, share

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lifestats_crawler.items import Tally


@dataclass(slots=True, eq=False)
class Chain:
    """The requests that walk a subset one after another: never more than one under way."""

    cursor: int
    end: int
    #: Whether it walks a range that has been put aside before.
    is_last_try: bool = False
    #: How often the page at the cursor has failed.
    failures: int = 0
    #: How many ranges in a row it has put aside.
    skips: int = 0

    @property
    def left(self) -> IdRange:
        """What the chain has still to walk, from its cursor on."""
        return IdRange(self.cursor, self.end)


class Frontier:
    """The part of the id space that is not settled, and the chains that walk it."""

    def __init__(self, unsettled: Iterable[IdRange], chains: int) -> None:
        """Share what is not settled out to at most ``chains`` chains at a time."""
        self._waiting = deque(share(unsettled, chains))
        self._aside: list[IdRange] = []
        self._most_chains = chains
        self._active: set[Chain] = set()
        self._highest = -1
        self._claims: list[IdRange] = []

    def __len__(self) -> int:
        """Count the chains under way."""
        return len(self._active)

    def start(self) -> Iterator[Chain]:
        """Yield new chains for the ranges that wait, as many as may be under way.

        Ranges that were put aside wait until everything else is done.
        """
        while len(self._active) < self._most_chains:
            if self._waiting:
                subset, is_last_try = self._waiting.popleft(), False
            elif self._aside and all(chain.is_last_try for chain in self._active):
                subset, is_last_try = self._aside.pop(), True
            else:
                return
            chain = Chain(subset.begin, subset.end, is_last_try)
            self._active.add(chain)
            yield chain

    def advance(self, chain: Chain, tally: Tally) -> None:
        """Move a chain past its settled page, and end it at the end of its subset.

        Raises FaultyPageError if the page claims to be the last although another page has
        shown a higher id. The claim itself settles nothing before ``proven_empty``.
        """
        shown = tally.settles.end - 1 if tally.highest is None else tally.highest
        if tally.next is None and self._highest > max(shown, tally.settles.end - 1):
            raise FaultyPageError(f"claims to be the last page, but id {self._highest} exists")
        if tally.highest is not None:
            self._witness(tally.highest)
        chain.cursor = tally.settles.end
        chain.failures = chain.skips = 0
        if tally.next is None:
            self._claims.append(chain.left)
        if tally.next is None or chain.cursor >= chain.end:
            self._active.discard(chain)

    def skip(self, chain: Chain, ids: int) -> tuple[IdRange, bool]:
        """Move a chain past ids that keep failing; return them, and whether they are given up.

        The first time they are put aside, to be tried again last: at least ``ids`` of them, and
        twice as many each time in a row, so that a dead region does not hold up the rest for long.
        The second time ``ids`` of them are given up for good.
        """
        width = ids if chain.is_last_try else ids << chain.skips
        skipped = IdRange(chain.cursor, min(chain.cursor + width, chain.end))
        if not chain.is_last_try:
            self._aside.append(skipped)
        chain.cursor = skipped.end
        chain.failures = 0
        chain.skips += 1
        if chain.cursor >= chain.end:
            self._active.discard(chain)
        return skipped, chain.is_last_try

    def is_under_way(self, chain: Chain) -> bool:
        """Tell whether the chain has more to ask for."""
        return chain in self._active

    def proven_empty(self) -> list[IdRange]:
        """Return, once nothing is left to ask, the ranges that end-of-space claims stand for.

        No page of the whole crawl has shown an id that contradicts them.
        """
        if self._active or self._waiting or self._aside:
            return []
        claims, self._claims = self._claims, []
        return [claim for claim in claims if len(claim)]

    def _witness(self, highest: int) -> None:
        """Take note of an id that exists, and put ranges falsely claimed empty back to work."""
        if highest <= self._highest:
            return
        self._highest = highest
        refuted = [claim for claim in self._claims if claim.begin <= highest]
        self._waiting.extend(claim for claim in refuted if len(claim))
        self._claims = [claim for claim in self._claims if claim.begin > highest]
