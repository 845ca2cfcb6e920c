"""An API that does not do what the configuration says differs if asked in parts; an honest one never does."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from random import Random
from urllib.parse import parse_qsl, urlsplit

import pytest

from lifestats_crawler.items import Answer
from lifestats_crawler.preflight.probe_questions import FAILED, NOTE, OK, SKIPPED
from tests.configurations import configured
from tests.preflight.probing import probe

MOST_REQUESTS = 25
IDS = range(1, 10_001)
SEEDS = range(20)


class Api:
    """Answers by a function of the ids, the cursor, the limit and how many were asked before, as a bare list."""

    def __init__(self, answer, ids=IDS) -> None:
        self.answer, self.ids, self.asked = answer, ids, 0

    def ask(self, url: str) -> Answer:
        query = dict(parse_qsl(urlsplit(url).query))
        shown = self.answer(self.ids, int(query["offset"]), int(query["limit"]), self.asked)
        self.asked += 1
        return Answer(200, body=json.dumps([{"id": an_id, "colour": 1} for an_id in shown]).encode(), seconds=0.01)


def from_there(ids, cursor, limit, _):
    begin = bisect_left(ids, cursor)
    return list(ids[begin : begin + limit])


def after_it(ids, cursor, limit, _):
    begin = bisect_right(ids, cursor)
    return list(ids[begin : begin + limit])


def newest(ids, cursor, limit, _):
    return list(ids[bisect_right(ids, cursor) :][-limit:])[::-1]


def clamped(ids, cursor, limit, number):
    return from_there(ids, min(cursor, 5_000), limit, number)


def pinned(ids, cursor, limit, number):
    return [3_333, *(an_id for an_id in from_there(ids, cursor, limit, number) if an_id != 3_333)][:limit]


def as_texts(ids, cursor, limit, _):
    return [an_id for an_id in sorted(ids, key=str) if str(an_id) >= str(cursor)][:limit]


def one_behind(ids, cursor, limit, number):
    """A replica that lacks some records answers every second request."""
    return [an_id for an_id in from_there(ids, cursor, limit, number) if number % 2 or an_id % 7]


def descending(ids, cursor, limit, number):
    return after_it(ids, cursor, limit, number)[::-1]


def few(ids, cursor, limit, number):
    return from_there(ids, cursor, min(limit, 7), number)


def clamped_at_the_end(ids, cursor, limit, number):
    return from_there(ids, min(cursor, ids[-limit]), limit, number)


def config(*, inclusive=True, **changes):
    return configured(**{"first_id": 1, "last_id": 10_000, "inclusive": inclusive} | changes)


@pytest.mark.parametrize(
    ("answer", "inclusive"),
    [
        (newest, False),
        (pinned, True),
        (as_texts, True),
        (lambda ids, _, limit, number: from_there(ids, 1, limit, number), True),
        (one_behind, True),
        (clamped, True),
    ],
    ids=["newest first", "pinned", "as texts", "a cache", "a replica", "clamped"],
)
def test_an_api_that_loses_records_is_found_out(answer, inclusive):
    found = [probe(Api(answer).ask, config(inclusive=inclusive), seed) for seed in SEEDS]
    assert all(probed.failures for probed in found)
    assert max(len(probed.asked) for probed in found) <= MOST_REQUESTS


def test_what_differed_is_told_with_the_keys_to_look_at():
    check = probe(Api(newest).ask, config(inclusive=False)).check("same page in parts")
    assert (check.outcome, check.keys) == (FAILED, "url, inclusive, next")
    assert check.seen.endswith("does not. A crawl would lose records")


SPARSE = sorted(Random(3).sample(IDS, 2_000))


@pytest.mark.parametrize(
    "ids", [IDS, SPARSE, [5, 9_990], [1, *range(5_000, 5_300)]], ids=["all", "sparse", "two", "hole"]
)
@pytest.mark.parametrize(
    ("answer", "inclusive"),
    [(from_there, True), (after_it, False), (descending, False), (few, True)],
    ids=["inclusive", "exclusive", "descending", "few at once"],
)
def test_an_honest_api_never_differs(answer, inclusive, ids):
    for seed in SEEDS:
        probed = probe(Api(answer, ids).ask, config(inclusive=inclusive), seed)
        assert probed.failures == []
        assert len(probed.asked) <= 14


def test_an_api_that_repeats_its_last_page_is_believed_where_last_id_is_its_last_record():
    assert probe(Api(clamped_at_the_end).ask, config()).failures == []
    (failure,) = probe(Api(clamped_at_the_end).ask, config(last_id=10_500)).failures
    assert (failure.name, failure.keys) == ("end of the records", "last_id, url")
    assert "If 10000 is the last record, set last_id to it" in failure.seen


def test_a_record_that_comes_during_the_probe_is_no_failure():
    def growing(ids, cursor, limit, number):
        # The last page comes to have a record more after the nine pages, once and for all.
        return from_there([an_id for an_id in ids if number >= 9 or an_id != 50], cursor, limit, number)

    outcomes = [probe(Api(growing).ask, config(), seed).check("same page in parts").outcome for seed in SEEDS]
    assert set(outcomes) <= {OK, NOTE}
    assert NOTE in outcomes


@pytest.mark.parametrize(
    ("returns", "outcome", "seen"),
    [
        (4, NOTE, "a second answer contains it"),
        (3, NOTE, "could not be compared"),
        (99, FAILED, "and one at 51 lacks it"),
    ],
    ids=["back when it is asked again", "gone from the page, too", "always lacking"],
)
def test_a_record_that_lacks_where_it_is_asked_for_is_asked_for_again(returns, outcome, seen):
    """The third answer is at record 51 and lacks it; then come the whole page, and 51 once more."""

    def answer(ids, cursor, limit, number):
        is_lacking = number == 3 if returns == 3 else cursor == 51 and number < returns
        gone = {51, 52} if is_lacking or number == 2 else set()
        return from_there([an_id for an_id in ids if an_id not in gone], cursor, limit, number)

    check = probe(Api(answer).ask, config()).check("inclusive")
    assert check.outcome == outcome
    assert seen in check.seen


def test_the_advice_is_given_only_where_the_rest_of_the_page_is_shown():
    assert "set inclusive: false" in probe(Api(after_it).ask, config()).check("inclusive").seen
    loses = probe(Api(lambda ids, cursor, *more: after_it(ids, cursor + 1, *more)).ask, config())
    assert "set inclusive" not in loses.check("inclusive").seen


def test_after_a_failed_proof_nothing_is_asked_in_parts():
    probed = probe(Api(after_it).ask, config())
    assert all(request.limit is None for request in probed.asked)
    assert probed.check("same page in parts").outcome == SKIPPED
