"""How the API is asked, and what its pages look like: config.yml from the other side. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from mocks.template import MAX_INTEGER, nested, template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mocks.data import Page

_DIGITS = re.compile(r"-?[0-9]{1,19}")


class Asked(NamedTuple):
    """What a request asks for; -1 where that cannot be read."""

    cursor: int = -1
    limit: int = -1


@dataclass(frozen=True)
class Shape:
    """Which parameters are asked with, and where a page has what; dots in a name nest it.

    ``items`` is ``@`` where the body is the list of records, and ``following`` is empty where a
    page does not name the next cursor. An ``exclusive`` API starts a page after its cursor.
    """

    cursor_parameter: str = "offset"
    limit_parameter: str = "limit"
    max_limit: int = 100
    items: str = "response"
    following: str = "meta.next_offset"
    exclusive: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for a page that cannot be."""
        if self.max_limit < 1:
            raise ValueError(f"max_limit {self.max_limit} must be at least 1")
        if self.items == "@" and self.following:
            raise ValueError(f"--items @: a body that is a list has no place for {self.following}. Set --next ''")
        _ = self._template

    def asked(self, query: Mapping[str, str]) -> Asked:
        """Read a query, or raise ValueError. A limit that is missing or too high becomes the highest."""
        cursor = integer(query, self.cursor_parameter)
        limit = integer(query, self.limit_parameter) if self.limit_parameter in query else self.max_limit
        if limit < 1:
            raise ValueError(f"{self.limit_parameter} must be at least 1, not {limit}")
        return Asked(cursor, min(limit, self.max_limit))

    def body(self, asked: Asked, page: Page) -> bytes:
        """Put the records of a page, which are JSON already, into their place in the body."""
        following = page.ids[-1] if self.exclusive and page.following else page.following
        return self._template % {
            b"cursor": asked.cursor,
            b"limit": asked.limit,
            b"next": b"null" if following is None else b"%d" % following,
            b"records": b",".join(page.records),
        }

    @cached_property
    def _template(self) -> bytes:
        """Return a body with its places open. What is told beside ``following`` is told where that is."""
        records = ["%(records)b"]
        if self.items == "@":
            return template(records)
        parent, dot, _ = self.following.rpartition(".")
        told = {"code": 200, "limit": "%(limit)d", "offset": "%(cursor)d"} if dot else {}
        following = {self.following: "%(next)b"} if self.following else {}
        meta = {f"{parent}.{name}": value for name, value in told.items()} | following
        return template(nested([*meta.items(), (self.items, records)]))


def integer(query: Mapping[str, str], name: str) -> int:
    """Read an integer of at most 64 bits, or raise ValueError."""
    text = query.get(name, "")
    if not _DIGITS.fullmatch(text) or abs(int(text)) > MAX_INTEGER:
        raise ValueError(f"{name} must be an integer, not {text!r}")
    return int(text)
