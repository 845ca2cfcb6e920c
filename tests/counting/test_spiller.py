from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.counting.spiller import INTACT, Spiller
from lifestats_crawler.ending import Ending
from lifestats_crawler.exceptions import OverlapError
from lifestats_crawler.items import Tally
from lifestats_crawler.ranges import Coverage, IdRange, union
from lifestats_crawler.storage.footers import Footer, Settled
from lifestats_crawler.storage.source import Job
from tests.configurations import configured

BEFORE = Settled((IdRange(0, 100),), records=90, pages=10, requests=12, retries=2)
STARTED = "2026-01-01T00:00:00.000Z"


class Disk:
    """A store in memory, on which three segments are already."""

    def __init__(self) -> None:
        self.written: dict[int, tuple[dict[str, Any], Footer]] = {}

    def next_number(self) -> int:
        return 4

    def write(self, number, counts, footer, labels) -> None:
        assert number not in self.written
        self.written[number] = (
            {name: dict(counter) for name, counter in counts.items()} | {"labels": labels},
            footer,
        )


class Counting:
    """A spiller, what it writes to, whom it asks and whom it tells."""

    def __init__(self, **changes) -> None:
        config = configured(**changes)
        self.disk = Disk()
        self.coverage = Coverage(BEFORE.covers)
        self.asked = (0, 0)
        self.failures: list[tuple[Ending, str]] = []
        self.next_id = 100
        job = Job.of(config)
        self.spiller = Spiller(
            *(config, job, BEFORE, self.coverage, self.disk, lambda: self.asked, self.fail, 0.0, STARTED)
        )

    def fail(self, ending: Ending, message: str) -> None:
        self.failures.append((ending, message))

    def page(self, *keys) -> None:
        """Count a page of two ids, the next ones, that took one request."""
        self.ask()
        settles = IdRange(self.next_id, self.next_id + 2)
        self.next_id += 2
        self.spiller.add(Tally(settles, {"colours": keys}, len(keys), highest=settles.begin))

    def ask(self, *, again: bool = False) -> None:
        self.asked = (self.asked[0] + 1, self.asked[1] + again)

    def begin(self, now: float = 0.0, at: str = ""):
        return self.spiller.begin(now, at)

    def spill(self, now: float = 0.0, at: str = "") -> Footer:
        spill = self.begin(now, at)
        self.spiller.write(spill)
        self.spiller.end(spill)
        return spill.footer

    @property
    def told(self) -> tuple[int, int, int, int]:
        return self.spiller.pages, self.spiller.ids, self.spiller.requests, self.spiller.retries


@pytest.mark.parametrize(
    ("changes", "pages", "is_full"),
    [
        ({"spill_every": 3}, [(1,), (1,)], False),
        ({"spill_every": 3}, [(1,), (1,), ()], True),
        ({"spill_keys": 3}, [(1, 2), (2, 1)], False),
        ({"spill_keys": 3}, [(1, 2), (2, "red")], True),
    ],
)
def test_it_is_time_to_write_after_so_many_pages_or_different_values(changes, pages, is_full):
    counting = Counting(**changes)
    for keys in pages:
        counting.page(*keys)
    assert counting.spiller.is_full is is_full
    counting.begin()
    assert not counting.spiller.is_full


def test_a_segment_holds_what_was_counted_since_the_one_before_and_how_long_that_took():
    counting = Counting()
    counting.page("red", "red")
    counting.ask(again=True)
    counting.page("blue")
    first = counting.spill(now=2.5, at="2026-01-01T00:00:02.500Z")
    counting.page()
    second = counting.spill(now=4.0, at="2026-01-01T00:00:04.000Z")
    assert (first.covers, first.records, first.pages) == ((IdRange(100, 104),), 3, 2)
    assert (first.requests, first.retries, first.highest) == (3, 1, 102)
    assert (second.covers, second.records, second.pages) == ((IdRange(104, 106),), 0, 1)
    assert (second.requests, second.retries, second.highest) == (1, 0, 104)
    assert [(one.started_at, one.seconds, one.ended_at) for one in (first, second)] == [
        (STARTED, 2.5, "2026-01-01T00:00:02.500Z"),
        (STARTED, 1.5, "2026-01-01T00:00:04.000Z"),
    ]
    counts = {number: counts["colours"] for number, (counts, _) in counting.disk.written.items()}
    assert counts == {4: {"red": 2, "blue": 1}, 5: {}}


def test_names_of_values_are_written_with_their_counts():
    counting = Counting()
    labels = {"colours": {7: "red"}}
    counting.spiller.add(Tally(IdRange(100, 102), {"colours": [7]}, 1, labels=labels))
    counting.spill()
    assert counting.disk.written[4][0] == {"colours": {7: 1}, "labels": labels}


def test_one_spill_is_written_at_a_time_and_what_is_counted_meanwhile_goes_into_the_next():
    counting = Counting()
    counting.page("red")
    spill = counting.begin()
    counting.page("blue")
    assert counting.begin() is None
    assert counting.spiller.is_writing
    assert counting.spiller.has_counts
    counting.spiller.write(spill)
    counting.spiller.end(spill)
    assert not counting.spiller.is_writing
    assert counting.spill().covers == (IdRange(102, 104),)
    assert not counting.spiller.has_counts


def test_requests_for_which_no_page_came_are_news_that_a_last_segment_takes_along():
    counting = Counting()
    counting.page("red")
    counting.spill()
    assert not counting.spiller.has_news
    counting.ask(again=True)
    assert counting.spiller.has_news
    assert not counting.spiller.has_counts
    footer = counting.spill()
    assert (footer.covers, footer.pages, footer.requests, footer.retries) == ((), 0, 1, 1)


def test_a_page_of_ids_that_are_settled_already_is_not_counted():
    counting = Counting()
    counting.page("red")
    with pytest.raises(OverlapError):
        counting.spiller.add(Tally(IdRange(101, 103), {"colours": ["red"]}, 1))
    assert counting.told == (11, 102, 13, 2)
    assert counting.spill().records == 1


@pytest.mark.parametrize(
    ("error", "why"),
    [(OSError(28, "No space left on device"), "[Errno 28] No space left on device"), (KeyError("x"), "see above")],
)
def test_a_segment_that_cannot_be_written_ends_the_crawl_and_is_named(error, why):
    counting = Counting()
    counting.page("red")
    counting.spiller.end(counting.begin(), error)
    assert counting.failures == [(Ending.STORAGE, f"segment 4 cannot be written: {why}; {INTACT}")]
    assert counting.told == (10, 100, 12, 2)
    counting.page("blue")
    counting.spill()
    assert list(counting.disk.written) == [5], "what is on disk under a number may be half of a segment"


@given(st.lists(st.sampled_from(["page", "retry", "begin", "end", "fail"]), max_size=40))
def test_what_is_told_is_what_segments_and_memory_hold_also_after_failed_spills(steps):
    counting, spill = Counting(), None
    memory = lost = 0  # pages counted, and requests that a failed spill was to account for
    for step in steps:
        if step == "page":
            counting.page("red")
            memory += 1
        elif step == "retry":
            counting.ask(again=True)
        elif step == "begin" and spill is None:
            spill, memory = counting.begin(), 0
        elif step == "end" and spill:
            counting.spiller.write(spill)
            counting.spiller.end(spill)
            spill = None
        elif step == "fail" and spill:
            counting.spiller.end(spill, OSError())
            lost += spill.footer.requests
            spill = None
        kept = [footer for _, footer in counting.disk.written.values()] + ([spill.footer] if spill else [])
        pages = BEFORE.pages + sum(footer.pages for footer in kept) + memory
        ids = BEFORE.ids + sum(len(item) for footer in kept for item in footer.covers) + 2 * memory
        assert counting.told[:3] == (pages, ids, BEFORE.requests + counting.asked[0] - lost)
    if spill:
        counting.spiller.write(spill)
        counting.spiller.end(spill)
    counting.spill()
    footers = [footer for _, footer in counting.disk.written.values()]
    assert counting.told == (
        BEFORE.pages + sum(footer.pages for footer in footers),
        BEFORE.ids + sum(len(item) for footer in footers for item in footer.covers),
        BEFORE.requests + sum(footer.requests for footer in footers),
        BEFORE.retries + sum(footer.retries for footer in footers),
    )
    covered = [item for footer in footers for item in footer.covers]
    assert sum(map(len, covered)) == sum(map(len, union(covered)))
