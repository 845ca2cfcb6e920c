from __future__ import annotations

import pytest

from lifestats_crawler.crawl.frontier import Frontier
from lifestats_crawler.crawl.growth import more_chains, most_chains
from lifestats_crawler.downloader.pacer import Pacer
from lifestats_crawler.ranges import IdRange
from tests.configurations import configured

CHAINS = 20


@pytest.mark.parametrize(
    ("subsets", "rate_limit", "most"),
    [(100, 100, 400), (100, 20, 100), (1, 0.1, 1), (1, 0.3, 2), (7, None, 7), (500, 100, 500)],
)
def test_there_may_be_chains_enough_to_hold_the_rate_at_a_latency_of_four_seconds(subsets, rate_limit, most):
    assert most_chains(configured(subsets=subsets, rate_limit=rate_limit)) == most


@pytest.fixture
def frontier():
    return Frontier([IdRange(0, 100_000)], CHAINS, page=100, most=400)


@pytest.fixture(autouse=True)
def chains(frontier):
    """The chains that are under way, each with its first request."""
    chains = list(frontier.start())
    assert len(chains) == CHAINS
    return chains


@pytest.fixture
def pacer():
    pacer = Pacer(100)
    pacer.booked = CHAINS
    return pacer


def more(frontier, pacer, answered=0, now=0.0) -> int:
    return len(list(more_chains(frontier, pacer, answered, now)))


def test_chains_are_made_for_the_places_until_the_next_look_and_no_more(frontier, pacer):
    assert more(frontier, pacer) == 5
    assert more(frontier, pacer) == 0, "the new ones have not asked for a place yet"
    pacer.booked = len(frontier)
    assert more(frontier, pacer) == 5


def test_no_chain_is_made_while_one_is_held_back_before_it_has_a_place(frontier, pacer):
    pacer.booked = CHAINS - 1
    assert more(frontier, pacer) == 0
    pacer.booked = 100
    assert more(frontier, pacer, answered=80) == 5
    assert more(frontier, pacer, answered=81) == 0


def test_no_chain_is_made_while_places_are_taken_or_the_server_holds_us_off(frontier, pacer):
    for _ in range(5):
        pacer.reserve(0.0)
    pacer.booked = CHAINS
    assert more(frontier, pacer) == 0
    assert more(frontier, pacer, now=0.03) == 3
    pacer.booked = len(frontier)
    pacer.hold(60.0)
    assert more(frontier, pacer, now=1.0) == 0


@pytest.mark.parametrize(("resting", "made"), [(2, 5), (3, 0)])
def test_a_few_chains_whose_page_has_failed_keep_nobody_from_growing_and_many_do(
    frontier, chains, pacer, resting, made
):
    for chain in chains[:resting]:
        chain.rests_until = 60.0
    pacer.booked = CHAINS - resting
    assert more(frontier, pacer) == made
    assert more(frontier, pacer, now=61.0) == 0, "they ask again, and have no place yet"


def test_where_no_chain_is_left_none_is_made(pacer):
    pacer.booked = 0
    assert more(Frontier([], CHAINS), pacer) == 0


def test_chains_that_wait_because_the_server_takes_fewer_at_once_make_no_more_of_them(frontier, pacer):
    """The gate is before the pacer: what waits there has booked no place."""
    pacer.booked = 6  # under way
    assert more(frontier, pacer) == 0
    assert more(frontier, pacer, answered=1, now=10.0) == 0
