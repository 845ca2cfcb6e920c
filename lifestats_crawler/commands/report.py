"""``scrapy report``: merge a run again, now or while it is crawled, and show or write what it says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from lifestats_crawler import clock
from lifestats_crawler.config.from_settings import environment, load_config
from lifestats_crawler.exceptions import LifestatsError
from lifestats_crawler.report import console, export, html, making
from lifestats_crawler.storage import durable, runs
from lifestats_crawler.storage.opening import locked
from lifestats_crawler.storage.source import Job

if TYPE_CHECKING:
    import argparse

FORMATS = ("table", "json", "html", "csv", "parquet")


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
        return "Merge a run again, also while it is crawled: table, JSON, HTML, CSV or Parquet"

    def long_desc(self) -> str:
        """Describe the command in its help."""
        return (
            "Merge what RUN has counted so far, and show it. Without RUN: the environment's run that was last"
            " worked on. Nothing in the run is changed, except by --save."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options."""
        super().add_options(parser)
        parser.epilog = "Example: scrapy report -s ENV=production --top 1000 --format csv --output top.csv"
        parser.add_argument(
            "--format", choices=FORMATS, default="table", help="table unless told; parquet: every value"
        )
        parser.add_argument(
            "--json", action="store_const", const="json", dest="format", help="the same as --format json"
        )
        parser.add_argument(
            "--top", type=int, metavar="K", help="rows per counter, in place of the configuration's"
        )
        parser.add_argument("--output", type=Path, metavar="FILE", help="write to FILE and not to the terminal")
        parser.add_argument("--save", action="store_true", help="make it the run's report.json and report.html")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Show the report of the run that ``args`` names."""
        if len(args) > 1 or (opts.top is not None and opts.top < 1):
            raise UsageError("name one run at most, and --top of at least 1")
        if opts.save and opts.top is not None:
            raise UsageError("--save keeps as many rows as are configured: leave out --top")
        if opts.format == "parquet" and not opts.output:
            raise UsageError("--format parquet needs --output FILE")
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
        done = making.make(run, config, finish_reason=runs.state(run), top=opts.top)
        if opts.save:
            with locked(run, job):
                making.save(run, done)
        if opts.format == "table" and not opts.output:
            console.show(done, run.report if opts.save else run.directory)
        elif opts.format == "parquet":
            export.write_parquet(run, opts.output)
        else:
            text = html.render(done) if opts.format == "html" else export.text(done, opts.format)
            if opts.output:
                durable.write(opts.output, text.encode())
            else:
                sys.stdout.write(text)
