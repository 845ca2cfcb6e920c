"""The walk, against the mock API in memory: an answer in; tallies, asks and waits out."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifestats_crawler.crawl.asks import PageAsk, TalkAsk
from lifestats_crawler.crawl.checking import LEAST_AUDITS
from lifestats_crawler.ending import Ending
from lifestats_crawler.exceptions import Cause
from lifestats_crawler.items import Answer
from lifestats_crawler.ranges import IdRange
from lifestats_crawler.storage.footers import Settled
from mocks.faults import KINDS
from tests.conftest import FIRST
from tests.crawl.walking import BEGIN, Walking
from tests.memory_api import MemoryApi

FAILED = Answer(500)
EMPTY = Answer(200, body=b'{"response": [], "meta": {"next_offset": null}}')
LOST = Answer(error="the connection was lost", cause=Cause.LOST)
STOPPED = Answer(error="IgnoreRequest: the crawl is being stopped")


def hole(begin: int, end: int) -> dict:
    return {"holes": (IdRange(FIRST + begin, FIRST + end),)}


def dense(last: int = 1999, **changes) -> dict:
    """All ids up to one exist."""
    return {"density": 1, "last_id": FIRST + last} | changes


def changed(answer: Answer, change) -> Answer:
    """Return an answer with its document changed."""
    document = orjson.loads(answer.body)
    change(document)
    return replace(answer, body=orjson.dumps(document))


class BadRecords(MemoryApi):
    """Some records have null where a counted field should be."""

    def __init__(self, bad, *args, **limits) -> None:
        super().__init__(*args, **limits)
        self.bad = set(bad)

    def ask(self, url):
        def spoil(document) -> None:
            for record in document["response"]:
                if record["id"] in self.bad:
                    record["food_id"] = None

        return changed(super().ask(url), spoil)


class DeadRecords(MemoryApi):
    """Any page that would show one of some records fails."""

    def __init__(self, dead, *args, **limits) -> None:
        super().__init__(*args, **limits)
        self.dead = set(dead)

    def ask(self, url):
        answer = super().ask(url)
        ids = {record["id"] for record in orjson.loads(answer.body)["response"]}
        return FAILED if ids & self.dead else answer


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


@pytest.mark.parametrize("audit", [True, False], ids=["audited", "not audited"])
@pytest.mark.parametrize(
    ("ids", "recipe", "shape", "changes"), [row[1:] for row in SPACES], ids=[row[0] for row in SPACES]
)
def test_a_walk_counts_every_record_once(ids, recipe, shape, changes, audit):
    api = MemoryApi({"last_id": FIRST + ids - 1} | recipe, shape)
    walking = Walking(api, ids, audit=audit, **changes).run()
    walking.assert_exact()
    assert walking.crawl.differing == 0
    assert bool(walking.crawl.audited) is (audit and walking.records > 0)


def test_an_id_space_within_a_larger_api_counts_only_what_lies_in_it():
    Walking(MemoryApi({}), first_id=FIRST + 501, last_id=FIRST + 1700).run().assert_exact()


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
    {
        "results_per_page": st.integers(1, 12),
        "subsets": st.integers(1, 9),
        "inclusive": st.booleans(),
        "audit": st.booleans(),
    }
)
_WIRE = {"reset", "disconnect", "stall", "cut-short", "huge", "slow"}
_EMPTY = {"empty-page", "empty-echo", "list-null", "list-absent"}
PASSING = [kind for kind, about in KINDS.items() if about.in_all and kind not in _WIRE]
faults = st.sampled_from(["next-null", "next-beyond", "wrong-shape", "status-500", "status-404", "before-cursor"])


@settings(max_examples=60)
@given(ids_of_the_space, recipes, crawls, faults, st.sampled_from(["0", "0.1", "0.3"]), st.integers(0, 1000))
def test_whatever_the_space_and_the_faults_that_pass_a_walk_is_exact(  # noqa: PLR0913, PLR0917  # what is drawn
    ids, recipe, changes, fault, often, seed
):
    shape = {"exclusive": not changes["inclusive"], "max_limit": changes["results_per_page"]}
    # Four times in a row it leaves an end unconfirmed, which is then named as missing.
    often = "0.03" if fault == "before-cursor" and often == "0.3" else often
    api = MemoryApi({"last_id": FIRST + ids - 1} | recipe, shape, f"{fault}:{often}", seed=seed)
    Walking(api, ids, seed, retries=50, **changes).run().assert_exact()


@pytest.mark.parametrize("kind", PASSING)
def test_with_any_fault_that_passes_a_walk_is_exact(kind):
    # Twice empty in a row where a page shows records is what audits look for.
    often = 0.03 if kind in _EMPTY else 0.15
    api = MemoryApi({"last_id": FIRST + 999}, {"max_limit": 10}, f"{kind}:{often}", limit=2)
    walking = Walking(api).run()
    assert walking.api.injector.met[kind]
    walking.assert_exact()


# The opening


def test_nothing_is_counted_before_the_proof_and_the_audit_of_every_first_page_are_over():
    walking = Walking(MemoryApi(dense(999)), subsets=3)
    asks, questions = list(walking.walk.begin()), []
    assert len(asks) == 3
    for ask in asks:
        step = walking.take(ask)
        questions += [one for one in (*step.begun, step.following) if isinstance(one, TalkAsk)]
    assert len(questions) == 4, "an audit for each first page, and one proof"
    while questions:
        assert walking.tallies == []
        step = walking.take(questions.pop())
        questions += [step.following] if step.following else []
    assert len(walking.tallies) == 3
    assert walking.crawl.proven is True


def test_without_audits_there_is_only_the_proof():
    walking = Walking(MemoryApi(dense(999)), subsets=3, audit=False)
    first, *_ = walking.walk.begin()
    (proof,) = questions_of(walking, [first])
    assert (proof.first, walking.tallies) == (FIRST + 995, [])
    walking.take(proof)
    assert [tally.settles for tally in walking.tallies] == [IdRange(FIRST + 990, FIRST + 1000)]


def test_a_first_page_that_fails_is_not_waited_for():
    walking = Walking(MemoryApi(dense(999)), subsets=3)
    failing, *others = walking.walk.begin()
    questions = []
    walking.take(failing, FAILED)
    for ask in others:
        questions += [one for one in walking.take(ask).begun if isinstance(one, TalkAsk)]
    while questions:
        step = walking.take(questions.pop())
        questions += [step.following] if step.following else []
    assert len(walking.tallies) == 2


def test_of_a_chain_alone_the_first_twenty_pages_are_audited_before_anything_counts():
    walking = Walking(MemoryApi(dense(399)), ids=400, subsets=1)
    counted_at = []
    count = walking.count
    walking.count = lambda tally: (counted_at.append(walking.crawl.audited), count(tally))
    walking.run().assert_exact()
    assert counted_at[0] >= LEAST_AUDITS - 1


@pytest.mark.parametrize(
    ("inclusive", "shape"),
    [(True, {"exclusive": True, "following": ""}), (False, {"following": ""}), (False, {})],
    ids=["it is exclusive", "it is inclusive", "it is inclusive and names next"],
)
@pytest.mark.parametrize("audit", [True, False])
@pytest.mark.parametrize("ids", [3, 40, 2000])
def test_where_inclusive_is_wrong_nothing_is_counted_and_the_crawl_ends_as_misconfigured(
    caplog, inclusive, shape, audit, ids
):
    following = {} if "following" not in shape else {"next": None}
    api = MemoryApi(dense(ids - 1, first_id=FIRST + 1), shape)
    walking = Walking(api, ids, inclusive=inclusive, audit=audit, **following).run()
    assert walking.closed == [Ending.MISCONFIGURED]
    assert walking.tallies == []
    assert "inclusive" in caplog.text
    assert walking.crawl.asked().proven is False


# Proofs before a spill


def test_before_each_spill_there_is_a_good_proof():
    walking = Walking(MemoryApi({"last_id": FIRST + 1999}), 2000)
    walking.spill_every = 5
    walking.run().assert_exact()
    assert len(walking.spills) >= 10
    assert all(walking.spills)


def test_an_api_that_changes_while_it_is_crawled_ends_the_crawl_at_the_next_spill():
    walking = Walking(MemoryApi(dense(3999), {"following": ""}), 4000, next=None)
    walking.spill_every = 20
    exclusive = MemoryApi(dense(3999), {"following": "", "exclusive": True})

    def change(_) -> None:
        if len(walking.tallies) >= 30:
            walking.api = exclusive

    walking.before_each = change
    walking.run()
    assert walking.closed == [Ending.MISCONFIGURED]
    assert walking.walk.may_write is False


def test_a_record_that_is_gone_when_it_is_to_prove_something_accuses_nobody():
    walking = Walking(MemoryApi(dense(99)), ids=99, subsets=1, audit=False)
    (first,) = walking.walk.begin()
    step = walking.take(first)
    (proof,) = step.begun
    assert proof.first == FIRST + 5
    walking.api = MemoryApi(dense(99, **hole(5, 6)))
    whole = walking.take(proof).following
    assert (whole.first, whole.on_new_connection) == (FIRST, True)
    again = walking.take(whole).following
    assert walking.closed == []
    assert again.wait > 0, "nothing is proven: another proof follows"
    assert walking.tallies == []


def test_a_proof_without_an_answer_proves_nothing_and_accuses_nobody():
    walking = Walking(MemoryApi(dense(99)), ids=99, subsets=1, audit=False)
    (first,) = walking.walk.begin()
    (proof,) = walking.take(first).begun
    for answer in (FAILED, Answer(404), Answer(204), LOST):
        proof = walking.take(proof, answer).following
        assert (walking.closed, walking.tallies) == ([], [])
    walking.take(proof)
    assert len(walking.tallies) == 1


def test_where_one_page_cannot_prove_another_one_does():
    walking = opened(MemoryApi(dense(99)), ids=99)
    (first,) = walking.walk.begin()
    second = walking.take(first).following
    fails = {FIRST + 15}
    walking.take(second)
    walking.before_each = lambda ask: FAILED if ask.first in fails else None
    ask, tries = walking.walk.prove(walking.spills.append, walking.now), 0
    while ask:
        ask, tries = walking.take(ask).following, tries + 1
    assert (walking.spills, tries) == ([True], 2)


def test_a_proof_is_asked_for_as_long_as_an_outage_may_last():
    walking = opened(MemoryApi(dense(99)), ids=99, outage_seconds=600)
    (first,) = walking.walk.begin()
    walking.take(first)
    ask, now = walking.walk.prove(walking.spills.append, walking.now), BEGIN
    while ask:
        now += ask.wait
        ask = walking.take(ask, FAILED, now).following
    assert walking.closed == [Ending.OUTAGE]
    assert walking.spills == [True], "what is counted is kept: the next start proves first"
    assert 600 < now - BEGIN < 640


# Audits


def questions_of(walking, asks) -> list[TalkAsk]:
    """Take the first pages, and return the questions that follow."""
    steps = [walking.take(ask) for ask in asks]
    return [one for step in steps for one in (*step.begun, step.following) if isinstance(one, TalkAsk)]


def opened(api, ids=2000, **changes) -> Walking:
    """A walk of one chain whose opening is over."""
    walking = Walking(api, ids, **{"subsets": 1, "audit": False} | changes)
    walking.walk.checking.is_proven = True
    walking.walk.checking.open()
    return walking


def test_a_page_that_is_chosen_for_an_audit_counts_only_after_it_and_its_chain_goes_on_meanwhile():
    walking = opened(MemoryApi(dense()), audit=True)
    walking.walk.checking.open()
    tail, *_ = walking.walk.begin()
    question, *_ = questions_of(walking, [tail])
    assert walking.tallies == []
    while question is not None:
        question = walking.take(question).following
    assert [tally.settles.begin for tally in walking.tallies] == [tail.first]


def test_a_difference_in_the_first_pages_ends_the_crawl_as_misconfigured_with_what_was_seen(caplog):
    class Newest(MemoryApi):
        """Answers with the newest records above the cursor, and not with the nearest."""

        def ask(self, url):
            def newest(document) -> None:
                limit = document["meta"]["limit"]
                cursor = document["meta"]["offset"]
                last = self.records.recipe.last_id
                ids = range(max(cursor, last - limit + 1), last + 1)
                document["response"] = [{"id": an_id, "food_id": 1, "food": {"category_id": 1}} for an_id in ids]
                for record in document["response"]:
                    record["food__category_id"] = 1
                document["meta"]["next_offset"] = None

            return changed(super().ask(url), newest)

    walking = Walking(Newest(dense(9999)), 10_000).run()
    assert walking.closed == [Ending.MISCONFIGURED]
    assert walking.tallies == []
    assert walking.crawl.differing == 1
    assert "answers otherwise when it is asked for a part: a request at" in caplog.text


def test_a_later_difference_is_a_range_missing_with_its_reason_and_three_end_the_crawl(monkeypatch):
    monkeypatch.setattr("lifestats_crawler.crawl.checking.SHARE", 1.0)
    walking = Walking(MemoryApi(dense(4999)), 5000)
    hidden = {FIRST + 2004}

    def hide(ask):
        if not walking.tallies or ask.limit is None:
            return None

        def without(document) -> None:
            document["response"] = [one for one in document["response"] if one["id"] not in hidden]

        return changed(walking.api.ask(walking.crawl.dialect.url(ask.first, ask.limit)), without)

    walking.before_each = hide
    walking.run()
    if walking.crawl.differing:
        ((begin, end, reason),) = walking.crawl.given_up
        assert FIRST + 2004 in IdRange(begin, end)
        assert reason.startswith("the audit differed: a request at")
    assert walking.closed == []
    assert walking.settled == sorted(walking.settled)

    walking = Walking(MemoryApi(dense(4999)), 5000)
    hidden = set(range(FIRST, FIRST + 5000, 3))
    walking.before_each = hide
    walking.run()
    assert (walking.closed, walking.crawl.differing) == ([Ending.MISCONFIGURED], 3)


# A page that was not meant for us


def test_a_mixed_up_page_is_asked_again_on_another_connection_and_settles_nothing_of_the_sort():
    walking = Walking(MemoryApi({"last_id": FIRST + 5999}), 6000)
    far = {FIRST + 100 * n for n in range(5, 60, 7)}
    mixed = []

    def mix_up(ask):
        is_due = len(walking.tallies) > 40 and len(mixed) < 5 and not walking.random.randrange(9)
        if isinstance(ask, PageAsk) and is_due:
            mixed.append(ask.chain.cursor)
            elsewhere = max(ask.first + 600, *far)
            return replace(walking.api.ask(walking.crawl.dialect.url(elsewhere)), connection=10_000 + len(mixed))
        return None

    walking.before_each = mix_up
    walking.run().assert_exact()
    assert len(mixed) == 5
    assert {10_001, 10_002, 10_003, 10_004, 10_005} <= walking.crawl.distrusted


@pytest.mark.parametrize("error", [Answer(502), Answer(503)])
def test_a_connection_that_gave_a_server_error_is_not_used_again(error):
    walking = opened(MemoryApi(dense()))
    (ask, *_) = walking.walk.begin()
    walking.take(ask, replace(error, connection=77))
    assert walking.crawl.distrusted == {77}


# One bad record


def test_a_faulty_record_costs_one_record_and_is_asked_for_alone():
    bad = {FIRST + 500, FIRST + 1999, FIRST + 1000, FIRST + 1001}
    walking = Walking(BadRecords(bad, dense()), 2000, results_per_page=100, retries=2).run()
    assert walking.closed == []
    assert walking.missing == [
        IdRange(FIRST + 500, FIRST + 501),
        IdRange(FIRST + 1000, FIRST + 1002),
        IdRange(FIRST + 1999, FIRST + 2000),
    ]
    assert walking.records == 1996
    alone = [ask for ask in walking.asked if ask.limit == 1 and ask.chain]
    assert {ask.first for ask in alone} == bad
    assert len(alone) <= 4 * (2 + 2)


def test_where_a_limit_cannot_be_asked_for_a_faulty_record_costs_one_record_all_the_same():
    url = "http://127.0.0.1/x?offset={cursor}"
    api = BadRecords({FIRST + 500}, dense(), {"max_limit": 100})
    walking = Walking(api, 2000, results_per_page=100, retries=2, url=url).run()
    assert walking.missing == [IdRange(FIRST + 500, FIRST + 501)]


def test_a_faulty_record_that_is_well_by_the_end_is_counted():
    api = BadRecords({FIRST + 500}, dense())
    walking = Walking(api, 2000, results_per_page=100)

    def mend(ask):
        if ask.limit == 1 and ask.first == FIRST + 500:
            api.bad.clear()

    walking.before_each = mend
    walking.run().assert_exact()


def test_a_record_that_makes_its_page_fail_costs_one_record_and_a_dozen_requests():
    walking = Walking(DeadRecords({FIRST + 1234}, dense()), 2000, retries=3)
    walking.run()
    assert (walking.closed, walking.missing) == ([], [IdRange(FIRST + 1234, FIRST + 1235)])
    assert walking.records == 1999


def test_a_dead_region_costs_its_ids_and_what_is_behind_it_is_counted():
    dead = range(FIRST + 2000, FIRST + 5000)
    walking = Walking(DeadRecords(dead, dense(9999)), 10_000, retries=3, failure_limit=0.9).run()
    assert (walking.closed, walking.missing) == ([], [IdRange(dead.start, dead.stop)])
    assert walking.records == 7000


# Ends


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_where_no_page_can_be_counted_for_its_records_the_configuration_is_wrong(share, caplog):
    def without(ask):
        answer = walking.api.ask(walking.crawl.dialect.url(ask.first, ask.limit))

        def drop(document) -> None:
            for record in document["response"]:
                if record["id"] % 10 < 10 * share:
                    del record["food_id"]

        return changed(answer, drop)

    walking = Walking(MemoryApi(dense()), 2000, audit=False)
    walking.before_each = without
    walking.run()
    assert walking.closed == [Ending.MISCONFIGURED]
    assert len(walking.asked) < 30, "it is found out at once"
    assert walking.tallies == []
    (line,) = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert "counters.foods.field: food_id is missing or null in a record" in line
    assert "records cannot be counted" in line
    assert "set missing: skip" in line


def test_where_records_could_be_counted_a_page_of_which_most_cannot_costs_its_records():
    walking = Walking(MemoryApi(dense()), 2000, audit=False)

    def without(ask):
        def drop(document) -> None:
            for record in document["response"]:
                if record["id"] in range(FIRST + 1000, FIRST + 1030):
                    del record["food_id"]

        return changed(walking.api.ask(walking.crawl.dialect.url(ask.first, ask.limit)), drop)

    walking.before_each = without
    walking.run()
    assert (walking.closed, walking.missing) == ([], [IdRange(FIRST + 1000, FIRST + 1030)])


def test_ids_are_given_up_for_the_reason_that_was_given_most():
    walking = Walking(MemoryApi(dense()), 2000, audit=False, retries=4)
    asked = []

    def fail(ask):
        if ask.first <= FIRST + 1000 < ask.first + (ask.limit or 10):
            asked.append(ask)
            return LOST if len(asked) % 5 == 4 else FAILED
        return None

    walking.before_each = fail
    walking.run()
    assert walking.missing == [IdRange(FIRST + 1000, FIRST + 1001)]
    assert [reason for _, _, reason in walking.crawl.frontier.given_up] == ["status 500"]


def test_claims_are_confirmed_from_the_highest_down():
    api = MemoryApi(dense(1999, last_id=FIRST + 99))
    walking = Walking(api, 2000)
    claimed = []
    believe = walking.crawl.frontier.believe
    walking.crawl.frontier.believe = lambda claim: (claimed.append(claim.begin), believe(claim))
    walking.run().assert_exact()
    assert claimed == sorted(claimed, reverse=True)
    assert walking.claims == [IdRange(FIRST + 100, FIRST + 2000)]


def test_a_false_end_that_shows_records_settles_these_and_its_chain_goes_on():
    walking = opened(MemoryApi(dense()), subsets=2)
    tail, ask, *_ = walking.walk.begin()
    walking.take(tail)  # now a higher id is known
    honest = walking.answer(ask)
    step = walking.take(ask, changed(honest, lambda told: told["meta"].update(next_offset=None)))
    assert ask.chain.failures == 0
    assert walking.tallies[-1].settles == IdRange(FIRST, FIRST + 10)
    assert step.following.first == FIRST + 10


def test_an_api_that_says_nothing_follows_to_everybody_for_a_second_at_the_start_is_not_believed():
    walking = Walking(MemoryApi(dense()), 2000)
    walking.before_each = lambda _: EMPTY if walking.now < BEGIN + 1.5 else None
    walking.run().assert_exact()


def test_without_any_record_the_end_is_asked_for_after_growing_waits_and_then_believed():
    walking = Walking(MemoryApi({"last_id": FIRST + 499} | hole(0, 500)), 500).run()
    walking.assert_exact()
    assert walking.now - BEGIN > 61
    assert (walking.crawl.proven, walking.records) == (None, 0)


def test_an_api_that_clamps_its_last_page_is_complete_only_up_to_its_last_record(caplog):
    class Clamps(MemoryApi):
        def ask(self, url):
            answer = super().ask(url)
            if b'"response":[]' in answer.body.replace(b" ", b""):
                last = self.records.recipe.last_id
                return super().ask(url.split("?")[0] + f"?offset={last}&limit=1")
            return answer

    walking = Walking(Clamps(dense(99)), 200, retries=1).run()
    assert walking.missing == [IdRange(FIRST + 100, FIRST + 200)]
    assert "set last_id to it" in caplog.text
    Walking(Clamps(dense(99)), 100).run().assert_exact()


def test_what_earlier_crawls_believed_is_refuted_by_a_higher_id_and_walked():
    claims = (IdRange(FIRST + 700, FIRST + 1000),)
    settled = Settled((IdRange(FIRST, FIRST + 500),), highest=FIRST + 499, pages=5, claims=claims)
    walking = Walking(MemoryApi(dense(999)), settled=settled).run()
    assert walking.settled == [IdRange(FIRST, FIRST + 1000)]
    assert walking.records == 500


# Outages


@pytest.mark.parametrize(
    "failure", [Answer(503), LOST, Answer(error="timed out", cause=Cause.NOT_IN_TIME)], ids=str
)
@pytest.mark.parametrize("seconds", [15, 600])
def test_an_outage_is_one_however_many_chains_meet_it_and_tries_are_given_back(failure, seconds):
    walking = Walking(MemoryApi(dense(4999)), 5000, subsets=20, retries=2)
    began, failed = [], []

    def out(_):
        if len(walking.tallies) > 100 and not began:
            began.append(walking.now)
        if began and walking.now < began[0] + seconds:
            failed.append(walking.now)
            return failure
        return None

    walking.before_each = out
    walking.run().assert_exact()
    assert len(failed) < 150
    assert walking.now - began[0] < seconds + 75


def test_an_outage_that_lasts_too_long_ends_the_crawl_resumably(caplog):
    walking = Walking(MemoryApi(dense(4999)), 5000, outage_seconds=300)
    walking.before_each = lambda _: Answer(502) if len(walking.tallies) > 50 else None
    walking.run()
    assert walking.closed == [Ending.OUTAGE]
    assert "the API gave no good answer for 300 s: status 502" in caplog.text


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_ends_the_crawl_where_the_witness_is_refused_too(status):
    walking = Walking(MemoryApi(dense(4999)), 5000)
    walking.before_each = lambda _: Answer(status) if len(walking.tallies) > 50 else None
    walking.run()
    assert walking.closed == [Ending.REFUSED]


def test_a_page_that_is_refused_while_the_witness_is_answered_is_the_pages_own_fault():
    walking = Walking(MemoryApi(dense(4999)), 5000, retries=2)
    walking.before_each = lambda ask: Answer(403) if ask.first == FIRST + 1000 else None
    walking.run()
    assert walking.closed == []
    assert sum(map(len, walking.missing)) <= 10


@pytest.mark.parametrize("status", [401, 403])
def test_without_a_witness_a_refusal_ends_the_crawl_at_once(status):
    walking = Walking(MemoryApi(dense()), 2000)
    (ask, *_) = walking.walk.begin()
    step = walking.take(ask, Answer(status))
    assert (walking.closed, step.begun, step.following) == ([Ending.REFUSED], [], None)


@pytest.mark.parametrize(
    ("answer", "ending"),
    [(FAILED, Ending.OUTAGE), (LOST, Ending.OUTAGE), (Answer(200, body=b"x"), Ending.FAILING)],
)
def test_a_server_that_never_answers_is_given_up_after_two_failures_a_chain(answer, ending):
    walking = Walking(MemoryApi({}), ids=20_000, subsets=12)
    walking.before_each = lambda _: answer
    walking.run()
    assert walking.closed == [ending]
    assert 20 <= len(walking.asked) <= 2 * walking.crawl.frontier.subsets + 12
    assert walking.now - BEGIN < 15


# After a stop


@pytest.mark.parametrize("how", ["signal", "stop"])
def test_after_a_stop_a_page_that_comes_is_counted_and_nothing_is_asked_for(how):
    walking = opened(MemoryApi(dense()))
    (ask, *_) = walking.walk.begin()
    if how == "signal":
        walking.is_running = False
    else:
        walking.crawl.stop(Ending.STORAGE, "segment 1 cannot be written")
    step = walking.take(ask)
    assert len(walking.tallies) == 1
    assert (step.begun, step.following) == ([], None)
    assert walking.walk.grow(0.0) == []


@pytest.mark.parametrize("answer", [FAILED, STOPPED, Answer(429), LOST], ids=str)
@pytest.mark.parametrize("has_answered", [True, False])
def test_after_a_signal_answers_that_are_no_pages_decide_nothing(answer, has_answered, caplog):
    walking = Walking(MemoryApi(dense(9999)), 10_000, subsets=40)
    first, *asks = walking.walk.begin()
    if has_answered:
        walking.take(first)
    walking.is_running = False
    for ask in asks:
        step = walking.take(ask, answer)
        assert (step.tallies, step.begun, step.following) == ([], [], None)
    assert (walking.closed, walking.crawl.ending, walking.crawl.retried) == ([], None, 0)
    assert not walking.crawl.pacer.is_paused
    assert caplog.messages == []


def test_nothing_is_counted_of_a_crawl_that_has_ended_as_misconfigured():
    walking = opened(MemoryApi(dense()))
    (ask, *_) = walking.walk.begin()
    walking.crawl.stop(Ending.MISCONFIGURED, "inclusive is wrong")
    walking.take(ask)
    assert walking.tallies == []
