"""JMESPath expressions as functions: of one document, and of many records. Pure."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

import jmespath

if TYPE_CHECKING:
    from collections.abc import Callable


def finder(expression: str) -> Callable[[Any], Any]:
    """Compile a JMESPath expression to a function of one document; null where nothing is there."""
    keys = _plain_keys(jmespath.compile(expression).parsed)
    search = jmespath.compile(expression).search
    if keys is None:
        return search

    def find(document: Any) -> Any:
        try:
            for key in keys:
                document = document[key]
        except (KeyError, TypeError):
            return None
        return document

    return find


def column(expression: str) -> Callable[[list[Any]], list[Any]]:
    """Compile a JMESPath expression to a function from records to their values, null where absent.

    A plain or dotted key is looked up without JMESPath, which costs 20 to 40 times as much.

    >>> column("food.id")([{"food": {"id": 7}}, {"food": None}])
    [7, None]
    """
    find = finder(expression)
    keys = _plain_keys(jmespath.compile(expression).parsed)
    if keys is None or len(keys) > 1:
        return lambda records: [find(record) for record in records]
    get = itemgetter(*keys)

    def read(records: list[Any]) -> list[Any]:
        try:
            return list(map(get, records))
        except (KeyError, TypeError):
            return [find(record) for record in records]

    return read


def _plain_keys(parsed: Any) -> list[str] | None:
    """Return the keys of ``a`` or ``a.b.c``; None for any other expression."""
    if parsed["type"] == "field":
        return [parsed["value"]]
    if parsed["type"] != "subexpression":
        return None
    parts = [_plain_keys(child) for child in parsed["children"]]
    return None if None in parts else [key for part in parts if part for key in part]
