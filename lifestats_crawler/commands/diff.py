"""``scrapy diff``: two reports side by side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from jinja2 import UndefinedError
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from lifestats_crawler import printing
from lifestats_crawler.config import setting_names
from lifestats_crawler.config.from_settings import environment, load_config
from lifestats_crawler.exceptions import LifestatsError, StorageError, UnreadableError
from lifestats_crawler.program import called
from lifestats_crawler.report import comparison, console, html
from lifestats_crawler.storage import reports, segments

if TYPE_CHECKING:
    import argparse

    from scrapy.settings import Settings

    from lifestats_crawler import shapes
    from lifestats_crawler.items import Key
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
            "Compare two reports: values that rose or fell, new values, and values that are gone. EARLIER"
            f" and LATER are names of runs of the environment ({called('runs')} lists them), or paths of"
            " report.json files."
            " A value that only one of the reports lists is looked up in the segments beside the other one."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options."""
        super().add_options(parser)
        parser.epilog = f"Example: {called('diff')} 20261101T030000Z 20261108T030000Z -s ENV=production"
        parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")
        parser.add_argument(
            "--json", action="store_const", const="json", dest="format", help="the same as --format json"
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Compare the two reports that ``args`` names."""
        if len(args) != _TWO:
            raise UsageError(f"give two runs: {called('diff')} EARLIER LATER")
        try:
            setting_names.check(cast("Settings", self.settings))
            document = self._compare([self._named(name) for name in args])
            self._show(document, opts.format)
        except LifestatsError as error:
            self._refuse(str(error))
        except (KeyError, TypeError, AttributeError, ValueError, UndefinedError):
            self._refuse("one of the two reports is damaged, or of another make")

    def _compare(self, paths: list[Path]) -> shapes.Diff:
        before, after = map(reports.load, paths)
        lacking = comparison.unlisted(before, after)
        looked_up = zip(paths, (before, after), lacking, strict=True)
        found = [_found(path.parent / "segments", report, wanted) for path, report, wanted in looked_up]
        return comparison.document(before, after, (found[0], found[1]))

    def _refuse(self, reason: str) -> None:
        print(f"lifestats: {reason}", file=sys.stderr)
        self.exitcode = 1

    def _show(self, document: shapes.Diff, format_name: str) -> None:
        if format_name == "json":
            printing.write(reports.dump(document).decode())
        elif format_name == "html":
            printing.write(html.render_diff(document))
        else:
            console.show_diff(document)

    def _named(self, name: str) -> Path:
        """Return the path of the report that an argument names."""
        if name.endswith(".json"):
            return Path(name)
        assert self.settings is not None  # noqa: S101  # Scrapy has set them
        directory = Path(load_config(self.settings, is_to_ask=False).storage) / environment(self.settings)
        if not name or not (directory / name).is_dir():
            raise StorageError(f"there is no run {name!r} in {directory}. List the runs: {called('runs')}")
        return directory / name / "report.json"


def _found(directory: Path, report: Report, wanted: dict[str, list[Key]]) -> comparison.Found | None:
    """Look values up in the segments beside a report; None without segments, or where they hold more by now."""
    from lifestats_crawler.counting import merge  # noqa: PLC0415  # DuckDB is large

    try:
        footers = [segments.footer(path) for path in segments.paths(directory)]
        if sum(footer.records for footer in footers) != report["totals"]["items"]:
            return None
        return merge.ranks(directory, wanted)
    except (StorageError, UnreadableError) as error:
        print(f"lifestats: {error}: values below the rows of the report are not compared", file=sys.stderr)
        return None
