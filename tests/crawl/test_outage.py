from __future__ import annotations

import pytest

from lifestats_crawler.crawl.outage import Health, Outcome, ask
from lifestats_crawler.crawl.talk import Heard
from lifestats_crawler.exceptions import FaultyPageError, RefusedError
from lifestats_crawler.items import Answer, Tally
from lifestats_crawler.ranges import IdRange

GOOD, FAILED, REFUSED, EMPTY = "good", "failed", "refused", "empty"
PATIENCE = 60.0


def told(*answers, is_refused=False):
    """Ask the witness; the last of the answers goes on for ever. Return the verdict and the questions."""
    now, questions, pauses = 0.0, [], []

    def look(_, first) -> Tally:
        match answers[min(len(questions), len(answers)) - 1]:
            case "good":
                return Tally(IdRange(first, first), ids=[first])
            case "empty":
                return Tally(IdRange(first, first))
            case "refused":
                raise RefusedError("the API answers 403")
        raise FaultyPageError("status 502")

    talk = ask(
        [7, 8, 9], 100, look, 0.0, PATIENCE, is_refused=is_refused, tell=lambda _, wait: pauses.append(wait)
    )
    question = next(talk)
    while True:
        questions.append(question)
        now += question.wait
        try:
            question = talk.send(Heard(Answer(200), now))
        except StopIteration as over:
            return over.value, questions, pauses, now


@pytest.mark.parametrize(
    ("answers", "is_refused", "outcome", "was_out"),
    [
        ([GOOD], False, Outcome.WELL, False),
        ([FAILED, GOOD], False, Outcome.WELL, False),
        ([FAILED] * 3 + [GOOD], False, Outcome.WELL, True),
        ([EMPTY] * 3 + [GOOD], False, Outcome.WELL, True),
        ([FAILED], False, Outcome.GONE, True),
        ([REFUSED], True, Outcome.REFUSED, False),
        ([GOOD], True, Outcome.WELL, False),
        ([FAILED, REFUSED, GOOD], False, Outcome.WELL, False),
        ([FAILED, REFUSED, REFUSED], False, Outcome.REFUSED, False),
    ],
)
def test_what_the_witness_tells(answers, is_refused, outcome, was_out):
    verdict, questions, _, _ = told(*answers, is_refused=is_refused)
    assert (verdict.outcome, verdict.was_out) == (outcome, was_out)
    assert all(question.is_through and question.on_new_connection for question in questions)
    assert [question.limit for question in questions] == [99, *[1] * (len(questions) - 1)]


def test_one_record_after_another_is_asked_with_growing_pauses_until_the_outage_has_lasted_too_long():
    verdict, questions, pauses, now = told(FAILED)
    assert verdict.outcome is Outcome.GONE
    assert [question.first for question in questions[:5]] == [7, 7, 8, 9, 7]
    assert pauses[:4] == [1, 2, 4, 8]
    assert now == pytest.approx(PATIENCE)


def test_as_many_failures_in_a_row_as_may_be_under_way_are_doubtful_two_at_least():
    health = Health(has_answered=False)
    health.bad(1.0)
    assert not health.is_doubtful(1)
    health.bad(2.0)
    assert (health.is_doubtful(1), health.is_doubtful(3), health.since) == (True, False, 1.0)
    health.good(5.0)
    assert (health.failed, health.since, health.has_answered) == (0, None, True)
    assert (health.has_answered_since(4.0), health.has_answered_since(5.0)) == (True, False)
