"""Commands that tell facts: as a table for people, or with ``--json`` as one document for programs."""

from __future__ import annotations

import sys
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, cast

import orjson
from scrapy.commands import ScrapyCommand

from lifestats_crawler import printing
from lifestats_crawler.exceptions import LifestatsError
from lifestats_crawler.program import called

if TYPE_CHECKING:
    import argparse

    from rich.console import Console
    from scrapy.settings import Settings

_INTERRUPTED = 130

Facts = dict[str, Any]


class FactsCommand(ScrapyCommand):
    """A command that gathers facts and shows them; a user's mistake is one line and exit status 1."""

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_ENABLED": False}
    #: What a command line to start from has behind the command, for ``--help``.
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
        parser.epilog = f"Example: {self._example}"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Gather the facts and show them."""
        if args:
            self._refuse(f"unexpected argument {args[0]!r}. Example: {self._example}")
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
            printing.write(orjson.dumps(facts, option=orjson.OPT_INDENT_2).decode() + "\n")
        else:
            self.show(facts, printing.console())

    @property
    def _example(self) -> str:
        return f"{called(self.__module__.rpartition('.')[2])} {self.example}".rstrip()

    def _refuse(self, reason: str) -> None:
        sys.stderr.write(f"lifestats: {reason}\n")
        self.exitcode = 1
