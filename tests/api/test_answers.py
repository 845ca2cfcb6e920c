from __future__ import annotations

import pytest

from lifestats_crawler.api import answers
from lifestats_crawler.exceptions import FaultyPageError, RefusedError
from lifestats_crawler.items import Answer


def test_the_body_of_what_may_be_a_page_is_its_body():
    assert answers.body(Answer(200, body=b"[]")) == b"[]"


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
    ],
    ids=str,
)
def test_whatever_else_was_got_is_no_page_and_only_a_closed_door_is_a_refusal(answer, kind, reason):
    with pytest.raises(FaultyPageError) as fault:
        answers.body(answer)
    assert (type(fault.value), str(fault.value)) == (kind, reason)
