"""Counts tallies, and hands them over to be written as segments. The time is an argument."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from lifestats_crawler.counting.partial import Partial
from lifestats_crawler.ending import Ending
from lifestats_crawler.items import Asked
from lifestats_crawler.ranges import missing_from_each
from lifestats_crawler.storage.footers import Footer, standing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lifestats_crawler.config.model import Config
    from lifestats_crawler.items import Key, Tally
    from lifestats_crawler.ranges import Coverage, IdRange
    from lifestats_crawler.storage.footers import Settled
    from lifestats_crawler.storage.source import Job

Number = TypeVar("Number", int, float)

INTACT = (
    "the segments on disk are intact. Make room in the storage, or mend it, and run this command again to continue"
)

_SPILL_BYTES = 32 * 1024 * 1024  # of memory; as much may be on its way to the disk, and a copy of it


class Store(Protocol):
    """Where the segments of a run go."""

    def next_number(self) -> int:
        """Return a number that no segment has."""

    def write(
        self,
        number: int,
        counts: Mapping[str, Mapping[Key, int]],
        footer: Footer,
        labels: Mapping[str, Mapping[Key, str]],
    ) -> None:
        """Write a segment, durably and whole, or nothing. Raises OSError."""


@dataclass(frozen=True, slots=True)
class Spill:
    """What is being written: no longer counted on, and not yet a segment."""

    number: int
    partial: Partial
    footer: Footer
    #: What the spills before it account for.
    before: Asked


class Spiller:
    """Counts each page once, and says when it is time to write: by pages, keys, bytes or time, what comes first.

    One spill is written at a time. If that fails, its pages are not counted any more: what is told is what a
    segment on disk holds, or the partial counts in memory.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # what it writes and where, and its callbacks
        self,
        config: Config,
        job: Job,
        settled: Settled,
        coverage: Coverage,
        store: Store,
        asked: Callable[[], Asked],
        fail: Callable[[Ending, str], None],
        now: float,
        started_at: str,
    ) -> None:
        """Go on from what the segments of a run have ``settled``.

        ``asked`` tells what this crawl has done beside counting, ``fail`` is called when a segment cannot be
        written; ``now`` is in seconds of a monotonic clock, ``started_at`` is when this crawl was started.
        """
        self._config = config
        self._job = job
        self._before = settled
        self._covered_before = sum(map(len, settled.covers))
        self._coverage = coverage
        self._store = store
        self._asked_now = asked
        self._fail = fail
        self._since = now
        self._started_at = started_at
        self._number = store.next_number()
        self._asked = Asked()  # what spills account for
        self._partial = Partial(config.counters)
        self._writing: Spill | None = None
        # What spills that were begun and did not fail have taken along: pages, ids, and by their numbers what they
        # claim and the highest id that they show.
        self._spilled_pages = self._spilled_ids = self._spilled_records = 0
        self._claimed: dict[int, tuple[tuple[IdRange, ...], int]] = {}
        self._lost_requests = self._lost_retries = 0
        #: When a segment was last written, ISO 8601; empty before the first one.
        self.saved_at = settled.saved_at
        self._lost_covers: list[IdRange] = []

    def add(self, tally: Tally) -> None:
        """Count a page. Counts and coverage move together: nothing in here waits."""
        self._coverage.add(*tally.parts)
        self._partial.add(tally)

    @property
    def is_full(self) -> bool:
        """Tell whether so much is in memory that it should be written before more is counted."""
        partial, config = self._partial, self._config
        return (
            partial.pages >= config.spill_every
            or partial.keys >= config.spill_keys
            or partial.bytes >= _SPILL_BYTES
        )

    @property
    def has_news(self) -> bool:
        """Tell whether there is anything that no spill has taken along."""
        return bool(self._partial) or self._asked != self._asked_now()

    @property
    def has_counts(self) -> bool:
        """Tell whether pages were counted that no spill has taken along."""
        return bool(self._partial)

    @property
    def unsaved(self) -> tuple[int, int]:
        """The number of the next segment, or of the one under way, and what is requested since the last one."""
        requests = self._asked_now().requests
        if self._writing:
            return self._writing.number, requests - self._writing.before.requests
        return self._number, requests - self._asked.requests

    @property
    def is_writing(self) -> bool:
        """Tell whether a spill is under way."""
        return self._writing is not None

    def begin(self, now: float, at: str) -> Spill | None:
        """Hand over what is counted so far, and start counting anew; None while another spill is under way.

        ``at`` is the time as segments have it.
        """
        if self._writing:
            return None
        asked, before, partial = self._asked_now(), self._asked, self._partial
        told = set(before.given_up)
        pieces = partial.pieces
        footer = Footer(
            source=self._job.source,
            space=self._job.space,
            covers=tuple(part for part, _ in pieces),
            records_of=tuple(records for _, records in pieces),
            records=partial.records,
            pages=partial.pages,
            requests=asked.requests - before.requests,
            retries=asked.retries - before.retries,
            without=dict(partial.without),
            started_at=self._started_at,
            seconds=round(now - self._since, 3),
            ended_at=at,
            highest=partial.highest,
            claims=tuple(sorted(set(partial.claims))),
            audited=asked.audited - before.audited,
            differing=asked.differing - before.differing,
            given_up=tuple(item for item in asked.given_up if item not in told),
            proven=asked.proven,
            answers=_since(before.answers, asked.answers),
            faults=_since(before.faults, asked.faults),
            paused=_since(before.paused, asked.paused),
            errors=tuple(line for line in asked.errors if line not in before.errors),
            slack=asked.slack,
            killed_after=None if before.killed_after == asked.killed_after else asked.killed_after,
        )
        self._writing = Spill(self._number, partial, footer, before)
        self._claimed[self._number] = (footer.claims, footer.highest)
        self._number += 1
        self._asked = asked
        self._partial = Partial(self._config.counters)
        self._since = now
        self._spilled_pages += partial.pages
        self._spilled_ids += partial.ids
        self._spilled_records += partial.records
        return self._writing

    def write(self, spill: Spill) -> None:
        """Write it: the one slow step, to be made in a thread. Raises OSError."""
        self._store.write(spill.number, spill.partial.counts, spill.footer, spill.partial.labels)

    def end(self, spill: Spill, error: BaseException | None = None) -> None:
        """Take note that a spill was written, or of why it was not: then the crawl has to stop."""
        if error is None:
            self._writing = None
            self.saved_at = spill.footer.ended_at
            return
        self.drop(spill)
        why = error if isinstance(error, OSError) else "see above"
        self._fail(Ending.STORAGE, f"segment {spill.number} cannot be written: {why}; {INTACT}")

    def drop(self, spill: Spill) -> None:
        """Take note that a spill will not be written: its pages are not counted any more."""
        self._writing = None
        self._spilled_pages -= spill.partial.pages
        self._spilled_ids -= spill.partial.ids
        self._spilled_records -= spill.partial.records
        del self._claimed[spill.number]
        # Its pages are lost with what they took; what it found out is not.
        self._asked = replace(
            self._asked,
            given_up=spill.before.given_up,
            proven=spill.before.proven,
            errors=spill.before.errors,
            killed_after=spill.before.killed_after,
        )
        self._lost_requests += spill.footer.requests
        self._lost_retries += spill.footer.retries
        self._lost_covers += spill.footer.covers

    def discard(self) -> None:
        """Count nothing of what is in memory: it is not proven, and never will be."""
        self._lost_covers += (part for part, _ in self._partial.pieces)
        self._partial = Partial(self._config.counters)

    @property
    def pages(self) -> int:
        """How many pages of the run are in segments, or in memory on their way there."""
        return self._before.pages + self._spilled_pages + self._partial.pages

    @property
    def records(self) -> int:
        """How many records they hold."""
        return self._before.records + self._spilled_records + self._partial.records

    @property
    def ids(self) -> int:
        """How many ids they settle."""
        covered = self._covered_before + self._spilled_ids + self._partial.ids
        return covered + sum(map(len, self._standing()))

    def _standing(self) -> list[IdRange]:
        """Return what only claims settle, of the run so far."""
        known = [
            (self._before.claims, self._before.highest),
            *self._claimed.values(),
            (tuple(self._partial.claims), self._partial.highest),
        ]
        highest = max(shown for _, shown in known)
        claims = [claim for claimed, _ in known for claim in claimed]
        covers = (part for parts in missing_from_each(self._coverage, self._lost_covers) for part in parts)
        return standing(claims, covers if self._lost_covers else self._coverage, highest)

    @property
    def requests(self) -> int:
        """How many requests that took."""
        return self._before.requests + self._asked_now().requests - self._lost_requests

    @property
    def retries(self) -> int:
        """How many of them asked for a page again."""
        return self._before.retries + self._asked_now().retries - self._lost_retries


def _since(before: Mapping[str, Number], now: Mapping[str, Number]) -> dict[str, Number]:
    """Return what has been added to each of some sums, without those to which nothing was."""
    added = {key: value - before.get(key, 0) for key, value in now.items()}
    return {key: round(value, 3) for key, value in added.items() if value}
