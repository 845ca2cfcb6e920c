"""What a request got: the body of what may be a page, or why it is none. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lifestats_crawler.api import documents
from lifestats_crawler.exceptions import FaultyPageError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifestats_crawler.api.quoting import Redactor
    from lifestats_crawler.items import Answer

OK = 200
ACCEPTED = 202
PARTIAL = 206
REDIRECTS = range(300, 400)
REFUSALS = (401, 403)
NOTHING = (204, 404, 410, 416)
PROXY_LOGIN = 407
TOO_MANY_REQUESTS = 429
SUCCESSES = range(200, 300)
SERVER_ERRORS = range(500, 600)

_MOST_SAID_CHARACTERS = 100
_MOST_SAID_BYTES = 10_000  # that are looked at
#: The keys of messages, as APIs and RFC 9457 have them.
_TELLING = re.compile(
    r"(error_?)?(messages?|msg|details?|description|reason|title|hint)|errors?|fault_?string|warning",
    re.IGNORECASE,
)


def body(answer: Answer, redactor: Redactor | None = None) -> bytes:
    """Return the body of an answer; raises RefusedError for a refusal, FaultyPageError for other failures.

    What the API says of a failure is part of the reason if there is a ``redactor``, which takes secrets out of it.
    """
    if answer.error:
        raise FaultyPageError(answer.error)
    if is_page(answer):
        return answer.body
    words = said(answer.body, redactor) if redactor else ""
    reason = f"{_reason(answer)}. The API says: {words}" if words else _reason(answer)
    raise (RefusedError if answer.status in REFUSALS else FaultyPageError)(reason)


def is_page(answer: Answer) -> bool:
    """Tell whether the status of an answer is that of a page.

    206 without Content-Range is no part of anything: some APIs say so that more pages follow.
    """
    return answer.status == OK or (answer.status == PARTIAL and "Content-Range" not in answer.headers)


def says_nothing(answer: Answer) -> bool:
    """Tell whether an answer says without a page that there is nothing where it was asked.

    By its status, or by nothing at all: 200 with an empty body.
    """
    if answer.error or "Retry-After" in answer.headers:
        return False
    return answer.status in NOTHING or (answer.status == OK and not answer.body.strip())


def _reason(answer: Answer) -> str:
    if answer.status in REFUSALS:
        return f"the API answers {answer.status}: check url and headers in the configuration"
    if answer.status in REDIRECTS:
        return f"status {answer.status}: redirects are not followed. Put the final address into url"
    if answer.status == PROXY_LOGIN:
        return f"status {answer.status}: check the user and password in the proxy's variable"
    if answer.status == ACCEPTED:
        return f"status {answer.status}: not ready yet"
    if answer.status == PARTIAL:
        return f"status {answer.status}: partial content, not a whole page"
    return f"status {answer.status}"


def said(body: bytes, redactor: Redactor) -> str:
    """Return what the body of a failure says: its text or JSON, shortened; nothing of a page for people.

    Of a long document only the texts are left that have a telling name.
    """
    text = body[:_MOST_SAID_BYTES].decode(errors="replace").strip()
    if text.startswith("<"):
        return ""
    if len(text) > _MOST_SAID_CHARACTERS and (messages := "; ".join(dict.fromkeys(_messages(body)))):
        return redactor.text(messages, 2 * _MOST_SAID_CHARACTERS)
    return redactor.text(text, _MOST_SAID_CHARACTERS)


def _messages(body: bytes) -> Iterator[str]:
    """Yield the texts of a document whose keys say that they are messages, the outer ones first."""
    try:
        level = [("", documents.shallow(body))]
    except FaultyPageError:
        return
    while level:
        inner: list[tuple[str, Any]] = []
        for key, value in level:
            if isinstance(value, str) and _TELLING.fullmatch(key) and value.strip():
                yield value.strip()
            elif isinstance(value, dict):
                inner += value.items()
            elif isinstance(value, list):
                inner += ((key, item) for item in value)
        level = inner
