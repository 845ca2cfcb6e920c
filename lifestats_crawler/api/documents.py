"""The body of an answer as a document, with integers as they are written. Pure.

orjson is three times as fast as the standard library, but it reads an integer that does not fit into 64 bits as a
float: rounded, and without a word. What it refuses is read once more, leniently: a value that is no JSON may be
in a field that nobody counts (``api/lenient``).
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from lifestats_crawler.api import lenient
from lifestats_crawler.api.lenient import Unreadable
from lifestats_crawler.exceptions import FaultyPageError

_LONG_DIGITS = 19  # the shortest integers that may not fit
_DIGITS_AS_ZEROS = bytes(ord("0") if chr(byte).isdigit() and byte < ord(":") else byte for byte in range(256))
_LONG_RUN = b"0" * _LONG_DIGITS
_LONG_INTEGER = re.compile(rb"[\[:,\s-][0-9]{%d}" % _LONG_DIGITS)


class RoundedError(Exception):
    """Raised for a float that may be a rounded integer: the body is to be read again, exactly."""


def decoded(body: bytes) -> Any:
    """Return the document of a body, long integers rounded. Raises FaultyPageError where it is not JSON."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return _leniently(body, error)


def exact(body: bytes) -> Any:
    """Return the document of a body, every integer exact. Raises FaultyPageError where it is not JSON.

    >>> decoded(b"[18446744073709551617]"), exact(b"[18446744073709551617]")
    ([1.8446744073709552e+19], [18446744073709551617])
    """
    document = decoded(body)  # the standard library takes more than JSON
    if not has_long_integers(body):
        return document
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        return _leniently(body, error)


def shallow(body: bytes) -> Any:
    """Return the document of a body, exact, and not so deep that it cannot be shown. Raises FaultyPageError."""
    return _leniently(body, None)


def _leniently(body: bytes, refused: Exception | None) -> Any:
    try:
        document = lenient.read(body)
    except ValueError as error:
        raise FaultyPageError(f"is not JSON: {refused or error} in {body!r}") from None
    if isinstance(document, Unreadable):
        raise FaultyPageError(f"is not JSON: {refused or document.shown} in {body!r}")
    return document


def encoded(document: Any) -> bytes:
    """Return a body of a document; what is unreadable in it is so again."""
    return json.dumps(document, default=lambda _: float("nan")).encode()


def has_long_integers(body: bytes) -> bool:
    """Tell whether a body may have an integer that does not fit into 64 bits.

    >>> has_long_integers(b'{"a": -9223372036854775809}'), has_long_integers(b'{"a": "9223372036854775809"}')
    (True, False)
    """
    # The expression alone takes ten times as long.
    return _LONG_RUN in body.translate(_DIGITS_AS_ZEROS) and _LONG_INTEGER.search(body) is not None


def compact(value: Any) -> str:
    """Write a value as JSON, as short as that is."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=repr)
