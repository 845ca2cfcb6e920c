"""What a request got: the body of what may be a page, or why it is none."""

from __future__ import annotations

from scrapy.http import Response

from lifestats_crawler.exceptions import FaultyPageError, RefusedError

_OK = 200
_REDIRECTS = range(300, 400)
_CLOSED_DOOR = (401, 403)


def body(answer: Response | BaseException | None) -> bytes:
    """Return the body of an answer; raises RefusedError for a closed door, FaultyPageError for other failures."""
    if not isinstance(answer, Response):
        raise FaultyPageError(f"{type(answer).__name__}: {answer}")
    if answer.status in _CLOSED_DOOR:
        raise RefusedError(f"the API answers {answer.status}: check url and headers in the configuration")
    if answer.status in _REDIRECTS:
        raise FaultyPageError(f"status {answer.status}, which is not followed: put the final address into url")
    if answer.status != _OK:
        raise FaultyPageError(f"status {answer.status}")
    return answer.body
