"""Which chain walks what. Pure: no clock, no network."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from enum import Enum, auto
from math import sqrt
from typing import TYPE_CHECKING

from lifestats_crawler.crawl.density import Density
from lifestats_crawler.exceptions import FaultyPageError
from lifestats_crawler.ranges import IdRange, share, union

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lifestats_crawler.items import Tally

# Pages that a chain must have left to be split: a split can cost a request. Where nothing else keeps
# the pace, it will do if what is under way leaves half a page.
_WORTH_A_SPLIT_PAGES = 50
_LEAST_PAGES = 1.5
_BEGIN_PAGES = 10
_SURE_DEVIATIONS = 1.5  # standard ones


class Pass(Enum):
    """Which time a chain walks its ids, and what becomes of a page there.

    ============  ==================================  ============================  ==============================
    pass          the page fails too often            a page says "nothing          a page settles something
                                                      follows" and shows nothing
    ============  ==================================  ============================  ==============================
    FIRST         put aside, for a LAST_TRY           a claim, for CONFIRMING       goes on, in the same pass
    LAST_TRY      given up: the ids are missing       a claim, for CONFIRMING       goes on, in the same pass
    CONFIRMING    given up: the ids are missing       settled to the chain's end    goes on, as LAST_TRY
    ============  ==================================  ============================  ==============================
    """

    FIRST = auto()
    LAST_TRY = auto()
    CONFIRMING = auto()


@dataclass(slots=True, eq=False)
class Chain:
    """The requests that walk a subset one after another: never more than one under way."""

    cursor: int
    end: int
    #: Which time its ids are walked.
    stage: Pass = Pass.FIRST
    #: Records per id on its last page, None before its first.
    density: float | None = None
    #: How often the page at the cursor has failed.
    failures: int = 0
    #: Whether the last answer contradicted the configuration.
    is_contradicted: bool = False
    #: When it asks again after a failure, in seconds of the clock that ``resting`` is told.
    rests_until: float = 0.0
    #: How many ranges in a row it has put aside.
    skips: int = 0

    @property
    def left(self) -> IdRange:
        """What the chain has still to walk, from its cursor on."""
        return IdRange(self.cursor, self.end)

    @property
    def is_last_try(self) -> bool:
        """Whether ids that fail now are given up."""
        return self.stage is not Pass.FIRST


class Frontier:
    """The part of the id space that is not settled, and the chains that walk it.

    A chain that ends is replaced by half of what is left of the longest one, if that is worth a request.
    """

    def __init__(
        self, unsettled: Iterable[IdRange], chains: int, page: int = 1, most: int = 0, highest: int = -1
    ) -> None:
        """Share what is not settled out to ``chains`` chains, fewer where each would have few pages.

        ``page`` is how many records a page holds, ``most`` how many chains there may be at most
        after all growth, ``chains`` if that is more, and ``highest`` an id that is known to exist.
        """
        ranges = union(unsettled)
        pages = sum(map(len, ranges)) // page
        self._density = Density(IdRange(ranges[0].begin, ranges[-1].end) if ranges else IdRange(0, 0))
        body, tail = _without_tail(ranges, page)
        self._waiting = deque([*tail, *share(body, max(1, min(chains, pages // _BEGIN_PAGES)))])
        #: How many subsets there are to begin with.
        self.subsets = len(self._waiting)
        self._page = page
        self._aside: list[IdRange] = []
        #: The ids that failed on their last try.
        self.given_up: list[IdRange] = []
        self._chains = chains
        self._most = max(chains, most)
        # Not a set: its order is that of memory addresses, and ties would be split by chance.
        self._active: dict[Chain, None] = {}
        self._highest = highest
        self._claims: list[IdRange] = []
        self._confirming: deque[IdRange] = deque()

    def __len__(self) -> int:
        """Count the chains under way."""
        return len(self._active)

    def start(self) -> Iterator[Chain]:
        """Yield new chains until there are as many as in the beginning.

        First for the ranges that wait, the last ids of all before the others: a later answer which says that
        nothing exists from some id on is then refuted at once. Then by splitting the chain with the
        most left, if that is worth it. Ranges that were put aside wait until everything else is done,
        and claims that nothing exists from some id on wait until those are done too, to be confirmed.
        """
        while len(self._active) < self._chains and (chain := self._next_chain(_WORTH_A_SPLIT_PAGES)):
            self._active[chain] = None
            yield chain

    def grow(self, chains: float) -> Iterator[Chain]:
        """Yield up to so many chains more, because those under way do not keep up with the pace."""
        until = min(self._most, len(self._active) + chains)
        while len(self._active) < until and (chain := self._next_chain(_LEAST_PAGES)):
            self._active[chain] = None
            yield chain

    def advance(self, chain: Chain, tally: Tally) -> Tally:
        """Move a chain past its page, and return the tally with what that settles.

        A page without a record that says to be the last claims that nothing exists from its
        cursor on. It settles the rest of the subset only when asked a second time, at the end.

        Raises FaultyPageError if the page says to be the last although another page has shown
        a higher id; then nothing has changed.
        """
        shown = tally.settles.end - 1 if tally.highest is None else tally.highest
        if tally.next is None and self._highest > max(shown, tally.settles.end - 1):
            raise FaultyPageError(f"claims to be the last page, but id {self._highest} exists")
        if tally.highest is not None:
            self._witness(tally.highest)
        if len(tally.settles):
            chain.density = tally.records / len(tally.settles)
            self._density.show(tally.settles, tally.records)
        chain.failures = chain.skips = 0
        chain.is_contradicted = False
        if tally.next is None and not len(tally.settles):
            tally = self._claimed(chain, tally)
        elif len(tally.settles) and chain.stage is Pass.CONFIRMING:
            chain.stage = Pass.LAST_TRY  # there was something: the next claim is a new one
        chain.cursor = tally.settles.end
        if chain.cursor >= chain.end:
            del self._active[chain]
        return tally

    def skip(self, chain: Chain, ids: int) -> tuple[IdRange, bool]:
        """Move a chain past ids that keep failing; return them, and whether they are given up.

        The first time they are put aside, to be tried again last: at least ``ids`` of them, and
        twice as many each time in a row, so that a dead region does not hold up the rest for long.
        The second time ``ids`` of them are given up for good.
        """
        width = ids if chain.is_last_try else ids << chain.skips
        skipped = IdRange(chain.cursor, min(chain.cursor + width, chain.end))
        (self.given_up if chain.is_last_try else self._aside).append(skipped)
        chain.cursor = skipped.end
        chain.failures = 0
        chain.skips += 1
        if chain.cursor >= chain.end:
            del self._active[chain]
        return skipped, chain.is_last_try

    @property
    def has_work(self) -> bool:
        """Tell whether there are ids left that are neither settled nor given up."""
        return any(map(len, self.unsettled()))

    def unsettled(self) -> Iterator[IdRange]:
        """Yield what is neither settled nor given up, each id once, in no order."""
        yield from (chain.left for chain in self._active)
        yield from (*self._waiting, *self._aside, *self._claims, *self._confirming)

    def pages_left(self) -> float:
        """Estimate the pages that are still to be asked for."""
        ranges = [*self._waiting, *self._aside]
        records = sum(self._density.records(item) for item in ranges)
        return records / self._page + sum(map(self._left, self._active))

    def resting(self, now: float) -> int:
        """Count the chains that wait because their own page has failed."""
        return sum(chain.rests_until > now for chain in self._active)

    def is_under_way(self, chain: Chain) -> bool:
        """Tell whether the chain has more to ask for."""
        return chain in self._active

    def _next_chain(self, pages: float) -> Chain | None:
        if self._waiting:
            subset = self._waiting.popleft()
            return Chain(subset.begin, subset.end)
        if half := self._split(pages):
            return half
        if self._aside and all(chain.is_last_try for chain in self._active):
            subset = self._aside.pop()
            return Chain(subset.begin, subset.end, Pass.LAST_TRY)
        if self._claims and not self._aside and not self._active:
            self._confirming = deque(union(self._claims))
            self._claims = []
        if self._confirming:
            subset = self._confirming.popleft()
            return Chain(subset.begin, subset.end, Pass.CONFIRMING)
        return None

    def _split(self, pages: float) -> Chain | None:
        """Take the second half of the pages of the chain with the most left, ``pages`` at least.

        The new chain gets bounds, never a cursor that another one came to: a page that is under way
        settles its chain's part of what it shows, whatever that part is when it arrives.
        """
        longest = max(self._active, key=self._left, default=None)
        if longest is None or self._left(longest) < pages:
            return None
        middle, end = self._after_pages(max(1, self._left(longest) // 2), longest), longest.end
        if not longest.cursor < middle < end:
            return None
        longest.end = middle
        return Chain(middle, end, longest.stage)

    def _after_pages(self, pages: float, chain: Chain) -> int:
        """Return the id before which a chain has so many whole pages, most probably.

        Half a page at each border would be asked for in vain. The ids of a page are the trials up to
        a number of successes (negative binomial distribution), so a little less than the mean.
        """
        records = pages * self._page
        share = min(1.0, self._density.records(chain.left, chain.density) / len(chain.left))
        records -= _SURE_DEVIATIONS * sqrt(1 + records * (1 - share))
        return self._density.after(records, chain.left, chain.density)

    def _left(self, chain: Chain) -> float:
        """Estimate the pages that a chain has still to walk."""
        return (
            0.0
            if chain.stage is Pass.CONFIRMING
            else self._density.records(chain.left, chain.density) / self._page
        )

    def _claimed(self, chain: Chain, tally: Tally) -> Tally:
        if chain.stage is Pass.CONFIRMING:
            return replace(tally, settles=chain.left)
        self._claims.append(chain.left)
        del self._active[chain]
        return tally

    def _witness(self, highest: int) -> None:
        """Take note of an id that exists, and put ranges falsely claimed empty back to work."""
        if highest <= self._highest:
            return
        self._highest = highest
        refuted = [claim for claim in self._claims if claim.begin <= highest]
        self._waiting.extend(refuted)
        self._claims = [claim for claim in self._claims if claim.begin > highest]


def _without_tail(ranges: list[IdRange], page: int) -> tuple[list[IdRange], list[IdRange]]:
    """Take the last ``page`` ids from ranges, if the last of them holds many pages: (the rest, these)."""
    if not ranges or len(ranges[-1]) < _BEGIN_PAGES * page:
        return ranges, []
    *before, last = ranges
    middle = last.end - page
    return [*before, IdRange(last.begin, middle)], [IdRange(middle, last.end)]
