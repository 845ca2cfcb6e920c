"""What a request got: the body of what may be a page, or why it is none. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifestats_crawler.exceptions import FaultyPageError, RefusedError

if TYPE_CHECKING:
    from lifestats_crawler.items import Answer

OK = 200
ACCEPTED = 202
SUCCESSES = range(200, 300)
REDIRECTS = range(300, 400)
REFUSALS = (401, 403)
TOO_MANY_REQUESTS = 429


def body(answer: Answer) -> bytes:
    """Return the body of an answer; raises RefusedError for a refusal, FaultyPageError for other failures."""
    if answer.error:
        raise FaultyPageError(answer.error)
    if answer.status in REFUSALS:
        raise RefusedError(f"the API answers {answer.status}: check url and headers in the configuration")
    if answer.status in REDIRECTS:
        raise FaultyPageError(
            f"status {answer.status}: redirects are not followed. Put the final address into url"
        )
    if answer.status != OK:
        raise FaultyPageError(f"status {answer.status}")
    return answer.body
