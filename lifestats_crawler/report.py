"""Totals to report.json: what was asked, what it rests on, and the top k."""

from __future__ import annotations

from math import floor, inf
from typing import TYPE_CHECKING, Any

import orjson

from lifestats_crawler import durable
from lifestats_crawler.ranges import missing

if TYPE_CHECKING:
    from lifestats_crawler.config import Config, CounterConfig
    from lifestats_crawler.items import Key
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
    unsettled = len(config.space) - sum(map(len, totals.settled.covers))
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
            name: _counter(config.counters[name], figures, totals.settled.without.get(name, 0), unsettled)
            for name, figures in totals.counters.items()
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


def _counter(config: CounterConfig, totals: CounterTotals, without: int, unsettled: int) -> Report:
    return {
        "field": config.field,
        "items": totals.items,
        "without": without,
        "distinct": totals.distinct,
        "top": [
            {
                "rank": rank,
                "key": key,
                "count": count,
                "share": round(count / totals.items, 6),
                "certain": _is_certain(totals.top, rank, unsettled),
            }
            for rank, (key, count) in enumerate(totals.top[: config.top], 1)
        ],
    }


def _is_certain(top: list[tuple[Key, int]], rank: int, unsettled: int) -> bool:
    """Tell whether the ids not settled, a record each, can change who has this rank.

    They cannot if both neighbours are further away than all of them together.
    """
    counts = [inf, *(count for _, count in top), 0]
    leads = (counts[rank - 1] - counts[rank], counts[rank] - counts[rank + 1])
    return not unsettled or min(leads) > unsettled
