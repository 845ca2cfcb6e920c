"""``scrapy runs``: the runs that a storage holds, and how far each one is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lifestats_crawler import clock
from lifestats_crawler.config.from_settings import load_config
from lifestats_crawler.exceptions import ConfigError
from lifestats_crawler.facts_command import Facts, FactsCommand
from lifestats_crawler.formats import minute, percent_done, size
from lifestats_crawler.report.console import table
from lifestats_crawler.storage import inventory

if TYPE_CHECKING:
    import argparse

    from rich.console import Console
    from scrapy.settings import Settings

    from lifestats_crawler import shapes
    from lifestats_crawler.storage.inventory import Entry

_HEADINGS = ("environment", "run", "state", "settled", "records", "size", "started (UTC)", "last worked on")


class Command(FactsCommand):
    """List the runs of a storage, the one last worked on first."""

    example = "--environment production"

    def short_desc(self) -> str:
        """Describe the command in the list of commands."""
        return "List the runs: the progress of each run, its last work and its size on disk"

    def long_desc(self) -> str:
        """Describe the command in its help."""
        return (
            "List the runs of every environment in the configured storage; the run last worked on comes first. A "
            "run is complete, partial (the next crawl of the same configuration continues it), done (two crawls "
            "could not fetch the missing ids: the next crawl begins a new run) or crawling. The column "
            "'settled' is the share of the ids that were crawled. The command changes no file, and works "
            "during a crawl."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the environment to list."""
        super().add_options(parser)
        parser.add_argument("--environment", metavar="NAME", help="list the runs of this environment only")

    def gather(self, settings: Settings, opts: argparse.Namespace) -> Facts:
        """Look at the runs of the storage."""
        if opts.environment is not None and not opts.environment.strip():
            raise ConfigError("--environment is empty: name an environment, or leave out the option")
        storage = Path(load_config(settings, is_to_ask=False).storage).resolve()
        now = clock.now()
        names = inventory.environments(storage, now) if opts.environment is None else [opts.environment]
        entries = [entry for name in names for entry in inventory.look_all(storage / name, now)]
        entries.sort(key=lambda entry: entry.worked_at or "", reverse=True)
        facts: shapes.Runs = {
            "schema": "lifestats.runs/1",
            "storage": str(storage),
            "environment": opts.environment,
            "runs": [_run(entry) for entry in entries],
        }
        return cast("Facts", facts)

    def show(self, facts: Facts, console: Console) -> None:
        """Print a line for each run."""
        if facts["runs"]:
            rows = [_row(run) for run in facts["runs"]]
            console.print(table(_HEADINGS, rows, right=("settled", "records", "size")))
        else:
            whose = f" of environment {facts['environment']}" if facts["environment"] else ""
            console.print(f"There is no run{whose} in {facts['storage']}.", markup=False, soft_wrap=True)


def _run(entry: Entry) -> shapes.ListedRun:
    space = entry.space
    return {
        "environment": entry.run.environment,
        "run": entry.run.name,
        "state": entry.state,
        "crawled_by": entry.crawler["who"] if entry.crawler else None,
        "ids": None if space is None else len(space),
        "settled": entry.settled,
        "records": entry.records,
        "damaged_segments": entry.damaged,
        "started_at": entry.started_at,
        "last_worked_on": entry.worked_at,
        "bytes": entry.bytes,
    }


def _row(run: dict[str, Any]) -> list[str]:
    damaged = f", {run['damaged_segments']} damaged" if run["damaged_segments"] else ""
    return [
        run["environment"],
        run["run"],
        run["state"] + damaged,
        "" if run["ids"] is None else percent_done(run["settled"], run["ids"]),
        f"{run['records']:,}",
        size(run["bytes"]),
        minute(run["started_at"]),
        minute(run["last_worked_on"]),
    ]
