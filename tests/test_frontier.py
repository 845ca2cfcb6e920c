from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.exceptions import FaultyPageError
from lifestats_crawler.frontier import Frontier
from lifestats_crawler.items import Tally
from lifestats_crawler.ranges import Coverage, IdRange, missing

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


def walk(frontier, answer, random):
    """Answer chains in any order until nothing is left; return the coverage and the records."""
    coverage, records, under_way = Coverage(), 0, list(frontier.start())
    while under_way:
        chain = under_way.pop(random.randrange(len(under_way)))
        tally = answer(chain.left)
        try:
            frontier.advance(chain, tally)
        except FaultyPageError:
            under_way.append(chain)
            continue
        coverage.add(tally.settles)
        records += tally.records
        if frontier.is_under_way(chain):
            under_way.append(chain)
        under_way.extend(frontier.start())
        for claim in frontier.proven_empty():
            coverage.add(claim)
    return coverage, records


ids_in_space = st.sets(st.integers(SPACE.begin, SPACE.end - 1), max_size=60)


@given(ids_in_space, st.integers(1, 120), st.integers(1, 12), st.randoms())
def test_any_number_of_chains_settles_every_id_once_and_counts_every_record(ids, chains, limit, random):
    coverage, records = walk(Frontier([SPACE], chains), TruthfulApi(ids, limit).page, random)
    assert list(coverage) == [SPACE]
    assert records == len(ids)


@given(ids_in_space, st.integers(1, 12), st.randoms(), st.integers(0, 30))
def test_what_is_given_up_and_what_is_settled_make_the_whole(ids, chains, random, width):
    frontier = Frontier([SPACE], chains)
    api = TruthfulApi(ids, 5)
    coverage, given_up, under_way = Coverage(), Coverage(), list(frontier.start())
    while under_way:
        chain = under_way.pop()
        if random.random() < 0.3:
            skipped, is_given_up = frontier.skip(chain, width + 1)
            if is_given_up:
                given_up.add(skipped)
        else:
            tally = api.page(chain.left)
            frontier.advance(chain, tally)
            coverage.add(tally.settles)
        under_way.extend([chain] if frontier.is_under_way(chain) else [])
        under_way.extend(frontier.start())
        for claim in frontier.proven_empty():
            coverage.add(claim)
    assert list(missing(SPACE, coverage)) == list(given_up)


@given(st.sets(st.integers(SPACE.begin, SPACE.end - 1), min_size=2), st.integers(2, 20), st.randoms())
def test_a_lie_that_the_space_ends_is_found_out_once_a_higher_id_was_shown(ids, chains, random):
    api = TruthfulApi(ids, 3)
    lies = 5

    def answer(left: IdRange) -> Tally:
        nonlocal lies
        honest = api.page(left)
        if lies and left.begin < max(ids) - 10:
            lies -= 1
            return Tally(IdRange(left.begin, left.begin), {}, 0, next=None, highest=None)
        return honest

    coverage, records = walk(Frontier([SPACE], chains), answer, random)
    told_on = max(ids) in coverage and records
    assert not told_on or records == len(ids)


def test_a_claim_settles_nothing_before_every_other_chain_has_ended():
    frontier = Frontier([SPACE], 2)
    low, high = frontier.start()
    frontier.advance(low, Tally(IdRange(100, 100)))
    assert frontier.proven_empty() == []
    frontier.advance(high, Tally(IdRange(150, 151), next=None, highest=150, records=1))
    assert frontier.proven_empty() == []
    (again,) = frontier.start()
    assert again.left == IdRange(100, 150)
    frontier.advance(again, Tally(IdRange(100, 150), next=150))
    assert frontier.proven_empty() == [IdRange(151, 200)]


def test_a_claim_against_an_id_already_shown_is_faulty():
    frontier = Frontier([SPACE], 2)
    low, high = frontier.start()
    frontier.advance(high, Tally(IdRange(150, 160), next=160, highest=155))
    with pytest.raises(FaultyPageError, match="claims to be the last page, but id 155 exists"):
        frontier.advance(low, Tally(IdRange(100, 110), next=None, highest=109))
    assert low.left == IdRange(100, 150)


def test_what_keeps_failing_is_put_aside_in_growing_steps_and_tried_again_last():
    frontier = Frontier([SPACE], 2)
    low, high = frontier.start()
    assert [frontier.skip(low, 5) for _ in range(3)] == [
        (IdRange(100, 105), False),
        (IdRange(105, 115), False),
        (IdRange(115, 135), False),
    ]
    frontier.advance(low, Tally(IdRange(135, 140), next=140))
    assert frontier.skip(low, 5) == (IdRange(140, 145), False)
    frontier.advance(low, Tally(IdRange(145, 150), next=150))
    assert list(frontier.start()) == []
    frontier.advance(high, Tally(IdRange(150, 200), next=200))
    again = list(frontier.start())
    assert [chain.left for chain in again] == [IdRange(140, 145), IdRange(115, 135)]
    assert frontier.skip(again[1], 5) == (IdRange(115, 120), True)
    assert again[1].left == IdRange(120, 135)
