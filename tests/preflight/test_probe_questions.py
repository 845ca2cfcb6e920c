from __future__ import annotations

import json
from html import escape
from urllib.parse import quote

import pytest

from lifestats_crawler.items import Answer
from lifestats_crawler.preflight.probe_questions import OK
from tests.conftest import FIRST
from tests.memory_api import MemoryApi
from tests.preflight.probing import first_users, probe

EVERY_ID = {"density": 1}


@pytest.mark.parametrize(
    ("shape", "changes", "shift"),
    [({}, {}, 0), ({"exclusive": True}, {"inclusive": False}, -1), ({"following": ""}, {"next": None}, 0)],
    ids=["inclusive", "exclusive", "without next"],
)
def test_nine_pages_are_asked_from_the_first_id_to_the_last_and_two_of_them_again_in_parts(shape, changes, shift):
    probed = probe(MemoryApi(EVERY_ID, shape).ask, first_users(**changes))
    # The first page twice, a record in its middle, the second page, three places between, the end, the last id.
    places = [FIRST, FIRST, FIRST + 5, FIRST + 10, FIRST + 528, FIRST + 1056, FIRST + 1584, FIRST + 2101]
    places.append(FIRST + 2110)
    assert probed.cursors[:9] == [place + shift for place in places]
    assert all(request.limit is None for request in probed.asked[:9])
    # Every id exists: there is no gap to ask into, so a part of each page is from a record of it.
    assert all(request.limit < 10 for request in probed.asked[9:])
    first, elsewhere = (cursor - shift for cursor in probed.cursors[9:])
    assert FIRST <= first <= FIRST + 10
    assert FIRST + 1584 <= elsewhere <= FIRST + 1594


def test_with_gaps_each_of_two_pages_is_asked_again_in_two_parts():
    probed = probe(MemoryApi({"density": 0.5}).ask, first_users())
    assert probed.failures == []
    assert sum(request.limit is not None for request in probed.asked) == 4
    assert len(probed.asked) <= 14


def test_without_audits_nothing_is_asked_in_parts_and_no_check_is_told():
    probed = probe(MemoryApi(EVERY_ID).ask, first_users(audit=False))
    assert len(probed.asked) == 9
    assert "same page in parts" not in [check.name for check in probed.checks]


def test_where_the_last_ids_have_no_record_the_end_is_asked_right_behind_the_last_one():
    probed = probe(MemoryApi(EVERY_ID | {"last_id": FIRST + 2005}).ask, first_users())
    highest = FIRST + 1584 + 9  # that the probe has come across
    assert probed.cursors[8] == FIRST + 2110
    assert probed.cursors[-1] == highest + 1


def test_where_the_first_page_holds_everything_nowhere_else_is_asked():
    config = first_users(last_id=FIRST + 4, audit=False)
    probed = probe(MemoryApi({"last_id": FIRST + 4, "density": 1}).ask, config)
    assert probed.cursors == [FIRST, FIRST, FIRST + 2, FIRST + 5, FIRST + 4]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(error="gone"),
        Answer(404),
        Answer(200, body=b"<html>"),
        Answer(200, body=b'{"response": 5}'),
        Answer(200, body=b'{"response": [{"id": "x"}]}'),
        Answer(200, body=b'{"response": []}'),
    ],
    ids=str,
)
def test_after_a_first_answer_without_a_record_nothing_more_is_asked(answer):
    probed = probe(lambda _: answer, first_users())
    assert probed.cursors == [FIRST]
    assert len(probed.failures) == 1
    assert probed.estimate is None


def test_each_step_from_an_answer_to_a_page_is_told_of_the_first_one():
    probed = probe(MemoryApi(EVERY_ID).ask, first_users())
    assert [(check.name, check.outcome, check.seen) for check in probed.checks[:4]] == [
        ("reachable", OK, "status 200 after 10 ms"),
        ("JSON", OK, "674 bytes"),
        ("items", OK, "10 records at response"),
        ("id", OK, f"integers from {FIRST} to {FIRST + 9}"),
    ]


def test_of_a_later_answer_that_is_no_page_what_failed_is_told_with_its_cursor():
    api = MemoryApi(EVERY_ID, {}, f"status-500:1:{FIRST + 1000}:{FIRST + 1100}", limit=0)
    (failure,) = probe(api.ask, first_users()).failures
    assert failure.name == f"page at {FIRST + 1056}"
    assert failure.seen == "reachable: status 500 after 10 ms: status 500"
    assert failure.keys == "url"


@pytest.mark.parametrize(
    ("answer", "seen", "keys"),
    [
        (Answer(error="Cannot connect to host"), "Cannot connect to host", "url"),
        (Answer(404, body=b"no\nsuch page"), "status 404 after 0 ms: no such page", "url"),
        (Answer(401, seconds=0.25), "status 401 after 250 ms", "headers, url"),
        (Answer(403), "status 403 after 0 ms", "headers, url"),
        (Answer(429), "status 429 after 0 ms", "rate_limit"),
        (
            Answer(301, {"Location": "https://elsewhere.invalid/foodstats?key=s3cret"}),
            "status 301 after 0 ms: redirects are not followed, and this one points to https://elsewhere.invalid/foodstats",
            "url",
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_answer_that_is_none_is_told_with_the_key_to_look_at(answer, seen, keys):
    (failure,) = probe(lambda _: answer, first_users()).failures
    assert (failure.name, failure.seen, failure.keys) == ("reachable", seen, keys)


SECRETS = ["s3cret-and-a-rather-long-one-" * 4, 'q"uo/t\\e d+u', "8675309"]
REPEATED = {
    "an error": lambda secret: Answer(error=f"Cannot connect to http://h/?key={quote(secret)}"),
    "a status": lambda secret: Answer(401, body=f"status 401 as is {secret}".encode()),
    "a redirect": lambda secret: Answer(302, {"Location": f"http://h/{quote(secret, safe='')}"}),
    "HTML": lambda secret: Answer(200, body=f"<html>{escape(secret)}</html>".encode()),
    "JSON": lambda secret: Answer(200, body=json.dumps({"error": [secret]}).encode()),
}


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("answer", REPEATED.values(), ids=REPEATED)
def test_a_secret_that_an_answer_repeats_is_never_shown(monkeypatch, answer, secret):
    monkeypatch.setenv("LIFESTATS_PLANTED", secret)
    config = first_users(headers={"X-Token": "as is ${LIFESTATS_PLANTED}"})
    (failure,) = probe(lambda _: answer(secret), config).failures
    shown = failure.seen + failure.json
    assert "***" in shown
    assert not any(part in shown for part in (secret[:6], "s3cret", "q%22uo", 'q\\"uo', "q&quot;uo", "8675309"))
