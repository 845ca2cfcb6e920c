from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lifestats_crawler.counting.spiller import INTACT, Spiller
from lifestats_crawler.ending import Ending
from lifestats_crawler.exceptions import OverlapError
from lifestats_crawler.items import Asked, Tally
from lifestats_crawler.ranges import Coverage, IdRange, union
from lifestats_crawler.storage.footers import Footer, Settled, standing
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
        self.asked = Asked()
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
        asked = self.asked
        self.asked = replace(asked, requests=asked.requests + 1, retries=asked.retries + again)

    def claim(self, begin: int, end: int) -> None:
        """Count a page without a record, that claims ids."""
        self.ask()
        self.spiller.add(Tally(IdRange(begin, begin), {"colours": []}, claims=IdRange(begin, end)))

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


def test_a_page_with_faulty_records_settles_all_but_these():
    counting = Counting()
    ids, faulty = range(100, 110), {100: "no colour", 104: "no colour"}
    counting.spiller.add(Tally(IdRange(100, 110), {"colours": ["red"] * 8}, 8, ids=ids, faulty=faulty))
    assert counting.told[:2] == (11, 108)
    counting.spiller.add(Tally(IdRange(104, 105), {"colours": ["red"]}, 1))
    assert counting.spill().covers == (IdRange(101, 110),)
    with pytest.raises(OverlapError):
        counting.spiller.add(Tally(IdRange(100, 120), faulty={110: "no colour"}))
    assert list(counting.coverage) == [IdRange(0, 100), IdRange(101, 110)], "nothing of it is settled"


def test_a_claim_is_told_until_a_higher_id_is_shown_and_is_no_part_of_the_covers():
    counting = Counting()
    counting.claim(150, 1000)
    assert counting.told[:2] == (11, 950)
    footer = counting.spill()
    assert (footer.covers, footer.claims, footer.pages) == ((), (IdRange(150, 1000),), 1)
    assert counting.told[:2] == (11, 950)
    counting.spiller.add(Tally(IdRange(100, 101), ids=[100, 5000], highest=100))
    assert counting.told[:2] == (12, 101)
    assert counting.spill().highest == 5000
    counting.spiller.add(Tally(IdRange(150, 160)))  # what it claimed is asked for again
    assert counting.told[:2] == (13, 111)


def test_what_is_found_out_beside_counting_is_said_once_by_the_segments_and_is_news():
    counting = Counting()
    bad, dead = (5, 6, "status 500"), (8, 9, "not in time")
    counting.asked = Asked(audited=3, differing=1, given_up=(bad,), proven=True)
    assert counting.spiller.has_news
    first = counting.spill()
    assert (first.audited, first.differing, first.given_up, first.proven) == (3, 1, (bad,), True)
    assert not counting.spiller.has_news
    counting.asked = Asked(audited=4, differing=1, given_up=(bad, dead), proven=False)
    second = counting.spill()
    assert (second.audited, second.differing, second.given_up, second.proven) == (1, 0, (dead,), False)


def test_what_a_failed_segment_was_to_say_of_what_was_given_up_and_proven_the_next_one_says():
    counting = Counting()
    counting.asked = Asked(requests=2, given_up=((5, 6, "status 500"),), proven=False)
    counting.spiller.end(counting.begin(), OSError())
    assert counting.spiller.has_news
    footer = counting.spill()
    assert (footer.requests, footer.given_up, footer.proven) == (0, ((5, 6, "status 500"),), False)


@example(["claim", "page", "begin", "fail"])  # what a failed spill had of a claim, the claim settles again
@given(st.lists(st.sampled_from(["page", "claim", "retry", "begin", "end", "fail"]), max_size=40))
def test_what_is_told_is_what_segments_and_memory_hold_also_after_failed_spills(steps):
    counting, spill = Counting(), None
    lost = 0  # requests that a failed spill was to account for
    memory: list[tuple[tuple[IdRange, ...], tuple[IdRange, ...], int]] = []  # pages: covers, claims, highest
    for step in steps:
        if step == "page":
            counting.page("red")
            begin = counting.next_id - 2
            memory.append(((IdRange(begin, begin + 2),), (), begin))
        elif step == "claim":
            claim = IdRange(counting.next_id + 6, 1000)
            counting.claim(claim.begin, claim.end)
            memory.append(((), (claim,), -1))
        elif step == "retry":
            counting.ask(again=True)
        elif step == "begin" and spill is None:
            spill, memory = counting.begin(), []
        elif step == "end" and spill:
            counting.spiller.write(spill)
            counting.spiller.end(spill)
            spill = None
        elif step == "fail" and spill:
            counting.spiller.end(spill, OSError())
            lost += spill.footer.requests
            spill = None
        kept = [footer for _, footer in counting.disk.written.values()] + ([spill.footer] if spill else [])
        pages = BEFORE.pages + sum(footer.pages for footer in kept) + len(memory)
        ids = held([*((footer.covers, footer.claims, footer.highest) for footer in kept), *memory])
        assert counting.told[:3] == (pages, ids, BEFORE.requests + counting.asked.requests - lost)
    if spill:
        counting.spiller.write(spill)
        counting.spiller.end(spill)
    counting.spill()
    footers = [footer for _, footer in counting.disk.written.values()]
    assert counting.told == (
        BEFORE.pages + sum(footer.pages for footer in footers),
        held([(footer.covers, footer.claims, footer.highest) for footer in footers]),
        BEFORE.requests + sum(footer.requests for footer in footers),
        BEFORE.retries + sum(footer.retries for footer in footers),
    )
    covered = [item for footer in footers for item in footer.covers]
    assert sum(map(len, covered)) == sum(map(len, union(covered)))


def held(pages) -> int:
    """How many ids pages settle together with what was settled before: (covers, claims, highest) each."""
    covers = [*BEFORE.covers, *(item for covers, _, _ in pages for item in covers)]
    highest = max((highest for _, _, highest in pages), default=-1)
    claims = standing([claim for _, claims, _ in pages for claim in claims], covers, highest)
    return sum(map(len, [*covers, *claims]))


def test_long_values_fill_the_memory_although_they_are_few():
    counting = Counting(spill_every=1000, spill_keys=1000)
    long = "x" * (12 * 1024 * 1024)
    for number in range(3):
        assert not counting.spiller.is_full
        counting.page(f"{number}{long}")
    assert counting.spiller.is_full
