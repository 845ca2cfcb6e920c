"""The document that report.json is: what was asked, what it rests on, and the top k. Pure."""

from __future__ import annotations

from itertools import pairwise
from math import floor, inf
from typing import TYPE_CHECKING

from lifestats_crawler.ending import Ending
from lifestats_crawler.ranges import missing
from lifestats_crawler.report import comparison
from lifestats_crawler.storage.reports import SCHEMA, Report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lifestats_crawler.config.model import Config, CounterConfig
    from lifestats_crawler.counting.merge import CounterTotals, Totals
    from lifestats_crawler.items import Key
    from lifestats_crawler.storage.footers import Settled
    from lifestats_crawler.storage.runs import Run

_MOST_PACE_POINTS = 500  # two hours in steps of 15 s


def build(  # noqa: PLR0913  # what a report is made of
    run: Run,
    config: Config,
    totals: Totals,
    *,
    finished_at: str,
    finish_reason: str,
    previous: Report | None = None,
) -> Report:
    """Put a report together; its keys and their meaning are in README.md.

    ``previous`` is the report to compare it with, if there is one.
    """
    unsettled = len(config.space) - totals.settled.ids
    report = {
        "schema": SCHEMA,
        "run": {
            "name": run.name,
            "environment": run.environment,
            "started_at": totals.settled.started_at or finished_at,
            "finished_at": finished_at,
            "elapsed_seconds": round(totals.settled.seconds, 3),
            # A signal at the very end stops nothing any more.
            "finish_reason": finish_reason if unsettled else Ending.FINISHED.word,
        },
        "source": source(config),
        "coverage": _coverage(config, totals.settled),
        "totals": _totals(totals.settled),
        "previous": None,
        "counters": {
            name: _counter(config.counters[name], figures, totals.settled.without.get(name, 0), unsettled)
            for name, figures in totals.counters.items()
        },
        "pace": _pace(totals.settled),
    }
    if previous:
        _add_changes(report, previous)
    return report


def source(config: Config) -> Report:
    """Return what was asked, as reports and plans show it."""
    shown = config.model_dump(include={"first_id", "last_id", "results_per_page", "rate_limit"})
    return {"url": config.shown_url} | shown


def _add_changes(report: Report, previous: Report) -> None:
    """Tell of each row how many ranks it has risen, or that it is new.

    It is new if the previous report does not list it, although that goes as far down as its rank.
    """
    report["previous"] = {key: previous["run"][key] for key in ("name", "finished_at")}
    for name, changes in comparison.compare(previous, report).items():
        for row, change in zip(report["counters"][name]["top"], changes, strict=False):
            row["rank_change"] = change.rank_change
            row["new"] = change.kind == "new"


def _pace(settled: Settled) -> list[Report]:
    """Return how many requests were made in which time, in steps that are not too many to draw."""
    joined = -(-len(settled.pace) // _MOST_PACE_POINTS) or 1
    steps = [settled.pace[begin : begin + joined] for begin in range(0, len(settled.pace), joined)]
    return [
        {
            "at": step[-1][0],
            "seconds": round(sum(seconds for _, seconds, _ in step), 3),
            "requests": sum(requests for _, _, requests in step),
        }
        for step in steps
    ]


def _coverage(config: Config, settled: Settled) -> Report:
    unsettled = list(missing(config.space, settled.covers))
    covered = len(config.space) - sum(map(len, unsettled))
    return {
        "complete": not unsettled,
        "ids": len(config.space),
        "settled": covered,
        # Rounded down: what is not complete never shows as 1.0.
        "ratio": floor(covered / len(config.space) * 1e6) / 1e6,
        "missing": [[item.begin, item.end] for item in unsettled],
    }


def _totals(settled: Settled) -> Report:
    return {
        "items": settled.records,
        "pages": settled.pages,
        "requests": settled.requests,
        "retries": settled.retries,
        "requests_per_second": round(settled.requests / settled.seconds, 2) if settled.seconds else 0.0,
    }


def _counter(config: CounterConfig, totals: CounterTotals, without: int, unsettled: int) -> Report:
    certain = _certain([count for _, count in totals.top], unsettled)
    names = _labels(config, totals)
    rows = zip(totals.top[: config.top], certain, strict=False)
    return {
        "field": config.field,
        "items": totals.items,
        "without": without,
        "distinct": totals.distinct,
        "top": [
            {"rank": rank, "key": key}
            | ({"label": names[key]} if key in names else {})
            | {"count": count, "share": round(count / totals.items, 6), "certain": is_certain}
            for rank, ((key, count), is_certain) in enumerate(rows, 1)
        ],
        "frequency": [list(point) for point in totals.frequency],
    }


def _labels(config: CounterConfig, totals: CounterTotals) -> Mapping[Key, str]:
    if config.labels is None:
        return totals.labels
    names = config.names
    return {key: names[str(key)] for key, _ in totals.top if str(key) in names}


def _certain(counts: list[int], unsettled: int) -> list[bool]:
    """Tell of each rank whether the ids not settled, a record each, cannot change which value has it.

    They cannot if both neighbours are further away than all of them together.
    """
    leads = [inf, *(one - other for one, other in pairwise([*counts, 0]))]
    return [not unsettled or min(above, below) > unsettled for above, below in pairwise(leads)]
