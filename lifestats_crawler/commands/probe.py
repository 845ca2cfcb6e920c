"""``scrapy probe``: prove with a handful of requests that the configuration reads the API."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from random import Random
from typing import TYPE_CHECKING, cast

from rich.text import Text

from lifestats_crawler.api.cursor import fill_in
from lifestats_crawler.api.quoting import Redactor
from lifestats_crawler.config import redaction, secrets
from lifestats_crawler.config.from_settings import environment, load_config
from lifestats_crawler.facts_command import Facts, FactsCommand
from lifestats_crawler.formats import h_mm_ss
from lifestats_crawler.handlers import most_bytes, usual_headers
from lifestats_crawler.preflight import probe_asking as asking
from lifestats_crawler.preflight.probe_questions import FAILED, NOTE, OK, Check, Probe
from lifestats_crawler.preflight.probe_verdicts import Verdicts
from lifestats_crawler.report.console import table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from contextlib import AbstractAsyncContextManager

    from rich.console import Console
    from scrapy.settings import Settings

    from lifestats_crawler import shapes
    from lifestats_crawler.config.model import Config

_STYLES = {OK: "green", NOTE: "yellow", FAILED: "bold red"}


class Command(FactsCommand):
    """Ask an API a few questions, and tell whether the configuration reads it right."""

    example = "-s ENV=production"

    def short_desc(self) -> str:
        """Describe the command in the list of commands."""
        return "Ask the API for a few pages, and check that the configuration reads them right"

    def long_desc(self) -> str:
        """Describe the command in its help."""
        return (
            "Send about 14 requests (25 at most) at the configured rate, and check the configuration: where the "
            "records, their ids, the counted fields and the next cursor are, and what a cursor means. Two pages "
            "are requested again in parts, and the parts must have the same records (audit: false leaves this "
            "out). For each check that fails, the command names the key of config.yml to look at. Exit status 0: "
            "no check failed; 1: a check failed."
        )

    def gather(self, settings: Settings, opts: argparse.Namespace) -> Facts:  # noqa: ARG002  # no options
        """Ask, judge, and put together what was found."""
        config = load_config(settings)
        redaction.hide(hidden := secrets.hidden(config))
        redactor = Redactor(hidden)
        probe = Probe(config, redactor, Random())
        opened = asking.asker(
            config,
            usual_headers(settings),
            most_bytes(settings),
            keeps_cookies=settings.getbool("COOKIES_ENABLED"),
        )
        requests = asyncio.run(_converse(probe, config, opened))
        verdicts = Verdicts(config, probe.pages, redactor)
        checks = [*probe.checks, *verdicts.checks()]
        holds = all(check.outcome != FAILED for check in checks)
        self.exitcode = 0 if holds else 1
        likely = verdicts.estimate() if holds else None
        facts: shapes.Probe = {
            "schema": "lifestats.probe/1",
            "environment": environment(settings),
            "url": config.shown_url,
            "rate_limit": config.rate_limit,
            "holds": holds,
            "requests": requests,
            "checks": [cast("shapes.Check", asdict(check)) for check in checks],
            "crawl": cast("shapes.Estimate", asdict(likely)) if likely else None,
        }
        return cast("Facts", facts)

    def show(self, facts: Facts, console: Console) -> None:
        """Print a line for each check, and what a crawl would take."""
        rows = [row for check in facts["checks"] for row in _rows(Check(**check))]
        console.print(table(("", "check", "seen"), rows))
        if crawl := facts["crawl"]:
            time = f", {h_mm_ss(crawl['seconds'])} at {facts['rate_limit']:,} a second" if crawl["seconds"] else ""
            console.print(f"\nA crawl would take about {crawl['requests']:,} requests{time}.", markup=False)
        failed = sum(check["outcome"] == FAILED for check in facts["checks"])
        checks = "1 check" if failed == 1 else f"{failed} checks"
        verdict = "No check failed: you can start a crawl" if facts["holds"] else f"{checks} FAILED"
        style = _STYLES[OK if facts["holds"] else FAILED]
        console.print(Text(f"\n{verdict}. Requests: {facts['requests']}.", style))


async def _converse(probe: Probe, config: Config, opened: AbstractAsyncContextManager[asking.Asker]) -> int:
    """Ask what the probe wants to know, and return how many requests that took."""
    requests = 0
    async with asking.reachable(config) as url, opened as asker:
        talk = probe.talk()
        request = next(talk, None)
        while request is not None:
            requests += 1
            limit = config.results_per_page if request.limit is None else request.limit
            answer = await asker.ask(
                fill_in(url, request.cursor, limit), on_new_connection=request.on_new_connection
            )
            try:
                request = talk.send(answer)
            except StopIteration:
                break
    return requests


def _rows(check: Check) -> Iterator[tuple[Text, str, str]]:
    yield Text(check.outcome, _STYLES.get(check.outcome, "dim")), check.name, check.seen
    if check.outcome == FAILED:
        if check.keys:
            yield Text(), "", f"look at: {check.keys}"
        if check.json:
            yield Text(), "", check.json
