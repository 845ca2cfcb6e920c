"""What a cursor means: one meaning for the crawl and for the probe. Pure.

Cursors are inclusive everywhere else in the code; an API that answers what comes *after* the cursor is
translated here, on the way out and on the way in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_NOT_POSITIVE = re.compile(r"0+|-[0-9]+")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The cursor of one API: whether an answer to cursor X includes the record with id X."""

    is_inclusive: bool

    def sent(self, first: int) -> int:
        """Return what to send for the first records whose id is at least ``first``.

        >>> Cursor(is_inclusive=False).sent(5), Cursor(is_inclusive=True).sent(5)
        (4, 5)
        """
        return first if self.is_inclusive else first - 1

    def first(self, sent: int) -> int:
        """Return the first id that an answer to a cursor may show, or that a next cursor stands for."""
        return sent if self.is_inclusive else sent + 1


def integer(value: Any) -> int | None:
    """Read an integer, also digits in a text; None for anything else.

    >>> integer(7), integer("7"), integer(7.0), integer(True), integer("-7"), integer("")
    (7, 7, None, None, None, None)
    """
    if type(value) is int:
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else None


def is_none(value: Any) -> bool:
    """Tell whether a value in the place of a next cursor plainly is none: empty, false, zero or negative.

    >>> [is_none(value) for value in (None, "", 0, "0", False, -1, "-1", 7, "soon", True)]
    [True, True, True, True, True, True, True, False, False, False]
    """
    if isinstance(value, str):
        return not value.strip() or _NOT_POSITIVE.fullmatch(value) is not None
    return not value or (isinstance(value, int | float) and value < 0)


def fill_in(template: str, cursor: int, limit: int) -> str:
    """Put a cursor, as it is sent, and the page size into a url."""
    return template.replace("{limit}", str(limit)).replace("{cursor}", str(cursor))
