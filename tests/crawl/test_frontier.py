from __future__ import annotations

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.crawl.density import Density
from lifestats_crawler.crawl.frontier import Frontier, Pass
from lifestats_crawler.items import Tally
from lifestats_crawler.ranges import Coverage, IdRange, missing, union

SPACE = IdRange(100, 200)


class TruthfulApi:
    """Answers as the contract says, from a set of ids."""

    def __init__(self, ids, limit) -> None:
        self.ids = sorted(ids)
        self.limit = limit

    def page(self, left: IdRange) -> Tally:
        rest = [an_id for an_id in self.ids if an_id >= left.begin]
        shown = rest[: self.limit]
        following = rest[self.limit] if len(rest) > self.limit else None
        end = following if following is not None else max([left.begin, *(i + 1 for i in shown)])
        settles = IdRange(left.begin, min(end, left.end))
        inside = sum(an_id in settles for an_id in shown)
        return Tally(settles, {}, inside, next=following, highest=max(shown, default=None))


def settled(frontier, chain, tally) -> IdRange:
    """Move a chain past its page as a walk does: an end that shows nothing is a claim."""
    frontier.show(max([*tally.ids, tally.highest or -1]))
    if tally.next is None and not len(tally.settles):
        frontier.claim(chain)
    else:
        frontier.advance(chain, tally)
    return tally.settles


def closed(frontier) -> list[IdRange]:
    """Believe every claim, and return what that settles."""
    while claim := frontier.take_claim():
        frontier.believe(claim)
    return [part for parts in frontier.take_believed() for part in parts]


def walk(frontier, answer, random):
    """Answer chains in any order until nothing is left; return the coverage and the records."""
    coverage, records, under_way = Coverage(), 0, list(frontier.start())
    while under_way:
        chain = under_way.pop(random.randrange(len(under_way)))
        settled(frontier, chain, tally := answer(chain.left))
        coverage.add(tally.settles)
        records += tally.records
        if frontier.is_under_way(chain):
            under_way.append(chain)
        under_way.extend(frontier.start())
        under_way.extend(frontier.grow(random.randrange(3)))
    coverage.add(*closed(frontier))
    return coverage, records


ids_in_space = st.sets(st.integers(SPACE.begin, SPACE.end - 1), max_size=60)


@given(ids_in_space, st.integers(1, 120), st.integers(1, 12), st.randoms())
def test_any_number_of_chains_settles_every_id_once_and_counts_every_record(ids, chains, limit, random):
    frontier = Frontier([SPACE], chains, page=limit, most=2 * chains)
    coverage, records = walk(frontier, TruthfulApi(ids, limit).page, random)
    assert list(coverage) == [SPACE]
    assert records == len(ids)


@given(ids_in_space, st.integers(1, 12), st.randoms(), st.integers(0, 30))
def test_what_is_given_up_and_what_is_settled_make_the_whole(ids, chains, random, width):
    frontier = Frontier([SPACE], chains, page=5)
    api = TruthfulApi(ids, 5)
    coverage, under_way = Coverage(), list(frontier.start())
    while under_way:
        chain = under_way.pop()
        if random.random() < 0.3:
            if chain.is_last_try:
                frontier.give_up(chain, chain.cursor + width + 1, "why")
            else:
                frontier.skip(chain)
        else:
            coverage.add(settled(frontier, chain, api.page(chain.left)))
        under_way.extend([chain] if frontier.is_under_way(chain) else [])
        under_way.extend(frontier.start())
    coverage.add(*closed(frontier))
    assert list(missing(SPACE, coverage)) == union(IdRange(begin, end) for begin, end, _ in frontier.given_up)
    assert {reason for _, _, reason in frontier.given_up} <= {"why"}


@given(ids_in_space, st.integers(1, 12), st.randoms(), st.lists(st.integers(0, 30), max_size=6))
def test_killed_and_resumed_at_any_page_what_was_spilled_and_what_is_missing_make_the_whole(
    ids, limit, random, lives
):
    api, spilled, records = TruthfulApi(ids, limit), Coverage(), 0
    for pages in [*lives, 10**6]:
        frontier = Frontier(missing(SPACE, spilled), 4, page=limit, most=8)
        under_way, partial = list(frontier.start()), []
        for _ in range(pages):
            if not under_way:
                break
            chain = under_way.pop(random.randrange(len(under_way)))
            partial.append(api.page(chain.left))
            settled(frontier, chain, partial[-1])
            under_way.extend([chain] if frontier.is_under_way(chain) else [])
            under_way.extend([*frontier.start(), *frontier.grow(random.randrange(3))])
            if random.random() < 0.3 or not under_way:
                for tally in partial:
                    spilled.add(tally.settles)
                records += sum(tally.records for tally in partial)
                partial = []
        if not under_way:
            spilled.add(*closed(frontier))
        assert union([*spilled, *missing(SPACE, spilled)]) == [SPACE]
        assert records == sum(an_id in part for part in spilled for an_id in ids)
    assert (list(spilled), records) == ([SPACE], len(ids))


@pytest.fixture
def two():
    """A frontier with two chains, [100, 150) and [151, 200), each too short for its end to be asked first."""
    frontier = Frontier([IdRange(100, 150), IdRange(151, 200)], 2, page=5)
    return frontier, *frontier.start()


def test_the_last_ids_are_asked_for_first_so_that_a_false_end_is_refuted_at_once():
    frontier = Frontier([SPACE], 3, page=5)
    assert [chain.left for chain in frontier.start()] == [IdRange(195, 200), IdRange(100, 148), IdRange(148, 195)]


def test_claims_wait_until_everything_else_is_done_and_are_taken_from_the_highest_down(two):
    frontier, low, high = two
    frontier.claim(high)
    assert (list(frontier.start()), frontier.is_walked) == ([], False)
    frontier.claim(low)
    assert frontier.is_walked
    assert frontier.take_claim() == IdRange(151, 200)
    assert sorted(frontier.unsettled()) == [IdRange(100, 150), IdRange(151, 200)], "what is doubted is not settled"
    frontier.believe(IdRange(151, 200))
    assert frontier.take_claim() == IdRange(100, 150)
    frontier.lose_claim(IdRange(100, 150), "why")
    assert (frontier.take_claim(), frontier.given_up, frontier.has_work) == (None, [(100, 150, "why")], False)


@pytest.mark.parametrize(("highest", "is_refuted"), [(150, False), (151, True), (152, True)])
@pytest.mark.parametrize("how", ["claimed", "believed", "standing"])
def test_what_is_claimed_or_believed_is_refuted_from_its_first_id_on(highest, is_refuted, how):
    standing = [IdRange(151, 200)] if how == "standing" else []
    frontier = Frontier([IdRange(100, 150), *([] if standing else [IdRange(151, 200)])], 3, 5, believed=standing)
    *_, high = frontier.start()
    if not standing:
        frontier.claim(high)
    if how == "believed":
        frontier.believe(frontier.take_claim())
    frontier.show(highest)
    assert [chain.left for chain in frontier.start()] == [IdRange(151, 200)] * is_refuted
    assert frontier.highest == highest


def test_what_an_earlier_crawl_believed_does_not_stand_if_a_higher_id_was_shown():
    frontier = Frontier([], 2, 5, highest=180, believed=[IdRange(170, 200), IdRange(181, 190)])
    assert frontier.believed == [IdRange(181, 190)]


def test_a_claim_that_is_kept_is_walked_if_an_id_refutes_it_by_now(two):
    frontier, low, high = two
    frontier.claim(high)
    for highest, waits in ((150, []), (151, [IdRange(151, 200)])):
        frontier.keep_claim(frontier.take_claim(), highest)
        assert [chain.left for chain in frontier.start()] == waits
    assert low.left == IdRange(100, 150)


def test_what_is_believed_up_to_the_highest_id_ever_shown_is_settled_for_good(two):
    frontier, _, high = two
    frontier.show(160)  # a record that has gone since
    frontier.claim(high)
    frontier.believe(frontier.take_claim())
    assert list(frontier.take_believed()) == [(IdRange(151, 161), IdRange(161, 200))]
    assert (list(frontier.take_believed()), frontier.believed) == ([], [IdRange(161, 200)])


def test_what_keeps_failing_is_put_aside_in_growing_steps_and_tried_again_last(two):
    frontier, low, high = two
    low.failures = 3
    assert [frontier.skip(low) for _ in range(3)] == [IdRange(100, 105), IdRange(105, 115), IdRange(115, 135)]
    assert low.failures == 0
    frontier.advance(low, Tally(IdRange(135, 145), {}, 5, next=145))
    assert frontier.skip(low) == IdRange(145, 150), "a page is ten ids wide here, and five are left"
    assert list(frontier.start()) == []
    frontier.advance(high, Tally(IdRange(151, 200), next=200))
    again = list(frontier.start())
    assert [chain.left for chain in again] == [IdRange(145, 150), IdRange(115, 135)]
    assert frontier.give_up(again[1], 120, "why") == IdRange(115, 120)
    assert (again[1].left, again[1].is_last_try) == (IdRange(120, 135), True)


def test_a_faulty_record_is_asked_for_alone_when_all_else_is_done(two):
    frontier, low, high = two
    frontier.advance(low, Tally(IdRange(100, 150), {}, 49, next=150, faulty={120: "why"}))
    frontier.advance(high, Tally(IdRange(151, 200), next=200))
    assert not frontier.is_walked
    (alone,) = frontier.start()
    assert (alone.left, alone.is_alone) == (IdRange(120, 121), True)


def test_after_an_outage_the_tries_are_given_back(two):
    frontier, low, _ = two
    low.failures, low.excused = 3, 2
    frontier.forgive()
    assert (low.failures, low.excused) == (0, 0)


def shown(frontier, chain, density):
    """Let a chain's page show 100 records at a density."""
    end = min(chain.cursor + round(100 / density), chain.end)
    frontier.advance(chain, Tally(IdRange(chain.cursor, end), {}, 100, next=end, highest=end - 1))


def begun(ids, chains, **options):
    """Return a frontier of so many ids whose last ids have been shown, and its other chains."""
    frontier = Frontier([IdRange(0, ids)], chains, page=100, **options)
    tail, *_ = started = list(frontier.start())
    shown(frontier, tail, 1)
    return frontier, *started[1:], *frontier.start()


def test_a_chain_that_ends_is_replaced_by_half_of_the_longest():
    frontier, low, high = begun(30_100, 2)
    shown(frontier, low, 1)
    while frontier.is_under_way(high):
        shown(frontier, high, 1)
    (half,) = frontier.start()
    # 74 of 149 pages: where every id exists, no more than a record or two for safety.
    assert (low.left, half.left) == (IdRange(100, 7498), IdRange(7498, 15_000))


def test_a_split_is_in_the_middle_of_the_pages_not_of_the_ids():
    frontier, dense, sparse = begun(30_100, 2)
    shown(frontier, dense, 1)
    while frontier.is_under_way(sparse):
        shown(frontier, sparse, 0.1)
    (half,) = frontier.start()
    # From 1 at 100 the density is taken to fall evenly to 0.1 at 15,000: 40 of 82 whole pages.
    assert (dense.end, half.end) == (half.cursor, 15_000)
    assert half.cursor == pytest.approx(4800, abs=150)


def test_a_chain_is_split_for_a_free_place_if_it_has_more_than_is_under_way_and_a_replacement_takes_fifty_pages():
    frontier, chain = begun(5100, 1, most=200)
    shown(frontier, chain, 1)
    assert list(frontier.start()) == []
    chains = [chain, *frontier.grow(1000)]
    assert len(chains) > 45
    assert max(len(chain.left) for chain in chains) < 150
    assert sum(len(chain.left) for chain in chains) == 4900


def test_growth_ends_at_the_most_chains_that_there_may_be():
    frontier = Frontier([IdRange(0, 10**6)], 2, page=100, most=5)
    assert len(list(frontier.start())) == 2
    assert len(list(frontier.grow(1))) == 1
    assert len(list(frontier.grow(100))) == 2


def test_no_chain_begins_with_less_than_ten_pages():
    _, *chains = begun(2600, 100)
    assert [chain.left for chain in chains] == [IdRange(0, 1250), IdRange(1250, 2500)]


def test_the_pages_left_are_those_of_chains_under_way_and_of_ranges_that_wait():
    frontier = Frontier([IdRange(0, 3000)], 2, page=10)
    assert frontier.pages_left() == 301.5, "and half a page for the end of each, the tail included"
    tail, low = frontier.start()
    assert frontier.pages_left() == 301.5
    frontier.advance(low, Tally(IdRange(0, 10), {}, 10, next=10, highest=9))
    assert frontier.pages_left() == pytest.approx(300.5)
    frontier.skip(tail)
    assert frontier.pages_left() == pytest.approx(300.5), "what is put aside is still to be asked for"


def test_what_is_left_beside_what_an_earlier_crawl_has_settled_is_taken_to_be_like_it():
    pieces = [(IdRange(0, 1000), 10), (IdRange(2000, 3000), 1000)]
    frontier = Frontier([IdRange(1000, 2000), IdRange(3000, 4000)], 2, page=10, pieces=pieces)
    assert frontier.pages_left() == pytest.approx(50 + 100 + 3 / 2, rel=0.02), (
        "between its neighbours, and like the nearest"
    )


def test_a_split_leaves_the_first_half_a_little_less_than_its_whole_pages():
    frontier, low = begun(10_000_100, 1, most=2)
    shown(frontier, low, 1)
    shown(frontier, low, 0.1)  # within the same place: what the last page has shown speaks for the rest of it
    (half,) = frontier.grow(1)
    # The ids that so many records take spread by the square root of records x (1 - share): 1.5 times that is left
    # to the second half.
    known, unsettled = Density(IdRange(0, 10_000_100)), IdRange(low.cursor, half.end)
    for page in (IdRange(10_000_000, 10_000_100), IdRange(0, 100), IdRange(100, 1100)):
        known.show(page, 100)
    left = known.records(unsettled, low.density)
    records = left / 100 // 2 * 100
    spread = sqrt(1 + records * (1 - left / len(unsettled)))
    assert half.cursor == low.end == known.after(records - 1.5 * spread, unsettled, low.density)


def test_a_good_page_begins_the_chain_anew(two):
    frontier, low, _ = two
    low.failures, low.skips, low.is_contradicted = 3, 2, True
    frontier.advance(low, Tally(IdRange(100, 120), {}, 5, next=120, highest=110))
    assert (low.failures, low.skips, low.is_contradicted, low.density) == (0, 0, False, 0.25)


def test_what_is_split_from_a_last_try_is_one():
    frontier = Frontier([IdRange(0, 10_000)], 1, page=10, most=9)
    (tail,) = frontier.start()
    frontier.skip(tail)
    (body,) = frontier.start()
    body.skips = 20
    frontier.skip(body)
    (again,) = frontier.start()
    assert again.stage is Pass.LAST_TRY
    (half,) = frontier.grow(1)
    assert half.stage is Pass.LAST_TRY
