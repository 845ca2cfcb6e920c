"""Totals to report.json: what was asked, what it rests on, and the top k."""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING, Any

import orjson

from lifestats_crawler import durable
from lifestats_crawler.ranges import missing

if TYPE_CHECKING:
    from lifestats_crawler.config import Config
    from lifestats_crawler.merge import CounterTotals, Settled, Totals
    from lifestats_crawler.runs import Run

SCHEMA = "lifestats.report/1"

Report = dict[str, Any]


def build(
    run: Run,
    config: Config,
    totals: Totals,
    *,
    finished_at: str,
    finish_reason: str,
) -> Report:
    """Put a report together; its keys and their meaning are in README.md."""
    return {
        "schema": SCHEMA,
        "run": {
            "name": run.name,
            "environment": run.environment,
            "started_at": totals.settled.started_at or finished_at,
            "finished_at": finished_at,
            "elapsed_seconds": round(totals.settled.seconds, 3),
            "finish_reason": finish_reason,
        },
        "source": config.model_dump(include={"url", "first_id", "last_id", "results_per_page", "rate_limit"}),
        "coverage": _coverage(config, totals.settled),
        "totals": _totals(totals.settled),
        "counters": {
            name: _counter(config.counters[name].field, figures) for name, figures in totals.counters.items()
        },
    }


def save(run: Run, report: Report) -> None:
    """Write report.json, and latest.json too if the report is complete. Raises OSError."""
    content = orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    durable.write(run.report, content)
    if report["coverage"]["complete"]:
        durable.write(run.latest, content)


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


def _counter(field: str, totals: CounterTotals) -> Report:
    return {
        "field": field,
        "items": totals.items,
        "distinct": totals.distinct,
        "top": [
            {"rank": rank, "key": key, "count": count, "share": round(count / totals.items, 6)}
            for rank, (key, count) in enumerate(totals.top, 1)
        ],
    }
