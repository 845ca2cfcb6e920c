"""Commands that tell facts: as a table for people, or with ``--json`` as one document for programs."""

from __future__ import annotations

import sys
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, cast

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text
from scrapy.commands import ScrapyCommand

from lifestats_crawler.exceptions import LifestatsError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from scrapy.settings import Settings

_UNBOUNDED = 10_000  # columns: what goes into a pipe or a file is not wrapped
_INTERRUPTED = 130

Facts = dict[str, Any]


class FactsCommand(ScrapyCommand):
    """A command that gathers facts and shows them; a user's mistake is one line and exit status 1."""

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_ENABLED": False}
    #: A command line to start from, for ``--help``.
    example = ""

    @abstractmethod
    def gather(self, settings: Settings, opts: argparse.Namespace) -> Facts:
        """Return the facts, as JSON has them. Raises LifestatsError."""

    @abstractmethod
    def show(self, facts: Facts, console: Console) -> None:
        """Print the facts for people."""

    def syntax(self) -> str:
        """Say what follows the command."""
        return "[options]"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add ``--json`` to Scrapy's own options, and an example to the help."""
        super().add_options(parser)
        parser.add_argument("--json", action="store_true", help="print one JSON document instead of a table")
        parser.epilog = f"Example: {self.example}"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Gather the facts and show them."""
        if args:
            self._refuse(f"{args[0]!r} is not understood, but for example: {self.example}")
            return
        try:
            facts = self.gather(cast("Settings", self.settings), opts)
        except (LifestatsError, OSError) as error:
            self._refuse(str(error))
        except KeyboardInterrupt:
            self.exitcode = _INTERRUPTED
        else:
            self.tell(facts, as_json=opts.json)

    def tell(self, facts: Facts, *, as_json: bool) -> None:
        """Write the facts to standard output, and nothing else."""
        if as_json:
            sys.stdout.write(orjson.dumps(facts, option=orjson.OPT_INDENT_2).decode() + "\n")
        else:
            self.show(facts, _console())

    def _refuse(self, reason: str) -> None:
        sys.stderr.write(f"lifestats: {reason}\n")
        self.exitcode = 1


def table(headings: Iterable[str], rows: Iterable[Iterable[str | Text]], right: Iterable[str] = ()) -> Table:
    """Make a table of texts as they are, without markup; the columns named in ``right`` are set to the right."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        made.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return made


def pairs(rows: Iterable[tuple[str, str]]) -> Table:
    """Make a table of names and what they are, without a heading."""
    made = Table(box=None, pad_edge=False, show_header=False)
    made.add_column(no_wrap=True, style="bold")
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(Text(name), Text(value))
    return made


def h_mm_ss(seconds: float) -> str:
    """Write a time as a person reads it, rounded up.

    >>> h_mm_ss(7383.18)
    '2:03:04'
    """
    whole = -int(-seconds // 1)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def size(number: float) -> str:
    """Write a number of bytes with the unit that suits it.

    >>> size(999), size(204_800), size(208_000_000)
    ('999 B', '205 kB', '208 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:  # noqa: PLR2004  # SI
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def percent(part: int, whole: int) -> str:
    """Write a share, rounded down: what is not complete never shows as 100.0 %.

    >>> percent(1999, 2000), percent(0, 0)
    ('99.9 %', '100.0 %')
    """
    return f"{(1000 * part // whole if whole else 1000) / 10:.1f} %"


def _console() -> Console:
    width = None if sys.stdout.isatty() else _UNBOUNDED
    return Console(highlight=False, width=width, force_terminal=sys.stdout.isatty())
