from __future__ import annotations

from random import Random

import pytest

from lifestats_crawler.crawl.retries import AskWitness, Failure, Kind, Retries, Retry, Skip, Stop, kind
from lifestats_crawler.ending import Ending
from lifestats_crawler.exceptions import Cause, ContradictionError, FaultyPageError, RefusedError
from lifestats_crawler.items import Answer

LIMIT, CHAINS, OUTAGE_SECONDS = 2, 12, 60.0


def decided(what: Kind, **known):
    return Retries(LIMIT, CHAINS, OUTAGE_SECONDS, Random(1)).decide(Failure(what, "why", **known))


@pytest.mark.parametrize(
    ("answer", "fault", "expected"),
    [
        (Answer(429), FaultyPageError("x"), Kind.THROTTLED),
        (Answer(403, {"Retry-After": "3"}), RefusedError("x"), Kind.THROTTLED),
        (Answer(503, {"X-RateLimit-Remaining": "0"}), FaultyPageError("x"), Kind.THROTTLED),
        (Answer(202, {"Retry-After": "3"}), FaultyPageError("x"), Kind.THROTTLED),
        (Answer(403), RefusedError("x"), Kind.REFUSED),
        (Answer(200), ContradictionError("x"), Kind.CONTRADICTION),
        (Answer(error="reset", cause=Cause.LOST), FaultyPageError("x"), Kind.LOST),
        (Answer(error="refused", cause=Cause.NO_CONNECTION), FaultyPageError("x"), Kind.LOST),
        (Answer(error="late", cause=Cause.NOT_IN_TIME), FaultyPageError("x"), Kind.LOST),
        (Answer(error="large", cause=Cause.TOO_LARGE), FaultyPageError("x"), Kind.FAULTY),
        (Answer(502), FaultyPageError("x"), Kind.BROKEN),
        (Answer(200), FaultyPageError("x"), Kind.FAULTY),
        (Answer(404), FaultyPageError("x"), Kind.FAULTY),
    ],
)
def test_whose_fault_an_answer_is(answer, fault, expected):
    assert kind(answer, fault) is expected


WITNESS, REFUSED_WITNESS = AskWitness(is_refused=False), AskWitness(is_refused=True)
ROWS = [
    # a: the server wants to be left alone
    (Kind.THROTTLED, {}, "excused"),
    (Kind.THROTTLED, {"excused": 2, "others_answered": True}, "excused"),
    (Kind.THROTTLED, {"excused": 3}, "retry"),
    (Kind.THROTTLED, {"excused": 3, "failures": LIMIT}, "skip"),
    (Kind.THROTTLED, {"refused_for": OUTAGE_SECONDS}, "excused"),
    (Kind.THROTTLED, {"refused_for": OUTAGE_SECONDS + 1}, Ending.OUTAGE),
    (Kind.THROTTLED, {"has_answered": False}, "excused"),
    # b: it refuses access
    (Kind.REFUSED, {}, REFUSED_WITNESS),
    (Kind.REFUSED, {"has_witness": False}, Ending.REFUSED),
    (Kind.REFUSED, {"is_well": True}, "retry"),
    (Kind.REFUSED, {"is_well": True, "failures": LIMIT}, "skip"),
    # two contradictions in a row
    (Kind.CONTRADICTION, {}, "retry"),
    (Kind.CONTRADICTION, {"was_contradicted": True}, Ending.MISCONFIGURED),
    (Kind.FAULTY, {"was_contradicted": True}, "retry"),
    # c: never answered
    (Kind.BROKEN, {"has_answered": False}, "retry"),
    (Kind.BROKEN, {"has_answered": False, "failures": LIMIT}, "skip"),
    (Kind.BROKEN, {"has_answered": False, "is_doubtful": True}, "retry"),
    # e: as many have failed in a row as may be under way
    (Kind.BROKEN, {"is_doubtful": True}, WITNESS),
    (Kind.LOST, {"is_doubtful": True, "others_answered": True}, WITNESS),
    (Kind.BROKEN, {"is_doubtful": True, "is_well": True}, "retry"),
    (Kind.BROKEN, {"is_doubtful": True, "has_witness": False}, "retry"),
    # f: lost while others are answered
    (Kind.LOST, {"others_answered": True}, "excused"),
    (Kind.LOST, {"others_answered": True, "excused": 3}, "retry"),
    (Kind.LOST, {"others_answered": False}, "retry"),
    (Kind.LOST, {"others_answered": True, "is_well": True}, "retry"),
    # g: the page's own fault
    (Kind.FAULTY, {}, "retry"),
    (Kind.FAULTY, {"failures": LIMIT - 1}, "retry"),
    (Kind.FAULTY, {"failures": LIMIT}, "skip"),
    (Kind.BROKEN, {"failures": LIMIT}, "skip"),
]


@pytest.mark.parametrize(("what", "known", "expected"), ROWS, ids=str)
def test_what_becomes_of_a_failed_answer(what, known, expected):
    made = decided(what, **known)
    match expected:
        case "excused" | "retry":
            assert isinstance(made, Retry)
            assert made.is_excused is (expected == "excused")
        case "skip":
            assert made == Skip()
        case Ending():
            assert isinstance(made, Stop)
            assert (made.ending, "why" in made.message) == (expected, True)
        case _:
            assert made == expected


def test_a_page_that_is_not_ready_yet_waits_for_as_long_as_it_says():
    assert decided(Kind.THROTTLED, own_wait=7.0) == Retry(7.0, is_excused=True)


@pytest.mark.parametrize(
    ("kinds", "ending"),
    [
        ([Kind.BROKEN] * 24, Ending.OUTAGE),
        ([Kind.LOST] * 13 + [Kind.FAULTY] * 11, Ending.OUTAGE),
        ([Kind.LOST] * 12 + [Kind.FAULTY] * 12, Ending.FAILING),
        ([Kind.FAULTY] * 24, Ending.FAILING),
    ],
)
@pytest.mark.parametrize("known", [{"has_answered": False}, {"has_witness": False, "is_doubtful": True}])
def test_where_no_record_is_known_and_nothing_answers_two_failures_a_chain_end_the_crawl(kinds, ending, known):
    retries = Retries(1000, CHAINS, OUTAGE_SECONDS, Random(1))
    made = [retries.decide(Failure(what, "why", in_a_row=at, **known)) for at, what in enumerate(kinds, 1)]
    assert all(isinstance(one, Retry) and one.wait <= 2.0 for one in made[:-1])
    assert isinstance(made[-1], Stop)
    assert made[-1].ending is ending


def test_where_nothing_ever_answered_a_page_on_its_last_try_is_not_given_up():
    for failures in range(LIMIT + 2):
        made = decided(Kind.BROKEN, has_answered=False, failures=failures, is_last_try=True)
        assert isinstance(made, Retry)
        assert made.is_excused


@pytest.mark.parametrize(("failures", "most"), [(0, 0.5), (1, 1.0), (4, 8.0), (50, 30.0)])
def test_a_wait_is_as_backoff_has_it(failures, most):
    retries = Retries(100, CHAINS, OUTAGE_SECONDS, Random(2))
    waits = [retries.decide(Failure(Kind.FAULTY, "why", failures=failures)).wait for _ in range(200)]
    assert 0 <= min(waits) < 0.2 * most < 0.8 * most < max(waits) <= most
