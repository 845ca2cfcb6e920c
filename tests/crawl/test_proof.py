from __future__ import annotations

import pytest

from lifestats_crawler.crawl.audit import Shown
from lifestats_crawler.crawl.proof import Outcome, is_trivial, prove
from lifestats_crawler.crawl.talk import Heard
from lifestats_crawler.exceptions import ContradictionError, FaultyPageError
from lifestats_crawler.items import Answer, Tally
from lifestats_crawler.ranges import IdRange

IDS = list(range(10, 20))
PAGE = Shown(10, IDS, 20)


def proven(*shown, is_inclusive=True, page=PAGE):
    """Prove with answers that show these ids, one after another; an exception is what an answer raises."""
    answers, asked = list(shown), []

    def look(_, first) -> Tally:
        ids = answers.pop(0)
        if isinstance(ids, Exception):
            raise ids
        return Tally(IdRange(first, first), ids=ids)

    talk = prove(page, look, is_inclusive=is_inclusive)
    question = next(talk)
    while True:
        asked.append(question.first)
        try:
            question = talk.send(Heard(Answer(200, body=b"x"), 0.0))
        except StopIteration as over:
            return over.value, asked


REST = list(range(16, 26))


@pytest.mark.parametrize(
    ("shown", "outcome", "advice"),
    [
        ([[15, 16]], Outcome.GOOD, False),
        ([REST, IDS, [15]], Outcome.GOOD, False),
        ([REST, [10, 11, 16]], Outcome.OPEN, False),
        ([REST, FaultyPageError("x")], Outcome.OPEN, False),
        ([FaultyPageError("x")], Outcome.OPEN, False),
        ([REST, IDS, REST, IDS], Outcome.REFUTED, True),
        ([[90], IDS, [91], IDS], Outcome.REFUTED, False),
        (
            [ContradictionError("contains the cursor"), ContradictionError("contains the cursor")],
            Outcome.REFUTED,
            False,
        ),
    ],
)
def test_what_a_proof_comes_to(shown, outcome, advice):
    made, asked = proven(*shown)
    assert made.outcome is outcome
    assert ("Set inclusive: false" in made.why) is advice
    assert asked[0] == 15, "a record in the middle"


def test_an_exclusive_cursor_is_asked_after_a_record_for_the_next_one():
    made, asked = proven([15], is_inclusive=False, page=Shown(10, [10, 12, 15, 18], 19))
    assert (made.outcome, asked) == (Outcome.GOOD, [13])


@pytest.mark.parametrize(
    ("page", "is_inclusive", "trivial"),
    [
        (Shown(10, [10], 11), True, True),
        (Shown(10, [12], 13), True, False),
        (Shown(10, [12], 13), False, True),
        (PAGE, True, False),
    ],
)
def test_a_page_of_one_record_may_prove_itself_or_nothing(page, is_inclusive, trivial):
    assert is_trivial(page, is_inclusive=is_inclusive) is trivial
