"""``scrapy diff``: two reports side by side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import UndefinedError
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from lifestats_crawler import printing
from lifestats_crawler.config.from_settings import environment, load_config
from lifestats_crawler.exceptions import LifestatsError, StorageError
from lifestats_crawler.report import comparison, console, html
from lifestats_crawler.storage import reports

if TYPE_CHECKING:
    import argparse

    from lifestats_crawler.storage.reports import Report

FORMATS = ("table", "json", "html")
_TWO = 2


class Command(ScrapyCommand):
    """Compare the reports of two runs."""

    requires_project = True
    requires_crawler_process = False
    default_settings = {"LOG_ENABLED": False}  # noqa: RUF012  # Scrapy's way

    def syntax(self) -> str:
        """Say what follows the command."""
        return "[options] EARLIER LATER"

    def short_desc(self) -> str:
        """Describe the command in the list of commands."""
        return "Compare the reports of two runs: ranks, counts, shares, new and gone values"

    def long_desc(self) -> str:
        """Describe the command in its help."""
        return (
            "Compare two reports: values that rose or fell, new values, and values that are gone. EARLIER and"
            " LATER are names of runs of the environment (scrapy runs lists them), or paths of report.json files."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options."""
        super().add_options(parser)
        parser.epilog = "Example: scrapy diff 20261101T030000Z 20261108T030000Z -s ENV=production"
        parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")
        parser.add_argument(
            "--json", action="store_const", const="json", dest="format", help="the same as --format json"
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Compare the two reports that ``args`` names."""
        if len(args) != _TWO:
            raise UsageError("give two runs: scrapy diff EARLIER LATER")
        try:
            before, after = (self._report(name) for name in args)
        except LifestatsError as error:
            self._refuse(str(error))
            return
        try:
            self._show(comparison.document(before, after), opts.format)
        except (KeyError, TypeError, AttributeError, ValueError, UndefinedError):
            self._refuse("one of the two reports is damaged, or of another make")

    def _refuse(self, reason: str) -> None:
        print(f"lifestats: {reason}", file=sys.stderr)
        self.exitcode = 1

    def _show(self, document: dict[str, Any], format_name: str) -> None:
        if format_name == "json":
            printing.write(reports.dump(document).decode())
        elif format_name == "html":
            printing.write(html.render_diff(document))
        else:
            console.show_diff(document)

    def _report(self, name: str) -> Report:
        if name.endswith(".json"):
            return reports.load(Path(name))
        assert self.settings is not None  # noqa: S101  # Scrapy has set them
        directory = Path(load_config(self.settings, is_to_ask=False).storage) / environment(self.settings)
        if not (directory / name).is_dir():
            raise StorageError(f"there is no run {name!r} in {directory}. List the runs: scrapy runs")
        return reports.load(directory / name / "report.json")
