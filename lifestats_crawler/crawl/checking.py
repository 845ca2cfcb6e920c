"""What must be checked before pages count: the proof, the audits, and what is held back until they are done.

Pure.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from lifestats_crawler.crawl.audit import Outcome, Shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from lifestats_crawler.crawl.audit import Verdict
    from lifestats_crawler.crawl.frontier import Chain
    from lifestats_crawler.items import Tally
    from lifestats_crawler.ranges import IdRange

LEAST_AUDITS = 20  # in a run, or every page
SHARE = 1 / 1000  # of the pages
MOST_DIFFERING = 3
_MANY_BYTES = 32 * 1024 * 1024  # of values that wait for the opening
_MOST_PROVABLE = 8
_MOST_DOUBTED = 3  # that agreed when both were asked once more, and are more than half of all


class Checking:
    """Holds pages back until they may count, and chooses which are audited.

    Until the opening is over nothing counts: one proof, and an audit of the first page of each chain that began,
    up to 20; of a chain alone its first 20 pages. A first page that fails or shows no record is passed over.
    After that a page that is chosen counts when its audit is over, and every other at once.
    """

    def __init__(self, random: Random, chains: int, *, has_audits: bool) -> None:
        """Choose by ``random``; ``chains`` begin together. Without audits there is only the proof."""
        self._random = random
        self._most_awaited = min(chains, LEAST_AUDITS)
        self._has_audits = has_audits
        #: Chains whose first page has not been seen, and chains or pages whose audit of the opening is under way.
        self._awaited: dict[Chain, None] = {}
        self._begun = 0
        self._first_pages = 0
        self._is_alone = has_audits and chains == 1
        self._opening_audits = 0
        self._held: list[Tally] = []
        self._held_bytes = 0
        self._is_opened = False
        #: The pages whose audit is under way, and whether it is of the opening.
        self._audits: dict[int, Tally] = {}
        self._number = 0
        #: Ranges that were audited, those that differed, and those that did until they were asked once more.
        self.audited = self.differing = self.doubted = 0
        #: The last pages with records, the latest first: a proof can be made with each of them.
        self.provable: deque[Shown] = deque(maxlen=_MOST_PROVABLE)
        self.is_proof_under_way = False
        self.is_proven = False
        #: Pages since the last good proof was begun.
        self.unproven = 0

    # The opening.

    def begins(self, chain: Chain) -> None:
        """Take note of a chain that starts; the first ones are waited for."""
        if self._has_audits and self._begun < self._most_awaited:
            self._begun += 1
            self._awaited[chain] = None

    def passes_over(self, chain: Chain | None) -> None:
        """Take note that a chain's page failed or showed nothing: it is waited for no longer."""
        if chain is not None:
            self._awaited.pop(chain, None)

    @property
    def is_open(self) -> bool:
        """Tell whether pages count."""
        if self._is_opened:
            return True
        is_audited = not self._awaited and not self._opening_audits
        is_alone_done = not self._is_alone or self._first_pages >= LEAST_AUDITS
        self._is_opened = self.is_proven and is_audited and is_alone_done
        return self._is_opened

    def open(self) -> None:
        """Let pages count although there was too little to check: all is walked."""
        self._is_opened = True

    # Pages.

    def takes(self, chain: Chain, shown: Shown) -> bool:
        """Take note of a page, and tell whether it is to be audited before it counts."""
        is_first = chain in self._awaited
        self._awaited.pop(chain, None)
        self.unproven += 1
        if not shown.ids:
            return False
        self._note_provable(shown)
        if not self._has_audits:
            return False
        is_few = self._first_pages < LEAST_AUDITS and (self._begun < LEAST_AUDITS or self.is_open)
        if is_first or is_few or self._random.random() < SHARE:
            self._first_pages += 1
            return True
        return False

    def _note_provable(self, shown: Shown) -> None:
        """Keep a page for proofs; one of a single record proves little, and is kept only without a better one."""
        is_better = len(shown.ids) > 1
        has_better = bool(self.provable) and len(self.provable[0].ids) > 1
        if is_better and not has_better:
            self.provable.clear()
        if is_better or not has_better:
            self.provable.appendleft(shown)

    def begin_audit(self, tally: Tally) -> tuple[int, bool]:
        """Hold a page back for its audit; return a number for it, and whether it is of the opening."""
        self._number += 1
        is_opening = not self.is_open
        self._opening_audits += is_opening
        self._audits[self._number] = tally
        return self._number, is_opening

    def end_audit(self, number: int, verdict: Verdict, *, is_opening: bool) -> Tally:
        """Take note of what an audit has come to, and return its page."""
        self._opening_audits -= is_opening
        self.audited += verdict.outcome is not Outcome.UNHEARD
        self.differing += verdict.outcome is Outcome.DIFFERS
        self.doubted += verdict.outcome is Outcome.AGREED_LATER and not verdict.was_empty
        return self._audits.pop(number)

    @property
    def is_lagging(self) -> bool:
        """Tell whether audits differ again and again until they are repeated: one of several replicas lags."""
        return self.doubted >= _MOST_DOUBTED and 2 * self.doubted > self.audited

    @property
    def is_hopeless(self) -> bool:
        """Tell whether so many ranges differed that nothing is to be believed any more."""
        return self.differing >= MOST_DIFFERING

    def counted(self, tally: Tally | None = None) -> list[Tally]:
        """Return what may be counted now: a page, and all that was held back if the opening is over."""
        held = self._held
        if tally is not None:
            held.append(tally)
            if not self.is_open:
                self._held_bytes += tally.bytes
        if not self.is_open:
            return []
        self._held = []
        self._held_bytes = 0
        return held

    @property
    def has_audits_under_way(self) -> bool:
        """Tell whether pages wait for their audits."""
        return bool(self._audits)

    @property
    def has_held(self) -> bool:
        """Tell whether pages wait for the opening to be over."""
        return bool(self._held)

    @property
    def holds_much(self) -> bool:
        """Tell whether so much waits for the opening that more pages should come slowly."""
        return self._held_bytes > _MANY_BYTES

    def held(self) -> Iterator[IdRange]:
        """Yield the ranges of the pages that wait."""
        for tally in (*self._held, *self._audits.values()):
            yield from tally.parts
