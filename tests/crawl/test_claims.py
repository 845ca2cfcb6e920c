from __future__ import annotations

import pytest

from lifestats_crawler.crawl.claims import PATIENCE_SECONDS, Outcome, confirm, distances
from lifestats_crawler.crawl.talk import Heard
from lifestats_crawler.crawl.witness import Witnesses
from lifestats_crawler.exceptions import FaultyPageError
from lifestats_crawler.items import Answer, Tally
from lifestats_crawler.ranges import IdRange

CLAIM = IdRange(100, 1000)


def told(answering, witnesses=None, claim=CLAIM):
    """Confirm a claim; ``answering`` returns the ids that a request shows, None for a failure, or a tally."""
    asked = []

    def look(_, first) -> Tally:
        made = answering(first)
        if made is None:
            raise FaultyPageError("status 500")
        return made if isinstance(made, Tally) else Tally(IdRange(first, first), ids=made)

    talk = confirm(claim, look, Witnesses([99]) if witnesses is None else witnesses, 10.0)
    try:
        question = next(talk)
        while True:
            asked.append(question)
            question = talk.send(Heard(Answer(200), 0.0))
    except StopIteration as over:
        return over.value.outcome, asked


def test_a_claim_is_asked_where_it_begins_and_ever_further_on():
    assert list(distances(IdRange(100, 1000), 10.0)) == [100, 110, 120, 140, 180, 260, 420, 740, 999]
    assert list(distances(IdRange(5, 6), 10.0)) == [5]


@pytest.mark.parametrize(
    ("answering", "outcome"),
    [
        (lambda first: [99] if first == 99 else [], Outcome.BELIEVED),
        (lambda first: [99] if first == 99 else [] if first < 400 else [first + 1], Outcome.REFUTED),
        (lambda first: [99] if first == 99 else Tally(IdRange(first, first), next=first + 50), Outcome.REFUTED),
        (lambda first: [99] if first == 99 else [98, 99], Outcome.ONLY_BEFORE),
        (lambda first: [99] if first == 99 else None, Outcome.OPEN),
        (lambda _: None, Outcome.OPEN),
        (lambda _: [], Outcome.UNWELL),
    ],
    ids=[
        "nothing",
        "a record far on",
        "a cursor",
        "only from before",
        "a failure",
        "only failures",
        "always nothing",
    ],
)
def test_what_is_thought_of_a_claim(answering, outcome):
    assert told(answering)[0] is outcome


def test_a_witness_that_is_gone_is_replaced_by_two_others():
    witnesses = Witnesses([97, 98, 99])
    outcome, asked = told(lambda first: [] if first >= 99 else [first], witnesses)
    assert outcome is Outcome.BELIEVED
    assert witnesses.highest == 98
    assert [question.first for question in asked[:5]] == [99, 98, 97, 99, 98]
    assert told(lambda _: [], Witnesses([97, 98, 99]))[0] is Outcome.UNWELL


def test_without_a_witness_it_is_asked_again_after_growing_waits():
    outcome, asked = told(lambda _: [], Witnesses())
    assert outcome is Outcome.BELIEVED
    assert tuple(question.wait for question in asked if question.first == 100) == PATIENCE_SECONDS
    assert PATIENCE_SECONDS == (1, 2, 4, 8, 16, 30)
