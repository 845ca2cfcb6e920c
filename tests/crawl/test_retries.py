from __future__ import annotations

from itertools import product
from random import Random

import pytest

from lifestats_crawler.crawl.breaker import Breaker
from lifestats_crawler.crawl.frontier import Chain
from lifestats_crawler.crawl.retries import Retries, Retry, Skip, Stop
from lifestats_crawler.ending import Ending
from lifestats_crawler.exceptions import ContradictionError, FaultyPageError, RefusedError

LIMIT = 2
FAULTS, YES_NO, FAILURES = (RefusedError, FaultyPageError, ContradictionError), (True, False), range(LIMIT + 1)
OTHERS = FAULTS[1:]
NOT_YET = range(LIMIT)
TABLE = [
    # the fault,          the breaker opens, contradicted before, failed before, the decision
    ([RefusedError], YES_NO, YES_NO, FAILURES, Ending.REFUSED),
    (OTHERS, [True], YES_NO, FAILURES, Ending.FAILING),
    ([ContradictionError], [False], [True], FAILURES, Ending.MISCONFIGURED),
    ([ContradictionError], [False], [False], [LIMIT], Skip),
    ([ContradictionError], [False], [False], NOT_YET, Retry),
    ([FaultyPageError], [False], YES_NO, [LIMIT], Skip),
    ([FaultyPageError], [False], YES_NO, NOT_YET, Retry),
]
CASES = [(case, decision) for *columns, decision in TABLE for case in product(*columns)]


def test_the_table_has_every_case_once():
    assert sorted(map(str, (case for case, _ in CASES))) == sorted(
        map(str, product(FAULTS, YES_NO, YES_NO, FAILURES))
    )


@pytest.mark.parametrize(("case", "decision"), CASES, ids=str)
def test_what_becomes_of_a_page_that_failed(case, decision):
    fault, opens, was_contradicted, failures = case
    breaker = Breaker(1.0, 10, patience=1 if opens else 10)
    chain = Chain(100, 200, failures=failures, is_contradicted=was_contradicted)
    made = Retries(LIMIT, breaker, Random(1)).decide(chain, fault("why"), held=0.0, now=50.0)
    if isinstance(decision, Ending):
        assert isinstance(made, Stop)
        assert made.ending is decision
        assert "why" in made.message
        assert chain.failures == failures
    else:
        assert isinstance(made, decision)
        assert chain.failures == failures + 1
        assert chain.is_contradicted is (fault is ContradictionError)
    assert chain.rests_until == (50.0 + made.wait if decision is Retry else 0.0)


@pytest.mark.parametrize(
    ("held", "failures", "least", "most"), [(0.0, 0, 0.0, 0.5), (0.0, 4, 0.0, 8.0), (90.0, 4, 90.0, 90.0)]
)
def test_a_wait_is_as_backoff_has_it_but_not_less_than_the_server_wants_no_request(held, failures, least, most):
    waits = []
    for seed in range(200):
        chain = Chain(100, 200, failures=failures)
        retries = Retries(8, Breaker(1.0, 10, 10), Random(seed))
        waits.append(retries.decide(chain, FaultyPageError("why"), held, now=50.0).wait)
    assert least <= min(waits) <= least + 0.1 * (most - least)
    assert most - 0.1 * (most - least) <= max(waits) <= most


def test_a_good_page_between_two_failures_is_remembered_by_the_breaker_and_changes_the_advice():
    def stopped(*, succeeded: bool) -> Stop:
        retries = Retries(9, Breaker(0.5, 4, patience=2), Random(1))
        if succeeded:
            retries.succeeded()
        made = None
        while not isinstance(made, Stop):
            made = retries.decide(Chain(100, 200), FaultyPageError("status 500"), 0.0, 0.0)
        return made

    assert stopped(succeeded=False).message == (
        "2 of the last 2 answers failed, the last one with: status 500. Run scrapy probe to find the cause"
    )
    assert stopped(succeeded=True).message == "3 of the last 4 answers failed, the last one with: status 500"


def test_two_contradictions_with_a_fault_of_another_kind_between_them_are_not_in_a_row():
    retries, chain = Retries(9, Breaker(1.0, 100, 100), Random(1)), Chain(100, 200)
    faults = [ContradictionError("a"), FaultyPageError("b"), ContradictionError("c")]
    assert all(isinstance(retries.decide(chain, fault, 0.0, 0.0), Retry) for fault in faults)
    stop = retries.decide(chain, ContradictionError("contains id 99"), 0.0, 0.0)
    assert stop == Stop(Ending.MISCONFIGURED, "the page at 100 contains id 99")


def test_contradictions_of_two_chains_are_not_in_a_row():
    retries = Retries(9, Breaker(1.0, 100, 100), Random(1))
    chains = [Chain(100, 200), Chain(200, 300)]
    assert all(isinstance(retries.decide(chain, ContradictionError("a"), 0.0, 0.0), Retry) for chain in chains)
