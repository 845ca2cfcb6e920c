"""``scrapy report``: merge a run again, now or while it is crawled, and show or write what it says."""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from lifestats_crawler import clock, printing
from lifestats_crawler.config.from_settings import environment, load_config
from lifestats_crawler.exceptions import LifestatsError
from lifestats_crawler.program import called
from lifestats_crawler.report import console, export, html, making
from lifestats_crawler.storage import reports, runs
from lifestats_crawler.storage.opening import locked
from lifestats_crawler.storage.source import Job

if TYPE_CHECKING:
    import argparse

    from lifestats_crawler.storage.reports import Report

FORMATS = ("table", "json", "html", "csv", "parquet")
_SUFFIXES = {f".{name}": name for name in FORMATS[1:]} | {".htm": "html", ".txt": "table"}


class Command(ScrapyCommand):
    """Merge the segments of a run, and leave them as they are."""

    requires_project = True
    requires_crawler_process = False
    default_settings = {"LOG_ENABLED": False}  # noqa: RUF012  # Scrapy's way

    def syntax(self) -> str:
        """Say what follows the command."""
        return "[options] [RUN]"

    def short_desc(self) -> str:
        """Describe the command in the list of commands."""
        return "Show the report of a run, also during its crawl: table, JSON, HTML, CSV or Parquet"

    def long_desc(self) -> str:
        """Describe the command in its help."""
        return (
            "Merge the segments of RUN, also while it is being crawled, and show the report. Without RUN, the"
            " command takes the run of the environment that was last worked on. It changes no file of the run,"
            " except with --save."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options."""
        super().add_options(parser)
        parser.epilog = f"Example: {called('report')} -s ENV=production --top 1000 --format csv --output top.csv"
        parser.add_argument(
            "--format",
            choices=FORMATS,
            help="default: what the name of FILE ends with, or table. parquet has the counts of all values",
        )
        parser.add_argument(
            "--json", action="store_const", const="json", dest="format", help="the same as --format json"
        )
        parser.add_argument(
            "--top", type=int, metavar="K", help="rows per counter, instead of the configured number"
        )
        parser.add_argument("--output", type=Path, metavar="FILE", help="write to FILE instead of the terminal")
        parser.add_argument(
            "--save", action="store_true", help="also write report.json and report.html of the run"
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Show the report of the run that ``args`` names."""
        if len(args) > 1:
            raise UsageError("give at most one RUN")
        if opts.top is not None and opts.top < 1:
            raise UsageError(f"--top must be at least 1, not {opts.top}")
        if opts.save and opts.top is not None:
            raise UsageError("--save always writes the configured number of rows: leave out --top")
        if opts.format == "parquet" and not opts.output:
            raise UsageError("--format parquet needs --output FILE")
        if opts.format is None:
            opts.format = _SUFFIXES.get(opts.output.suffix.lower(), "table") if opts.output else "table"
        try:
            self._show(args[0] if args else None, opts)
        except LifestatsError as error:
            self._refuse(str(error))
        except OSError as error:
            self._refuse(f"{error.filename or opts.output} cannot be written: {error.strerror}")

    def _refuse(self, reason: str) -> None:
        print(f"lifestats: {reason}", file=sys.stderr)
        self.exitcode = 1

    def _show(self, name: str | None, opts: argparse.Namespace) -> None:
        assert self.settings is not None  # noqa: S101  # Scrapy has set them
        config = load_config(self.settings, is_to_ask=False)
        parent, job = Path(config.storage) / environment(self.settings), Job.of(config)
        run = runs.find(parent, job, name, clock.now())
        if opts.save:
            # Merged under the lock: a crawl that ends meanwhile would have its report replaced by an older one.
            with locked(run, job):
                done = making.make(run, config, finish_reason=runs.ended_as(run))
                making.save(run, done)
        else:
            done = making.make(run, config, finish_reason=runs.state(run), top=opts.top)
        shown = run.report if opts.save else run.directory
        if opts.format == "parquet":
            with export.written(opts.output) as path:
                export.write_parquet(run, config, path)
        elif opts.format == "table" and not opts.output:
            console.show(done, shown, opts.top or console.ROWS, is_made_up=config.mock)
        else:
            text = _text(done, opts.format, shown, is_made_up=config.mock)
            if opts.output:
                with export.written(opts.output) as path:
                    path.write_bytes(text.encode())
            else:
                printing.write(text)


def _text(report: Report, format_name: str, shown: Path, *, is_made_up: bool) -> str:
    """Return a report in a format of text; a table in a file has every row."""
    if format_name == "json":
        return reports.dump(report).decode()
    if format_name == "html":
        return html.render(report)
    if format_name == "csv":
        return export.rows_as_csv(report)
    out = StringIO()
    rows = max(len(counter["top"]) for counter in report["counters"].values())
    console.show(report, shown, rows, out, is_made_up=is_made_up)
    return out.getvalue()
