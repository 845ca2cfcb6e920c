"""The body that is posted to a webhook, with names to fill in. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: What can stand in braces in ``notify.body``, and what README.md says of each.
NAMES = (
    "headline",
    "status",
    "environment",
    "run",
    "finish_reason",
    "items",
    "ids",
    "settled",
    "pages",
    "host",
    "report",
)
#: A variable, a name that is to stay as it is written, a name.
_NAME = re.compile(r"(?P<variable>\$\{\w+\})|\{\{(?P<kept>\w+)\}\}|\{(?P<name>\w+)\}")


def is_json(body: Any) -> bool:
    """Tell whether JSON can have a value: YAML knows dates, and keys that are no texts."""
    if isinstance(body, dict):
        return all(isinstance(key, str) and is_json(value) for key, value in body.items())
    return all(map(is_json, body)) if isinstance(body, list) else isinstance(body, str | int | float | None)


def unknown(body: Any) -> str | None:
    """Return a word in braces that is no name; None without one.

    >>> unknown({"text": "{headline} {{any}} {}"}), unknown(["{no}"])
    (None, 'no')
    """
    words = (found["name"] for text in texts(body) for found in _NAME.finditer(text))
    return next((word for word in words if word and word not in NAMES), None)


def texts(body: Any) -> Iterator[str]:
    """Yield the texts of a body, not its keys."""
    if isinstance(body, str):
        yield body
    elif isinstance(body, dict | list):
        for value in body.values() if isinstance(body, dict) else body:
            yield from texts(value)


def filled(body: Any, values: Mapping[str, Any], variables: Mapping[str, str]) -> Any:
    """Return a body with values in place of names; a text that is only a name becomes its value, as it is.

    ``variables`` are those of ``secrets.of``. ``{{name}}`` becomes the text ``{name}``.

    >>> filled({"text": "{items} of {{items}}", "n": "{items}", "to": "${A}"}, {"items": 5}, {"${A}": "{ids}"})
    {'text': '5 of {items}', 'n': 5, 'to': '{ids}'}
    """
    if isinstance(body, dict):
        return {key: filled(value, values, variables) for key, value in body.items()}
    if isinstance(body, list):
        return [filled(value, values, variables) for value in body]
    return _filled(body, values, variables) if isinstance(body, str) else body


def _filled(text: str, values: Mapping[str, Any], variables: Mapping[str, str]) -> Any:
    alone = _NAME.fullmatch(text)
    if alone and alone["name"]:
        return values[alone["name"]]

    def value(found: re.Match[str]) -> str:
        if found["variable"]:
            return variables[found["variable"]]
        return f"{{{found['kept']}}}" if found["kept"] else _written(values[found["name"]])

    return _NAME.sub(value, text)


def _written(value: Any) -> str:
    return "none" if value is None else str(value)
