"""``scrapy plan``: what a crawl would do, without a request and without a trace on disk."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from scrapy.settings import SETTINGS_PRIORITIES

from lifestats_crawler import clock
from lifestats_crawler.config.from_settings import config_path, environment, load_config
from lifestats_crawler.crawl.growth import most_chains
from lifestats_crawler.exceptions import LifestatsError, StorageError
from lifestats_crawler.facts_command import Facts, FactsCommand
from lifestats_crawler.formats import h_mm_ss, many, percent_done, size
from lifestats_crawler.preflight import plan
from lifestats_crawler.program import called
from lifestats_crawler.report import document, html
from lifestats_crawler.report.console import pairs
from lifestats_crawler.storage import inventory, reports
from lifestats_crawler.storage.choice import choose
from lifestats_crawler.storage.runs import Run
from lifestats_crawler.storage.source import Job

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from rich.console import Console
    from scrapy.settings import Settings

    from lifestats_crawler import shapes
    from lifestats_crawler.config.model import Config
    from lifestats_crawler.ranges import IdRange
    from lifestats_crawler.storage.choice import Choice
    from lifestats_crawler.storage.inventory import Entry
    from lifestats_crawler.storage.reports import Report


class Command(FactsCommand):
    """Tell what ``scrapy crawl lifestats`` would do now."""

    example = "-s ENV=production"

    def short_desc(self) -> str:
        """Describe the command in the list of commands."""
        return "Show what a crawl would do: requests, time, disk, and the run that it would continue"

    def long_desc(self) -> str:
        """Describe the command in its help."""
        return (
            f"Work out what '{called('crawl')}' would do with the same settings: how many requests, how long "
            "at the rate limit, how much disk, and whether it would continue an unfinished run. The command sends "
            "no request and changes no file. It estimates the number of records from the newest complete report, "
            "or else from the run that would be continued."
        )

    def gather(self, settings: Settings, opts: argparse.Namespace) -> Facts:  # noqa: ARG002  # no options
        """Look at the configuration and the storage."""
        config, name = load_config(settings, is_to_ask=False), environment(settings)
        parent, now = Path(config.storage) / name, clock.now()
        choice = choose(parent, Job.of(config), now)
        continues = inventory.look(choice.continues, now, is_checked=True) if choice.continues else None
        if continues and not continues.damaged:
            continues.run.settled()  # raises what the crawl would
        latest = _latest(parent)
        known = plan.known_density(config, latest, _run_of(latest, parent, now), continues)
        measured, per_record = plan.measured_bytes(inventory.look_all(parent, now))
        ranges = plan.unsettled(config, continues)
        likely = known and plan.estimate(
            config, ranges, known.records, per_record, known.requests_per_page, known.beside
        )
        facts: shapes.Plan = {
            "schema": "lifestats.plan/1",
            "environment": name,
            "config": str(config_path(settings)),
            "source": document.source(config),
            "counters": {name: counter.model_dump() for name, counter in config.counters.items()},
            "run": _run(choice, continues),
            "ids": len(config.space),
            "unsettled": sum(map(len, ranges)),
            "subsets": len(plan.subsets(config, ranges)),
            "most_chains": _most_chains(settings, config),
            "density": _density(known.run, likely, ranges) if known and likely else None,
            "bytes_measured_in": measured,
            "likely": _estimate(likely) if likely else None,
            "at_most": _estimate(plan.estimate(config, ranges, bytes_per_record=per_record)),
            "page_bytes": html.size(parent, sum(min(one.top, html.MOST_ROWS) for one in config.counters.values())),
        }
        return cast("Facts", facts)

    def show(self, facts: Facts, console: Console) -> None:
        """Print a line for each fact."""
        console.print(pairs([*_what(facts), *_how_much(facts)]))


def _latest(parent: Path) -> Report | None:
    """Return the newest complete report; a file that is none costs the estimate, and not the command."""
    try:
        return reports.load_if_any(parent / "latest.json")
    except StorageError as error:
        sys.stderr.write(f"lifestats: {error}: the estimate does without it\n")
        return None


def _most_chains(settings: Settings, config: Config) -> int:
    """Return what the crawl's add-on would set, unless ``-s CONCURRENT_REQUESTS`` says otherwise."""
    is_told = (settings.getpriority("CONCURRENT_REQUESTS") or 0) > SETTINGS_PRIORITIES["project"]
    return settings.getint("CONCURRENT_REQUESTS") if is_told else most_chains(config)


def _run_of(latest: Report | None, parent: Path, now: str) -> Entry | None:
    """Look at the run of the newest complete report; None where it is gone, or the report is of another make."""
    with suppress(KeyError, TypeError, LifestatsError):
        run = Run(parent / latest["run"]["name"], parent.name) if latest else None
        return inventory.look(run, now) if run and run.segments.is_dir() else None
    return None


def _density(run: str, likely: plan.Estimate, ranges: list[IdRange]) -> shapes.Density:
    ids = sum(map(len, ranges)) or 1
    return {"ratio": likely.records / ids, "requests": likely.requests / ids, "run": run}


def _estimate(estimate: plan.Estimate) -> shapes.Estimate:
    return cast("shapes.Estimate", asdict(estimate))


def _run(choice: Choice, entry: Entry | None) -> shapes.PlannedRun:
    return {
        "continues": entry.run.name if entry else None,
        "settled": entry.settled if entry else 0,
        "damaged_segments": entry.damaged if entry else 0,
        "last_worked_on": entry.worked_at if entry else None,
        "refused_by": choice.refused_by,
        "not_continued": [{"run": run, "why": why} for run, why in choice.passed_over],
    }


def _what(facts: Facts) -> Iterator[tuple[str, str]]:
    source = facts["source"]
    yield "environment", f"{facts['environment']} of {facts['config']}"
    yield "url", source["url"]
    yield "ids", f"{facts['ids']:,} ({source['first_id']} to {source['last_id']})"
    for name, counter in facts["counters"].items():
        skips = ", records without this field are skipped" if counter["missing"] == "skip" else ""
        yield "counter", f"{name}: {counter['field']}, top {counter['top']:,}{skips}"
    yield from _resumed(facts["run"], facts["ids"])


def _resumed(run: dict[str, Any], ids: int) -> Iterator[tuple[str, str]]:
    if run["continues"] is None:
        yield "run", "a new run"
    else:
        done = f"{percent_done(run['settled'], ids)} of its ids are crawled"
        worked = f", last worked on {run['last_worked_on']}" if run["last_worked_on"] else ""
        yield "run", f"continues {run['continues']}: {done}{worked}"
    if run["damaged_segments"]:
        yield (
            "",
            f"{many(run['damaged_segments'], 'damaged segment')} would be renamed, and their ids fetched again",
        )
    if run["refused_by"]:
        yield "", f"this run is being crawled by {run['refused_by']}: a second crawl would be refused"
    for other in run["not_continued"]:
        yield "", f"does not continue {other['run']}: {other['why']}"


def _how_much(facts: Facts) -> Iterator[tuple[str, str]]:
    source, density, likely, most = (facts[key] for key in ("source", "density", "likely", "at_most"))
    more = facts["most_chains"] > facts["subsets"]
    chains = f", up to {facts['most_chains']} if the API is slow" if more else ""
    yield "subsets", f"{many(facts['subsets'], 'chain')} at the same time{chains}"
    yield "page size", f"{source['results_per_page']:,}"
    rate = source["rate_limit"]
    yield "rate", f"{rate:,} requests a second" if rate else "as fast as the API allows"
    yield "requests", f"about {most['requests']:,} if every id exists"
    if likely:
        basis = f"with {density['ratio']:.3f} records per id as in run {density['run']}"
        yield "", f"{likely['requests']:,} likely, {basis}"
    if rate:
        yield (
            "time",
            f"about {h_mm_ss(most['seconds'])} if every id exists"
            + (f", {h_mm_ss(likely['seconds'])} likely" if likely else ""),
        )
    where = facts["bytes_measured_in"]
    basis = f"as in run {where}" if where else "if all values are different"
    size_of = likely or most
    plural = "" if size_of["segments"] == 1 else "s"
    yield "disk", f"about {size(size_of['bytes'])} in {size_of['segments']:,} segment{plural}, {basis}"
    yield "", f"and {size(facts['page_bytes'])} for the page"
