"""What may be shown of an answer: short, on one line, and without secrets. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from lifestats_crawler.config.redaction import Secrets, cut

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_CHARACTERS = 300
_MOST_TEXT_CHARACTERS = 60  # of a text within a document


class Redactor:
    """Takes secrets out of whatever an API sends. It does so before it cuts: part of a secret is still secret."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Hide these values, and what they become in a url or in JSON."""
        self._hidden = Secrets(secrets).hidden

    def text(self, text: str, most: int = _MOST_CHARACTERS) -> str:
        """Return a text without secrets, on one line of printable characters, shortened."""
        hidden = self._hidden(unquote(self._hidden(text)))
        printable = "".join(char if char.isprintable() else " " for char in hidden)
        return cut(" ".join(printable.split()), most)

    def document(self, value: Any) -> Any:
        """Return a document without secrets in its texts."""
        match value:
            case str():
                return self._hidden(value)
            case list():
                return [self.document(item) for item in value]
            case dict():
                return {self._hidden(key): self.document(item) for key, item in value.items()}
        return value

    def json(self, document: Any) -> str:
        """Write a document shortened, of each list only the first item."""
        return cut(self._hidden(json.dumps(_thinned(self.document(document)), default=repr)), _MOST_CHARACTERS)


def _thinned(value: Any) -> Any:
    match value:
        case [first, _, *rest]:
            return [_thinned(first), f"... {len(rest) + 1} more"]
        case [only]:
            return [_thinned(only)]
        case dict():
            return {key: _thinned(item) for key, item in value.items()}
        case str():
            return cut(value, _MOST_TEXT_CHARACTERS)
    return value
