from __future__ import annotations

import json

import pytest

from lifestats_crawler.api import answers
from lifestats_crawler.api.quoting import Redactor
from lifestats_crawler.exceptions import FaultyPageError, RefusedError
from lifestats_crawler.items import Answer


def test_the_body_of_what_may_be_a_page_is_its_body():
    assert answers.body(Answer(200, body=b"[]")) == b"[]"
    assert answers.body(Answer(206, body=b"[]")) == b"[]"


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (Answer(error="ConnectionError: gone"), FaultyPageError, "ConnectionError: gone"),
        (Answer(401), RefusedError, "the API answers 401: check url and headers in the configuration"),
        (Answer(403), RefusedError, "the API answers 403: check url and headers in the configuration"),
        *(
            (
                Answer(status),
                FaultyPageError,
                f"status {status}: redirects are not followed. Put the final address into url",
            )
            for status in (300, 302, 399)
        ),
        *(
            (Answer(status), FaultyPageError, f"status {status}")
            for status in (0, 201, 204, 400, 404, 429, 500, 503)
        ),
        (Answer(202), FaultyPageError, "status 202: not ready yet"),
        (
            Answer(407),
            FaultyPageError,
            "status 407: check the user and password in the proxy's variable",
        ),
        (
            Answer(206, {"Content-Range": "bytes 0-9/20"}),
            FaultyPageError,
            "status 206: partial content, not a whole page",
        ),
    ],
    ids=str,
)
def test_whatever_else_was_got_is_no_page_and_only_a_closed_door_is_a_refusal(answer, kind, reason):
    with pytest.raises(FaultyPageError) as fault:
        answers.body(answer)
    assert (type(fault.value), str(fault.value)) == (kind, reason)


SAYS = [
    # the status, the body, what is quoted of it
    (
        422,
        b'{"error": {"message": "limit must not be\n above 50"}}',
        '{"error": {"message": "limit must not be above 50"}}',
    ),
    (
        422,
        json.dumps(
            {"type": "https://example.com/" + "x" * 90, "title": "Bad limit", "detail": "at most 50"}
        ).encode(),
        "Bad limit; at most 50",
    ),
    (
        400,
        json.dumps({"trace": "x" * 200, "errors": [{"code": 7, "message": "too s3cret"}, "and more"]}).encode(),
        "and more; too ***",
    ),
    (400, json.dumps({"trace": "x" * 200}).encode(), '{"trace": "' + "x" * 89 + "…"),
    (429, b"concurrent request limit of 4 exceeded", "concurrent request limit of 4 exceeded"),
    (404, b"  ", ""),
    (502, b"\n<html><h1>502 Bad Gateway</h1></html>", ""),
    (500, b"x" * 20_000, f"{'x' * 100}\u2026"),
    (500, b"\xff\x00", "\ufffd"),
    (503, b"the token s3cret is worn out", "the token *** is worn out"),
]


@pytest.mark.parametrize(("status", "body", "said"), SAYS, ids=[row[2] for row in SAYS])
def test_what_the_api_says_of_a_failure_is_quoted_shortly(status, body, said):
    with pytest.raises(FaultyPageError) as fault:
        answers.body(Answer(status, body=body), Redactor(["s3cret"]))
    assert str(fault.value) == (f"status {status}. The API says: {said}" if said else f"status {status}")


def test_without_a_redactor_nothing_is_quoted():
    with pytest.raises(FaultyPageError, match=r"^status 500$"):
        answers.body(Answer(500, body=b"s3cret"))


@pytest.mark.parametrize(
    ("answer", "says_nothing"),
    [
        (Answer(404), True),
        (Answer(204), True),
        (Answer(404, {"Retry-After": "1"}), False),
        (Answer(204, {"Retry-After": "1"}), False),
        (Answer(404, error="cut short"), False),
        (Answer(200), True),
        (Answer(200, body=b" \n"), True),
        (Answer(200, body=b"[]"), False),
        *((Answer(status), True) for status in (410, 416)),
        *((Answer(status), False) for status in (0, 202, 206, 400, 403, 429, 500)),
    ],
    ids=str,
)
def test_what_says_without_a_page_that_there_is_nothing(answer, says_nothing):
    assert answers.says_nothing(answer) is says_nothing
