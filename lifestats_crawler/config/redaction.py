"""Secrets stay out of the log, also where a server or a library repeats them."""

from __future__ import annotations

import html
import json
import logging
import re
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from yarl import URL

from lifestats_crawler.config.values import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN = "***"
#: What is shorter is no secret: it would be struck out of every line that has the same characters by chance.
_SHORTEST, _SHORTEST_NUMBER = 4, 6


class Secrets:
    """Values to hide, in each form that they take on their way: as they are, in a url, in JSON."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        """Hide these values, except those that are too short to be secret, as ``1`` for a version or ``eu``."""
        forms = {form for value in values if _may_be_secret(value) for form in _forms(value)}
        self._forms = sorted(forms, key=len, reverse=True)

    def hidden(self, text: str) -> str:
        """Return a text with asterisks in their place. Call this before ``cut``: a part of a secret is secret."""
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text

    def __bool__(self) -> bool:
        """Tell whether there is anything to hide."""
        return bool(self._forms)


def without_login(url: str) -> str:
    """Return a url without the user and password that stand in it; ``${VARIABLE}`` hides itself.

    >>> without_login("https://me:secret@host/x?at=b@c"), without_login("https://${USER}:${PASSWORD}@host/")
    ('https://***@host/x?at=b@c', 'https://${USER}:${PASSWORD}@host/')
    """
    scheme, mark, rest = url.partition("://")
    login, at, _ = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")
    if not at or not VARIABLE.sub("", login).strip(":"):
        return url
    return f"{scheme}{mark}{HIDDEN}{rest[len(login) :]}"


def cut(text: str, most: int) -> str:
    """Shorten a text, and show that it was; after secrets are hidden in it."""
    return text if len(text) <= most else f"{text[:most]}…"


def hide(values: Iterable[str]) -> None:
    """Replace these values by asterisks in every log record from now on, also in those of libraries."""
    secrets = Secrets(values)

    class RedactedRecord(logging.LogRecord):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            if self.exc_info and self.exc_info[0]:
                # A formatter that finds it made does not make it again.
                self.exc_text = secrets.hidden("".join(traceback.format_exception(*self.exc_info)).rstrip())

        def getMessage(self) -> str:  # noqa: N802  # logging's name
            return secrets.hidden(super().getMessage())

    if secrets:
        logging.setLogRecordFactory(RedactedRecord)


def _may_be_secret(value: str) -> bool:
    return len(value) >= (_SHORTEST_NUMBER if value.isdecimal() else _SHORTEST)


def _forms(secret: str) -> set[str]:
    in_json = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    in_json |= {form.replace("/", "\\/") for form in in_json}
    in_url = {quote(secret, safe=""), quote(secret), quote_plus(secret), quote(secret, safe="/+:@!$'()*,;=")}
    asked = f"http://host/{quote(secret, safe='')}?{quote(secret, safe='')}"
    in_url |= {
        part for url in (URL(asked), URL(asked, encoded=True)) for part in (url.raw_path[1:], url.raw_query_string)
    }
    in_url |= {re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), form) for form in in_url}
    in_python = {repr(secret)[1:-1], repr(secret.encode())[2:-1], secret.replace("'", "\\'")}
    return {secret, html.escape(secret), html.escape(secret, quote=False), *in_python, *in_json, *in_url}
