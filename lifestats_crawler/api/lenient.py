"""A second, lenient reading of JSON: a value that strict JSON refuses is unreadable, and costs nothing else.

The structure stays strict: a document that is cut short, or has a comma too many, is none. Only values are
lenient, because a page has many of them, and most are in fields that nobody counts: NaN, a control character or a
lone surrogate in a text, a byte that is not UTF-8, a number of 5,000 digits, lists a thousand levels deep. Pure.
"""

from __future__ import annotations

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]  # the standard library's own, in C
from typing import Any

from lifestats_crawler.exceptions import FaultyPageError

_MOST_DEPTH = 200  # of lists and objects; what lies deeper is unreadable
_MOST_SKIPPED = 100_000  # levels of them
_MOST_SHOWN = 40

_BLANKS = re.compile(r"[ \t\n\r]*")
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?(?=[\s,\]}]|$)")
#: What stands for a value and is none, as ``NaN``, ``undefined`` or ``007``.
_WORD = re.compile(r"[^\s,\[\]{}\":]+")
_CONSTANTS = {"true": True, "false": False, "null": None}


class Unreadable:
    """A value that is not JSON. Whoever counts it, or makes another value of it, refuses its record."""

    __slots__ = ("shown",)

    def __init__(self, written: str) -> None:
        """Keep what is to be shown of it."""
        text = written if len(written) <= _MOST_SHOWN else f"{written[:_MOST_SHOWN]}…"
        self.shown = text.encode(errors="backslashreplace").decode()

    def __str__(self) -> str:
        """Refuse to be a text: JMESPath's to_string asks for one, and it would be counted."""
        raise FaultyPageError(f"a value is not valid JSON: {self.shown}")

    def __repr__(self) -> str:
        """Show it."""
        return f"not valid JSON: {self.shown}"


def read(body: bytes) -> Any:
    """Return the document of a body, integers exact. Raises ValueError where its structure is not that of JSON.

    >>> read(b'{"id": 18446744073709551617, "price": NaN}')
    {'id': 18446744073709551617, 'price': not valid JSON: NaN}
    """
    return _Reader(body.decode(errors="surrogateescape")).document()


class _Reader:
    """Reads a text from its beginning to its end; it lists the open containers, so depth does not matter."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        #: The open lists and objects, from the outermost on; None for those that lie too deep to be kept.
        self._open: list[list[Any] | dict[str, Any] | None] = []
        self._closers: list[str] = []
        #: The key that a value is for, of each open container; None in a list.
        self._keys: list[str | None] = []
        #: Whether nothing of the innermost container is read yet.
        self._is_new = False
        self._document: Any = None

    def document(self) -> Any:
        """Read all of it."""
        self._value()
        while self._open:
            self._next()
        if self._skip() < len(self._text):
            raise self._wrong("more after the end")
        return self._document

    def _next(self) -> None:
        """Read on in the innermost container: a value and what is before it, or the end."""
        closer = self._closers[-1]
        self._skip()
        if self._text.startswith(closer, self._at):
            self._at += 1
            self._close()
            return
        if not self._is_new and self._sign() != ",":
            raise self._wrong(f"no , or {closer}")
        self._is_new = False
        if closer == "}":
            self._key()
        self._value()

    def _value(self) -> None:
        begin = self._skip()
        sign = self._text[begin : begin + 1]
        if sign in ("[", "{") and sign:
            self._at += 1
            self._begin([] if sign == "[" else {}, "]" if sign == "[" else "}")
        elif sign == '"':
            self._add(self._string())
        elif number := _NUMBER.match(self._text, begin):
            self._at = number.end()
            self._add(_number(number[0], is_integer=number[1] is None and number[2] is None))
        elif word := _WORD.match(self._text, begin):
            self._at = word.end()
            self._add(_CONSTANTS[word[0]] if word[0] in _CONSTANTS else Unreadable(word[0]))
        elif self._keys and self._keys[-1] is not None and sign in (",", "}"):
            self._add(Unreadable("nothing"))
        else:
            raise self._wrong("no value")

    def _begin(self, container: list[Any] | dict[str, Any], closer: str) -> None:
        is_too_deep = len(self._open) >= _MOST_DEPTH
        if not is_too_deep:
            self._add(container)
        elif len(self._open) == _MOST_DEPTH:
            self._add(Unreadable(f"more than {_MOST_DEPTH} levels deep"))
        self._open.append(None if is_too_deep else container)
        self._closers.append(closer)
        self._keys.append(None)
        self._is_new = True
        if len(self._open) > _MOST_SKIPPED:
            raise self._wrong("too many levels")

    def _close(self) -> None:
        self._open.pop()
        self._closers.pop()
        self._keys.pop()
        self._is_new = False

    def _add(self, value: Any) -> None:
        if not self._open:
            self._document = value
            return
        container, key = self._open[-1], self._keys[-1]
        if isinstance(container, list):
            container.append(value)
        elif container is not None and key is not None:
            container[key] = value

    def _key(self) -> None:
        if self._text[self._skip() : self._at + 1] != '"':
            raise self._wrong("no key")
        begin = self._at
        key = self._string()
        self._keys[-1] = key if isinstance(key, str) else self._text[begin : self._at]
        if self._sign() != ":":
            raise self._wrong("no :")

    def _string(self) -> str | Unreadable:
        begin = self._at
        try:
            text, self._at = scanstring(self._text, begin + 1, True)  # noqa: FBT003  # strict
        except json.JSONDecodeError:
            found = _TEXT.match(self._text, begin)
            if found is None:
                raise self._wrong("a text without an end") from None
            self._at = found.end()
            return Unreadable(found[0])
        return text if _is_unicode(text) else Unreadable(self._text[begin : self._at])

    def _sign(self) -> str:
        self._skip()
        self._at += 1
        return self._text[self._at - 1 : self._at]

    def _skip(self) -> int:
        blanks = _BLANKS.match(self._text, self._at)
        self._at = blanks.end() if blanks else self._at
        return self._at

    def _wrong(self, what: str) -> ValueError:
        return ValueError(f"{what} at character {self._at}")


def _number(written: str, *, is_integer: bool) -> int | float | Unreadable:
    try:
        number = int(written) if is_integer else float(written)
    except ValueError:  # more digits than Python takes
        return Unreadable(written)
    return Unreadable(written) if abs(number) == float("inf") else number


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
