from __future__ import annotations

import pytest

from lifestats_crawler.ending import Ending, ExitStatus, sentence

#: Where the completeness of the report does not decide.
STATUSES = {
    Ending.FAILING: 3,
    Ending.REFUSED: 3,
    Ending.MISCONFIGURED: 3,
    Ending.STORAGE: 3,
    Ending.BROKEN: 3,
    Ending.MOCK_FAILED: 1,
}


def test_each_ending_has_a_word_of_its_own_for_reports_and_a_sentence_of_its_own_for_people():
    assert len({ending.word for ending in Ending}) == len({ending.sentence for ending in Ending}) == len(Ending)
    assert {ending.word for ending in Ending} == {
        *("finished", "shutdown", "failing", "refused", "misconfigured", "storage", "outage", "broken"),
        *("mock_failed", "crawling", "killed", "closed"),
    }, "stored reports have these words"
    assert all(ending.sentence[0].isupper() and ending.sentence.endswith(".") for ending in Ending)


@pytest.mark.parametrize("ending", Ending)
def test_an_ending_has_the_exit_status_of_the_contract(ending):
    assert ending.status == STATUSES.get(ending)
    assert sentence(ending.word) == ending.sentence


def test_the_exit_statuses_are_those_of_the_contract():
    assert {status.name: int(status) for status in ExitStatus} == {
        "COMPLETE": 0,
        "NOT_STARTED": 1,
        "INCOMPLETE": 2,
        "STOPPED": 3,
    }
