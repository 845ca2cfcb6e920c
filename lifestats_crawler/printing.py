"""What commands write to standard output: whole in a pipe, and for programs in UTF-8."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from typing import TextIO

_UNBOUNDED_COLUMNS = 1_000_000_000  # what goes into a pipe or a file is not wrapped


def console(out: TextIO | None = None) -> Console:
    """Return a console for a stream, or standard output: of a terminal's width, without a bound elsewhere."""
    is_terminal = (out or sys.stdout).isatty()
    width = None if is_terminal else _UNBOUNDED_COLUMNS
    return Console(file=out, highlight=False, width=width, force_terminal=is_terminal)


def write(text: str) -> None:
    """Write a text for programs: CSV, HTML and JSON are UTF-8, whatever the terminal's encoding is."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    else:
        sys.stdout.write(text)
