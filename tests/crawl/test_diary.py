"""What a crawl has met beside what it counts."""

from __future__ import annotations

import pytest

from lifestats_crawler.crawl.diary import Diary
from lifestats_crawler.exceptions import Cause
from lifestats_crawler.items import Answer


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(status=200), "status 200"),
        (Answer(status=503, error="cut short", cause=Cause.CUT_SHORT), "cut short"),
        (Answer(error="why", cause=Cause.NOT_IN_TIME), "not in time"),
        (Answer(error="why", cause=Cause.OTHER), "no answer"),
        (Answer(error="why", left_at=1.0), "no answer"),
    ],
)
def test_an_answer_is_of_the_kind_of_its_status_or_of_why_there_is_none(answer, kind):
    diary = Diary()
    diary.answered(answer)
    assert dict(diary.answers) == {kind: 1}


def test_a_request_that_was_not_sent_has_no_answer():
    diary = Diary()
    diary.answered(Answer(error="the crawl is being stopped"))
    assert not diary.answers


def test_a_server_of_many_words_does_not_fill_the_memory():
    diary = Diary()
    for number in range(200):
        diary.disbelieved("x" * number)
    assert len(diary.faults) == 51
    assert sum(diary.faults.values()) == 200


@pytest.mark.parametrize(
    ("pauses", "now", "seconds"),
    [
        ([(0.0, 10.0)], 4.0, 4.0),  # it goes on
        ([(0.0, 10.0)], 20.0, 10.0),
        ([(0.0, 10.0), (5.0, 12.0)], 20.0, 12.0),  # told again while it lasts
        ([(0.0, 10.0), (5.0, 7.0)], 20.0, 10.0),
        ([(0.0, 2.0), (10.0, 15.0)], 12.0, 4.0),
    ],
)
def test_no_second_of_a_pause_counts_twice_and_none_that_has_not_passed(pauses, now, seconds):
    diary = Diary()
    for begin, end in pauses:
        diary.pause("status 429", begin, end)
    diary.seen(now)
    assert diary.paused == {"status 429": seconds}


def test_a_pause_without_a_known_end_lasts_until_it_is_over():
    diary = Diary()
    diary.pause("away", 1.0)
    diary.resume("away", 3.0)
    diary.seen(9.0)
    assert diary.paused == {"away": 2.0}


def test_only_the_last_errors_are_kept():
    diary = Diary()
    for number in range(12):
        diary.failed(str(number))
    assert diary.errors == tuple(str(number) for number in range(2, 12))
