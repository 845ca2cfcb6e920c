"""When the proof is made: in the beginning, before each spill, and at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifestats_crawler.crawl import asks, proof
from lifestats_crawler.crawl.asks import Step
from lifestats_crawler.downloader import backoff
from lifestats_crawler.ending import Ending

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from lifestats_crawler.crawl.checking import Checking
    from lifestats_crawler.crawl.reader import Reader
    from lifestats_crawler.crawl.state import Crawl


class Proving:
    """Makes proofs with the last pages that allow one, again and again until one is good, or fails for good.

    A proof without an answer proves nothing: the server may be away, or always fail at that place. Then another
    page is tried, and when each was, they are tried again after longer waits, for as long as an outage may last.
    """

    def __init__(self, crawl: Crawl, reader: Reader, checking: Checking, random: Random) -> None:
        """Prove for a crawl."""
        self._crawl = crawl
        self._reader = reader
        self._checking = checking
        self._random = random
        self._under_way = 0
        #: How many proofs have had no answer since the last good one, and when the first of them ended.
        self._open = 0
        self._open_since = 0.0

    @property
    def is_under_way(self) -> bool:
        """Whether an answer is still to come."""
        return self._under_way > 0

    def open(self, conclude: Callable[[bool, float], Step], now: float) -> Step:
        """Begin the first proof, if there is a page to prove with and none is under way."""
        if self.is_under_way or self._checking.is_proven or not self._checking.provable:
            return Step()
        return self.begin(conclude, now)

    def begin(self, conclude: Callable[[bool, float], Step], now: float, wait: float = 0.0) -> Step:
        """Begin a proof; ``conclude`` is told whether it is good, and the time."""
        pages = self._checking.provable
        page = pages[self._open % len(pages)] if pages else None
        is_inclusive = self._crawl.config.inclusive
        if page is None or proof.is_trivial(page, is_inclusive=is_inclusive):
            self._checking.unproven = 0
            self._proven()
            return conclude(True, now)  # noqa: FBT003  # it is good
        self._under_way += 1
        before, self._checking.unproven = self._checking.unproven, 0

        def concluded(made: proof.Proof, at: float) -> Step:
            self._under_way -= 1
            match made.outcome:
                case proof.Outcome.GOOD:
                    self._open = 0
                    self._proven()
                    return conclude(True, at)  # noqa: FBT003  # it is good
                case proof.Outcome.REFUTED:
                    self._crawl.stop(Ending.MISCONFIGURED, made.why)
                    return conclude(False, at)  # noqa: FBT003  # it is not
            self._checking.unproven += before
            self._open_since = self._open_since if self._open else at
            self._open += 1
            if at - self._open_since > self._crawl.config.outage_seconds:
                self._crawl.stop(
                    Ending.OUTAGE, "it could not be proven that records are shown where they are asked for"
                )
                return conclude(False, at)  # noqa: FBT003  # it is not
            return self.begin(conclude, at, backoff.full_jitter(1 + self._open // len(pages), self._random))

        # What follows the record may be what makes the answer fail.
        talk = proof.prove(page, self._reader.look, 1 if self._open else None, is_inclusive=is_inclusive)
        return asks.begin(talk, concluded, now, wait=wait)

    def _proven(self) -> None:
        self._checking.is_proven = self._crawl.proven = True
