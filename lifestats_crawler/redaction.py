"""Secrets stay out of the log, also where a server or a library repeats them."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN = "***"


def hide(secrets: Iterable[str]) -> None:
    """Replace these values by asterisks in every log record from now on, whoever logs it."""
    hidden = frozenset(secrets)

    class RedactedRecord(logging.LogRecord):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            if self.exc_info and self.exc_info[0]:
                # A formatter that finds it made does not make it again.
                self.exc_text = _redacted("".join(traceback.format_exception(*self.exc_info)).rstrip(), hidden)

        def getMessage(self) -> str:  # noqa: N802  # logging's name
            return _redacted(super().getMessage(), hidden)

    if hidden:
        logging.setLogRecordFactory(RedactedRecord)


def _redacted(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text
