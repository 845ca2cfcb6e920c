"""Which chain walks what. Pure: no clock, no network."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from enum import Enum, auto
from math import sqrt
from typing import TYPE_CHECKING

from lifestats_crawler.crawl.density import Density
from lifestats_crawler.ranges import IdRange, share, union

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from lifestats_crawler.crawl.narrowing import Narrowing
    from lifestats_crawler.items import GivenUp, Tally

# Pages that a chain must have left to be split: a split can cost a request. Where nothing else keeps
# the pace, it will do if what is under way leaves half a page.
_WORTH_A_SPLIT_PAGES = 50
_LEAST_PAGES = 1.5
_BEGIN_PAGES = 10
_SURE_DEVIATIONS = 1.5  # standard ones
_MOST_DOUBLINGS = 40
_MOST_SPARED = 8  # outages, at one place


class Pass(Enum):
    """Which time a chain walks its ids, and what becomes of a page there that fails for good.

    ============  ================================================
    FIRST         it is put aside, for a LAST_TRY
    LAST_TRY      what is lost is narrowed down, and given up
    ============  ================================================
    """

    FIRST = auto()
    LAST_TRY = auto()


@dataclass(slots=True, eq=False)
class Chain:
    """The requests that walk a subset one after another: never more than one under way."""

    cursor: int
    end: int
    #: Which time its ids are walked.
    stage: Pass = Pass.FIRST
    #: Records per id on its last page, None before its first.
    density: float | None = None
    #: How often the page at the cursor has failed by its own fault.
    failures: int = 0
    #: How often it has failed for another's reason while others were answered.
    excused: int = 0
    #: How many outages have given it its tries back since it moved: a page that always fails is no outage.
    spared: int = 0
    #: How often each reason was given for that.
    reasons: Counter[str] = field(default_factory=Counter)
    #: Whether the last answer contradicted the configuration.
    is_contradicted: bool = False
    #: The gap of its last page, where another answer did not confirm it.
    unconfirmed: IdRange | None = None
    #: When it asks again after a failure, in seconds of the clock that ``resting`` is told.
    rests_until: float = 0.0
    #: How many ranges in a row it has put aside.
    skips: int = 0
    #: On its last try, while a page fails: what is lost is being narrowed down.
    narrowing: Narrowing | None = None

    @property
    def left(self) -> IdRange:
        """What the chain has still to walk, from its cursor on."""
        return IdRange(self.cursor, self.end)

    @property
    def is_spared(self) -> bool:
        """Whether its failures may be those of an outage, once more."""
        return self.spared <= _MOST_SPARED

    @property
    def is_alone(self) -> bool:
        """Whether it is on its last try for one record, which is asked for alone."""
        return self.is_last_try and len(self.left) == 1

    @property
    def is_last_try(self) -> bool:
        """Whether ids that fail now are given up."""
        return self.stage is not Pass.FIRST


class Frontier:
    """The part of the id space that is not settled, and the chains that walk it.

    A chain that ends is replaced by half of what is left of the longest one, if that is worth a request.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # what a walk begins with
        self,
        unsettled: Iterable[IdRange],
        chains: int,
        page: int = 1,
        most: int = 0,
        highest: int = -1,
        believed: Iterable[IdRange] = (),
        pieces: Collection[tuple[IdRange, float]] = (),
    ) -> None:
        """Share what is not settled out to ``chains`` chains, fewer where each would have few pages.

        ``page`` is how many records a page holds, ``most`` how many chains there may be at most after all growth,
        ``chains`` if that is more, and ``highest`` the highest id that was ever shown. ``believed`` is what rests
        on claims from before: settled as long as no id in it or past it is shown. ``pieces`` is what is settled,
        with the records of each: what is left beside it is taken to be like it.
        """
        ranges = union(unsettled)
        pages = sum(map(len, ranges)) // page
        whole = IdRange(ranges[0].begin, ranges[-1].end) if ranges else IdRange(0, 0)
        # What lies right before and behind it tells as much of its ends as what lies within.
        beside = len(whole) // 8 if pieces else 0
        self._density = Density(IdRange(whole.begin - beside, whole.end + beside))
        for part, records in pieces:
            self._density.show(part, records)
        body, tail = _without_tail(ranges, page)
        self._waiting = deque([*tail, *share(body, max(1, min(chains, pages // _BEGIN_PAGES)))])
        #: How many subsets there are to begin with.
        self.subsets = len(self._waiting)
        self._page = page
        self._aside: list[IdRange] = []
        #: Single ids of records that could not be counted: asked for alone, at the end.
        self._alone: list[IdRange] = []
        #: The ids that are given up, with the reason.
        self.given_up: list[GivenUp] = []
        self._chains = chains
        self._most = max(chains, most)
        # Not a set: its order is that of memory addresses, and ties would be split by chance.
        self._active: dict[Chain, None] = {}
        self._highest = highest
        #: What was said to be empty by a page that is not believed yet.
        self._claims: list[IdRange] = []
        #: The claim that is being confirmed.
        self._doubted: IdRange | None = None
        #: What is believed to be empty: by an earlier crawl of the run, and by this one.
        self._standing = [claim for claim in believed if claim.begin > highest]
        self._believed: list[IdRange] = []

    def __len__(self) -> int:
        """Count the chains under way."""
        return len(self._active)

    @property
    def chains(self) -> int:
        """How many chains there are in the beginning."""
        return min(self._chains, self.subsets)

    def start(self) -> Iterator[Chain]:
        """Yield new chains until there are as many as in the beginning.

        First for the ranges that wait, the last ids of all before the others: a later answer which says that
        nothing exists from some id on is then refuted at once. Then by splitting the chain with the
        most left, if that is worth it. Ranges that were put aside wait until everything else is done.
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

    def advance(self, chain: Chain, tally: Tally) -> None:
        """Move a chain past its page; ids of faulty records are left for the end."""
        if len(tally.settles):
            chain.density = tally.records / len(tally.settles)
            self._density.show(tally.settles, tally.records)
        self._alone += [IdRange(an_id, an_id + 1) for an_id in tally.faulty]
        self._move(chain, tally.settles.end)
        chain.skips = 0

    def claim(self, chain: Chain) -> None:
        """End a chain where a page has said that nothing follows: a claim, to be confirmed at the end."""
        self._claims.append(chain.left)
        self._active.pop(chain, None)

    def put_back(self, ids: IdRange) -> None:
        """Walk ids again that were taken for settled."""
        if len(ids):
            self._waiting.append(ids)

    def show(self, highest: int) -> None:
        """Take note of the highest id of an answer, and put ranges falsely claimed empty back to work."""
        self._highest = max(self._highest, highest)
        if not (self._claims or self._standing or self._believed):
            return
        for claims in (self._claims, self._standing, self._believed):
            self._waiting.extend(claim for claim in claims if claim.begin <= highest)
            claims[:] = [claim for claim in claims if claim.begin > highest]

    @property
    def highest(self) -> int:
        """The highest id that was ever shown; -1 without one."""
        return self._highest

    def skip(self, chain: Chain) -> IdRange:
        """Move a chain past ids that keep failing, and put these aside, to be tried again last.

        About a page of them by what is known of the density, and twice as many each time in a row, so that a dead
        region does not hold up the rest for long.
        """
        width = self.page_ids(chain) << min(chain.skips, _MOST_DOUBLINGS)
        skipped = IdRange(chain.cursor, min(chain.cursor + width, chain.end))
        self._aside.append(skipped)
        chain.skips += 1
        self._move(chain, skipped.end)
        return skipped

    def give_up(self, chain: Chain, end: int, reason: str) -> IdRange:
        """Move a chain past ids that are lost."""
        lost = IdRange(chain.cursor, min(end, chain.end))
        self.lose(lost, reason)
        self._move(chain, lost.end)
        return lost

    def lose(self, ids: IdRange, reason: str) -> None:
        """Take note of ids that are given up."""
        self.given_up.append((ids.begin, ids.end, reason))

    def page_ids(self, chain: Chain) -> int:
        """Return how many ids a page of a chain settles, by what is known of the density; one at least."""
        return max(1, self._density.after(self._page, chain.left, chain.density) - chain.cursor)

    def width(self, ids: IdRange) -> float:
        """Return how many ids a page settles in a range, by what is known of the density."""
        records = self._density.records(ids)
        return self._page * len(ids) / records if records else float(len(ids))

    def expected(self, ids: IdRange, chain: Chain) -> float:
        """Return how many records a range at a chain's cursor or behind it can be expected to have."""
        return self._density.records(ids, chain.density)

    @property
    def is_walked(self) -> bool:
        """Tell whether every chain is at its end, and claims are all that is left."""
        return not (self._active or self._waiting or self._aside or self._alone)

    def take_claim(self) -> IdRange | None:
        """Take the highest of the claims, to confirm it; None without one."""
        claims = union(self._claims)
        if not claims:
            return None
        *self._claims, self._doubted = claims
        return self._doubted

    def keep_claim(self, claim: IdRange, highest: int) -> None:
        """Put a claim back that could not be confirmed yet, or walk its ids if an id refutes it by now."""
        self._doubted = None
        if claim.begin <= highest:
            self.put_back(claim)
        else:
            self._claims.append(claim)

    def lose_claim(self, claim: IdRange, reason: str) -> None:
        """Give up the ids of a claim that cannot be confirmed."""
        self._doubted = None
        self.lose(claim, reason)

    def believe(self, claim: IdRange) -> None:
        """Take a claim for true, as long as nothing is shown in it or past it."""
        self._doubted = None
        self._believed.append(claim)

    def take_believed(self) -> Iterator[tuple[IdRange, IdRange]]:
        """Take what this crawl has come to believe, once all else is done.

        Each is in two parts: up to the highest id that was ever shown, where nothing can refute it any more, and
        beyond that.
        """
        believed, self._believed = self._believed, []
        for claim in believed:
            middle = min(max(self._highest + 1, claim.begin), claim.end)
            beyond = IdRange(middle, claim.end)
            self._standing += [beyond] if len(beyond) else []
            yield IdRange(claim.begin, middle), beyond

    @property
    def believed(self) -> list[IdRange]:
        """What is believed to be empty, and stands."""
        return [*self._standing, *self._believed]

    @property
    def has_work(self) -> bool:
        """Tell whether there are ids left that are neither settled nor given up."""
        return any(map(len, self.unsettled()))

    def unsettled(self) -> Iterator[IdRange]:
        """Yield what is neither settled nor given up, each id once, in no order."""
        yield from (chain.left for chain in self._active)
        yield from (*self._waiting, *self._aside, *self._alone, *self._claims)
        if self._doubted is not None:
            yield self._doubted

    def pages_left(self) -> float:
        """Estimate the pages that are still to be asked for.

        The last page of each chain is a part of one, half a page in the mean, and is asked for as a whole.
        """
        ranges = [*self._waiting, *self._aside, *self._alone]
        pages = [self._density.records(item) / self._page for item in ranges]
        pages += map(self._left, self._active)
        return sum(pages) + len(pages) / 2

    def forgive(self) -> None:
        """Give all chains their tries back: it was the server that failed."""
        for chain in self._active:
            chain.spared += 1
            if chain.is_spared:
                chain.failures = chain.excused = 0

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
        if (self._aside or self._alone) and all(chain.is_last_try for chain in self._active):
            subset = (self._aside or self._alone).pop()
            return Chain(subset.begin, subset.end, Pass.LAST_TRY)
        return None

    def _move(self, chain: Chain, cursor: int) -> None:
        chain.cursor = cursor
        chain.failures = chain.excused = chain.spared = 0
        chain.reasons.clear()
        chain.is_contradicted = False
        chain.unconfirmed = None
        if cursor >= chain.end:
            self._active.pop(chain, None)

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
        return 0.0 if chain.narrowing else self._density.records(chain.left, chain.density) / self._page


def _without_tail(ranges: list[IdRange], page: int) -> tuple[list[IdRange], list[IdRange]]:
    """Take the last ``page`` ids from ranges, if the last of them holds many pages: (the rest, these)."""
    if not ranges or len(ranges[-1]) < _BEGIN_PAGES * page:
        return ranges, []
    *before, last = ranges
    middle = last.end - page
    return [*before, IdRange(last.begin, middle)], [IdRange(middle, last.end)]
