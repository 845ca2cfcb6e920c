"""What commands write to standard output: whole in a pipe, in any encoding, for a reader who may have enough."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNBOUNDED_COLUMNS = 10_000  # what goes into a pipe or a file is not wrapped


def console() -> Console:
    """Return a console for standard output: of a terminal's width, without a bound for a pipe or a file."""
    is_terminal = sys.stdout.isatty()
    return Console(highlight=False, width=None if is_terminal else _UNBOUNDED_COLUMNS, force_terminal=is_terminal)


def write(text: str) -> None:
    """Write a text for programs: CSV, HTML and JSON are UTF-8, whatever the terminal's encoding is."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    else:
        sys.stdout.write(text)


@contextmanager
def shown() -> Iterator[None]:
    """Write to standard output, where a character that it cannot encode is written with a backslash.

    A reader who has enough, as ``head`` has, is no error: the rest is not written.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _stop_writing()
    except SystemExit as end:
        if not isinstance(end.__context__, BrokenPipeError):  # rich ends the process for the same reason
            raise
        _stop_writing()


def _stop_writing() -> None:
    """Let nothing fail that is still in a buffer."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
