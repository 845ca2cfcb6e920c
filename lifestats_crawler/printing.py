"""What commands write to standard output: whole in a pipe, and for programs in UTF-8."""

from __future__ import annotations

import sys
from io import TextIOWrapper

from rich.console import Console

_UNBOUNDED_COLUMNS = 1_000_000_000  # what goes into a pipe or a file is not wrapped


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
