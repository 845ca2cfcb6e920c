"""The walk, against the mock API in memory: an answer in; tallies, asks and waits out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.crawl.walk import Ask, Proof
from lifestats_crawler.ending import Ending
from lifestats_crawler.items import Answer
from lifestats_crawler.ranges import IdRange
from tests.conftest import FIRST
from tests.crawl.walking import Walking
from tests.memory_api import MemoryApi

FAILED = Answer(500)


def hole(begin: int, end: int) -> dict:
    return {"holes": (IdRange(FIRST + begin, FIRST + end),)}


SPACES = [
    # what,                          ids, the API's records, its shape,   the configuration
    ("as in production, in small", 3000, {"density": 0.94}, {}, {}),
    ("one chain", 400, {}, {}, {"subsets": 1}),
    ("many more subsets than ids", 7, {}, {}, {"subsets": 50}),
    ("one id", 1, {"density": 1}, {}, {}),
    ("one id, and it does not exist", 1, hole(0, 500), {}, {}),
    ("no record at all", 500, hole(0, 500), {}, {}),
    ("every id exists", 300, {"density": 1}, {}, {"results_per_page": 3, "subsets": 13}),
    ("one record a page", 60, {"density": 0.5}, {}, {"results_per_page": 1}),
    ("holes wider than a subset", 5000, hole(900, 4100), {}, {"subsets": 20}),
    ("the space ends in a hole", 2000, hole(700, 2000), {}, {"subsets": 9}),
    ("the space begins in a hole", 2000, hole(0, 1999), {}, {"subsets": 9}),
    ("few records far apart", 9000, {"density": 0.002}, {}, {"subsets": 30}),
    ("pages larger than the space", 50, {}, {}, {"results_per_page": 100}),
    ("an exclusive cursor", 1000, {}, {"exclusive": True}, {"inclusive": False}),
    ("next from the largest id", 1000, {}, {"following": ""}, {"next": None}),
    ("both", 1000, {}, {"following": "", "exclusive": True}, {"next": None, "inclusive": False}),
    ("a list as body", 1000, {}, {"items": "@", "following": ""}, {"items": "@", "next": None}),
]


@pytest.mark.parametrize(
    ("ids", "recipe", "shape", "changes"), [row[1:] for row in SPACES], ids=[row[0] for row in SPACES]
)
def test_a_walk_counts_every_record_once(ids, recipe, shape, changes):
    walking = Walking(MemoryApi({"last_id": FIRST + ids - 1} | recipe, shape), ids, **changes)
    walking.run()
    walking.assert_exact()


def test_an_id_space_within_a_larger_api_counts_only_what_lies_in_it():
    walking = Walking(MemoryApi({}), first_id=FIRST + 501, last_id=FIRST + 1700)
    walking.run()
    walking.assert_exact()


ids_of_the_space = st.integers(1, 400)
recipes = st.fixed_dictionaries(
    {
        "density": st.sampled_from([0.01, 0.5, 0.95, 1.0]),
        "holes": st.lists(st.tuples(ids_of_the_space, ids_of_the_space).map(sorted), max_size=2).map(
            lambda bounds: tuple(IdRange(FIRST + begin, FIRST + end) for begin, end in bounds)
        ),
    }
)
crawls = st.fixed_dictionaries(
    {"results_per_page": st.integers(1, 12), "subsets": st.integers(1, 9), "inclusive": st.booleans()}
)
faults = st.sampled_from(
    ["slow:0", "next-null:0.2", "next-beyond:0.2", "wrong-shape:0.3", "status-500:0.3", "before-cursor:0.5"]
)


@given(ids_of_the_space, recipes, crawls, faults, st.integers(0, 1000))
def test_whatever_the_space_and_the_faults_that_pass_a_walk_is_exact(ids, recipe, changes, fault, seed):
    shape = {"exclusive": not changes["inclusive"], "max_limit": changes["results_per_page"]}
    api = MemoryApi({"last_id": FIRST + ids - 1} | recipe, shape, fault, seed=seed)
    walking = Walking(api, ids, seed, retries=50, **changes)
    walking.run()
    walking.assert_exact()


# One answer after another


@pytest.fixture
def walking():
    """A walk of one subset of an API without gaps, whose last ids are not asked first."""
    return Walking(MemoryApi({"density": 1, "last_id": FIRST + 99}), ids=99, subsets=1)


def proven(walking) -> Ask:
    """Walk to the second page, with the cursor proven."""
    (first,) = walking.walk.begin()
    proof = walking.take(first).following
    return walking.take(proof).following


def test_the_first_page_with_a_record_is_followed_by_a_proof_of_the_cursor_and_no_other_is(walking):
    (first,) = walking.walk.begin()
    step = walking.take(first)
    assert step.tally.settles == IdRange(FIRST, FIRST + 10)
    assert (step.begun, step.following) == ([], Ask(first.chain, FIRST + 9, proof=Proof(FIRST + 9, FIRST)))
    step = walking.take(step.following)
    assert step.tally is None, "what a proof shows is counted where it is asked for"
    assert step.following == Ask(first.chain, FIRST + 10)
    assert walking.take(step.following).following == Ask(first.chain, FIRST + 20)


@pytest.mark.parametrize(
    ("inclusive", "shape", "right"),
    [(True, {"exclusive": True, "following": ""}, "false"), (False, {"following": ""}, "true")],
    ids=["exclusive", "inclusive"],
)
def test_a_record_that_is_twice_not_shown_where_it_is_asked_for_ends_the_crawl_as_misconfigured(
    caplog, inclusive, shape, right
):
    recipe = {"density": 1, "first_id": FIRST + 1, "last_id": FIRST + 99}
    walking = Walking(MemoryApi(recipe, shape), ids=99, subsets=1, next=None, inclusive=inclusive)
    (first,) = walking.walk.begin()
    proof = walking.take(first).following
    exists = walking.take(proof).following
    doubted = replace(proof.proof, is_doubted=True)
    assert exists == Ask(first.chain, FIRST, proof=doubted), "the record may be gone: its page is asked once more"
    again = walking.take(exists).following
    assert again == Ask(first.chain, proof.first, proof=doubted)
    assert walking.closed == [], "once may be an accident"
    step = walking.take(again)
    assert (step.tally, step.begun, step.following) == (None, [], None)
    assert walking.closed == [Ending.MISCONFIGURED]
    assert f"lacks this record, which exists. Set inclusive: {right}" in caplog.text


def test_a_record_that_is_gone_proves_nothing_and_the_next_page_is_asked(walking):
    (first,) = walking.walk.begin()
    proof = walking.take(first).following
    walking.api = MemoryApi({"density": 1, "holes": (IdRange(FIRST + 9, FIRST + 10),)})
    exists = walking.take(proof).following
    following = walking.take(exists).following
    assert (walking.closed, following) == ([], Ask(first.chain, FIRST + 10))
    assert walking.take(following).following == Ask(first.chain, FIRST + 19, proof=Proof(FIRST + 19, FIRST + 10))


def test_a_page_that_shows_its_only_record_where_it_was_asked_for_needs_no_proof():
    walking = Walking(MemoryApi({"density": 1, "last_id": FIRST + 99}), ids=99, subsets=1, results_per_page=1)
    (first,) = walking.walk.begin()
    step = walking.take(first)
    assert ([ask.first for ask in step.begun], step.following) == ([FIRST], None)


def test_an_answer_that_contains_the_cursor_itself_twice_in_a_row_ends_the_crawl_as_misconfigured():
    walking = Walking(MemoryApi({"density": 1}), ids=99, subsets=1, first_id=FIRST + 1, inclusive=False)
    (ask,) = walking.walk.begin()
    again = walking.take(walking.take(ask).following, FAILED).following
    third = walking.take(again).following
    assert walking.closed == [], "there was a fault of another kind between them"
    assert walking.take(third).following is None
    assert walking.closed == [Ending.MISCONFIGURED]


def test_a_proof_that_gets_no_page_is_made_up_for_at_the_next_one(walking):
    (first,) = walking.walk.begin()
    proof = walking.take(first).following
    following = walking.take(proof, FAILED).following
    assert following == Ask(first.chain, FIRST + 10)
    assert walking.crawl.retried == 1
    assert walking.take(following).following == Ask(first.chain, FIRST + 19, proof=Proof(FIRST + 19, FIRST + 10))


def test_a_page_that_failed_is_asked_again_where_it_was_after_a_wait_that_is_noted(walking):
    ask = proven(walking)
    step = walking.take(ask, FAILED, now=100.0)
    assert (step.tally, step.begun) == (None, [])
    assert (step.following.first, step.following.proof) == (ask.first, None)
    assert 0 < step.following.wait <= 0.5
    assert ask.chain.rests_until == 100.0 + step.following.wait
    assert walking.crawl.retried == 1
    assert walking.take(step.following).following.wait == 0.0
    assert ask.chain.failures == 0


def test_while_the_server_wants_no_request_a_failed_page_waits_at_least_as_long(walking):
    ask = proven(walking)
    walking.crawl.pacer.hold(160.0)
    assert walking.take(ask, FAILED, now=100.0).following.wait == 60.0


@pytest.mark.parametrize(
    "answer",
    [
        Answer(error="DownloadTimeoutError: no whole answer in time"),
        Answer(302, {"Location": "http://another-host.invalid/"}),
        Answer(429),
        Answer(200, body=b"<html>"),
        Answer(200, body=b'{"response": [{"id": 7}], "meta": {"next_offset": 5}}'),
    ],
    ids=str,
)
def test_whatever_is_no_page_counts_nothing_and_is_asked_again(walking, answer):
    ask = proven(walking)
    step = walking.take(ask, answer)
    assert (step.tally, step.following.first) == (None, ask.first)


def test_a_page_that_keeps_failing_is_put_aside_and_tried_again_at_the_end_and_then_given_up(caplog):
    walking = Walking(MemoryApi({"density": 1, "last_id": FIRST + 99}), ids=99, subsets=1, retries=1)
    ask = proven(walking)
    again = walking.take(ask, FAILED).following
    behind = walking.take(again, FAILED).following
    assert behind == Ask(ask.chain, ask.first + 10)
    aside = f"Put ids {ask.first} to {ask.first + 9} aside after 2 failed tries"
    assert f"{aside}, to be tried last: status 500" in caplog.text
    step = walking.take(behind)
    while step.following:
        step = walking.take(step.following)
    (last,) = step.begun
    assert last.first == ask.first
    step = walking.take(walking.take(last, FAILED).following, FAILED)
    assert (step.begun, step.following) == ([], None)
    assert walking.crawl.frontier.given_up == [IdRange(ask.first, ask.first + 10)]
    assert f"Gave up on ids {ask.first} to {ask.first + 9} after 2 more tries: status 500." in caplog.text


def test_of_faults_of_a_kind_one_a_minute_is_told_as_a_warning(walking, caplog):
    ask = proven(walking)
    for now in (0.0, 10.0, 20.0, 61.0):
        ask = walking.take(ask, FAILED, now).following
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [line.partition("; the next")[0] for line in told] == [
        f"Page at {ask.first}, try 1: status 500",
        f"Page at {ask.first}, try 4: status 500",
    ]
    assert told[1].endswith("(2 more faults of this kind since the last line)")


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_stops_the_crawl_at_once_and_nothing_is_asked_any_more(walking, status):
    ask = proven(walking)
    step = walking.take(ask, Answer(status))
    assert (step.tally, step.begun, step.following) == (None, [], None)
    assert walking.closed == [Ending.REFUSED]


def test_a_server_that_never_answers_is_given_up_after_two_failures_a_chain():
    walking = Walking(MemoryApi({}), ids=20_000, subsets=12)
    asks, answers = list(walking.walk.begin()), 0
    while not walking.closed:
        ask = asks.pop(0)
        answers += 1
        asks += filter(None, [walking.take(ask, FAILED).following])
    assert (walking.closed, answers) == ([Ending.FAILING], 2 * walking.crawl.frontier.subsets)


@pytest.mark.parametrize("how", ["signal", "stop"])
def test_after_a_stop_a_page_that_comes_is_counted_and_nothing_is_asked_for(walking, how):
    ask = proven(walking)
    if how == "signal":
        walking.is_running = False
    else:
        walking.crawl.stop(Ending.STORAGE, "segment 1 cannot be written")
    step = walking.take(ask)
    assert step.tally.settles == IdRange(ask.first, ask.first + 10)
    assert (step.begun, step.following) == ([], None)
    assert walking.walk.grow(0.0) == []


@pytest.mark.parametrize(
    ("answer", "closed"), [(FAILED, []), (Answer(401), [Ending.REFUSED])], ids=["a failure", "a refusal"]
)
def test_after_a_stop_an_answer_that_is_no_page_decides_nothing_but_a_refusal_is_told(walking, answer, closed):
    ask = proven(walking)
    walking.is_running = False
    step = walking.take(ask, answer)
    assert (step.tally, step.begun, step.following) == (None, [], None)
    assert (walking.closed, walking.crawl.retried, ask.chain.failures) == (closed, 0, 0)


def test_after_a_stop_a_proof_proves_nothing_and_is_not_repeated(walking):
    (first,) = walking.walk.begin()
    proof = walking.take(first).following
    walking.is_running = False
    step = walking.take(proof, Answer(200, body=b'{"response": [], "meta": {"next_offset": null}}'))
    assert (step.tally, step.begun, step.following) == (None, [], None)


def test_a_chain_that_ends_is_followed_by_what_waits_and_every_answer_is_counted():
    walking = Walking(MemoryApi({"density": 1, "last_id": FIRST + 999}), ids=1000, subsets=2)
    tail, low = walking.walk.begin()
    assert [ask.first for ask in (tail, low)] == [FIRST + 990, FIRST]
    step = walking.take(tail)
    assert [ask.first for ask in step.begun] == [FIRST + 495]
    step = walking.take(step.following)
    assert (step.begun, step.following, walking.crawl.answered) == ([], None, 2)


def test_a_chain_that_nobody_has_taken_yet_is_left_to_the_next_answer():
    walking = Walking(MemoryApi({"density": 1, "last_id": FIRST + 999}), ids=1000, subsets=2)
    tail, low = walking.walk.begin()
    begun = walking.walk.take(tail, walking.answer(tail), 0.0).begun
    assert len(walking.crawl.frontier) == 1
    (high,) = walking.take(low).begun
    assert (high.first, list(begun)) == (FIRST + 495, [])


def test_growth_asks_for_the_first_pages_of_chains_split_off():
    walking = Walking(MemoryApi({"density": 1, "last_id": FIRST + 9999}), ids=10_000, subsets=2, rate_limit=40)
    begun = list(walking.walk.begin())
    walking.crawl.pacer.booked = len(begun)
    (grown,) = walking.walk.grow(0.0)[:1]
    assert grown.first == grown.chain.cursor
    assert grown.wait == 0.0
    assert grown.chain not in {ask.chain for ask in begun}
