"""Urls as they are sent: as they are written, but for what no request can hold. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from yarl import URL

if TYPE_CHECKING:
    from re import Match

#: What a url cannot hold (RFC 3986): blanks, what is not ASCII, some signs, and a % that begins no quoted byte.
_IMPOSSIBLE = re.compile(r"[^!-~]|[\"<>\\^`{|}]|%(?![0-9A-Fa-f]{2})")
_PLAIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,4})?/[!-~]*")


def address(url: str) -> URL:
    """Return a url that leaves as it is written: nothing in it is quoted again, or read and written anew.

    A signature holds for one way to write a url, and ``%2F``, ``%7E`` and ``+`` are not what they stand for.
    Raises ValueError for what is no url.

    >>> str(address("http://h/%7Ea%2Fb/../c?d=e f&g=100%&h=a+b%2B"))
    'http://h/%7Ea%2Fb/../c?d=e%20f&g=100%25&h=a+b%2B'
    """
    if _PLAIN.fullmatch(url) and not _IMPOSSIBLE.search(url):
        return URL(url, encoded=True)
    begin = re.match(r"[^/?#]*://[^/?#]*", url)
    if begin is None:
        raise ValueError(f"{url} is no url with a host")
    rest = _IMPOSSIBLE.sub(_quoted, url[begin.end() :])
    origin = URL(begin[0]).origin()  # the name of a host has a form of its own for what is not ASCII
    return URL(f"{origin}{'' if rest.startswith('/') else '/'}{rest}", encoded=True)


def _quoted(found: Match[str]) -> str:
    return quote(found[0], safe="")
