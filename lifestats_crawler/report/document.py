"""The document that report.json is: what was asked, what it rests on, and the top k. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from itertools import pairwise
from math import floor, inf
from typing import TYPE_CHECKING

from lifestats_crawler import __version__
from lifestats_crawler.ending import Ending
from lifestats_crawler.items import Key
from lifestats_crawler.ranges import missing
from lifestats_crawler.report import audit, comparison

if TYPE_CHECKING:
    from lifestats_crawler import shapes
    from lifestats_crawler.config.model import Config, CounterConfig
    from lifestats_crawler.counting.merge import CounterTotals, Totals
    from lifestats_crawler.storage.footers import Settled
    from lifestats_crawler.storage.reports import Report
    from lifestats_crawler.storage.runs import Run

#: Looks up which of some values, by counter, a run has counted.
Occurring = Callable[[Mapping[str, Collection[Key]]], Mapping[str, Collection[Key]]]

_MOST_EXACT = 2**53  # up to here a reader that takes every number for a double reads the same integer
_MOST_PACE_POINTS = 500  # two hours in steps of 15 s


def build(  # noqa: PLR0913  # what a report is made of
    run: Run,
    config: Config,
    totals: Totals,
    *,
    finished_at: str,
    finish_reason: str,
    previous: Report | None = None,
    occurring: Occurring = lambda _: {},
) -> shapes.Report:
    """Put a report together; its keys and their meaning are in README.md.

    ``previous`` is the report to compare it with, if there is one; ``occurring`` returns which values of
    each counter are among those that its run has counted, and leaves out what it cannot tell.
    """
    settled = totals.settled
    coverage = _coverage(config, settled)
    # Where the answers contradict the configuration, not one of its counts can be relied on.
    uncertain = coverage["ids"] if settled.is_misconfigured else coverage["ids"] - coverage["settled"]
    report: shapes.Report = {
        "schema": "lifestats.report/1",
        "written_by": f"lifestats {__version__}",
        "run": {
            "name": run.name,
            "environment": run.environment,
            "started_at": settled.started_at or finished_at,
            "finished_at": finished_at,
            "elapsed_seconds": round(settled.seconds, 3),
            "finish_reason": _finish_reason(finish_reason, settled, is_complete=coverage["complete"]),
        },
        "source": source(config),
        "coverage": coverage,
        "audit": _audit(settled) if config.audit else None,
        "totals": _totals(settled),
        "answers": dict(sorted(settled.answers.items())),
        "faults": dict(sorted(settled.faults.items())),
        "paused": dict(settled.paused),
        "errors": list(settled.errors),
        "killed": {"starts": settled.killed, "requests": settled.killed_after},
        "previous": None,
        "counters": {
            name: _counter(config.counters[name], figures, settled.without.get(name, 0), uncertain)
            for name, figures in totals.counters.items()
        },
        "pace": _pace(settled),
    }
    if previous:
        _add_changes(report, previous, occurring)
    return report


def _finish_reason(told: str, settled: Settled, *, is_complete: bool) -> str:
    """Return why the last crawl ended; a signal at the very end stops nothing any more."""
    if is_complete:
        return Ending.FINISHED.word
    is_refuted = settled.is_misconfigured and told == Ending.FINISHED.word
    return Ending.MISCONFIGURED.word if is_refuted else told


def source(config: Config) -> shapes.Source:
    """Return what was asked, as reports and plans show it."""
    made: shapes.Source = {
        "url": config.shown_url,
        "first_id": config.first_id,
        "last_id": config.last_id,
        "results_per_page": config.results_per_page,
        "rate_limit": config.rate_limit,
        "items": config.items,
        "id": config.id,
        "next": config.next,
        "inclusive": config.inclusive,
    }
    if config.mock:
        made["mock"] = True
    return made


def _add_changes(report: shapes.Report, previous: Report, occurring: Occurring) -> None:
    """Tell of each row how many ranks it has risen, or that it is new: the previous run has not counted it."""
    report["previous"] = {"name": previous["run"]["name"], "finished_at": previous["run"]["finished_at"]}
    known = occurring(comparison.unlisted(previous, report)[0])
    for name, changes in comparison.compare(previous, report).items():
        for row, change in zip(report["counters"][name]["top"], changes, strict=False):
            is_unknown = change.kind == "unlisted" and name in known and change.key not in known[name]
            row["rank_change"] = change.rank_change
            row["new"] = change.kind == "new" or is_unknown


def _pace(settled: Settled) -> list[shapes.Pace]:
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


def _coverage(config: Config, settled: Settled) -> shapes.Coverage:
    unsettled = list(missing(config.space, settled.settled))
    covered = len(config.space) - sum(map(len, unsettled))
    return {
        "complete": not unsettled and not settled.is_misconfigured,
        "ids": len(config.space),
        "settled": covered,
        # Rounded down: what is not complete never shows as 1.0.
        "ratio": floor(covered / len(config.space) * 1e6) / 1e6,
        "missing": [[item.begin, item.end] for item in unsettled],
        "reasons": [list(item) for item in settled.given_up],
        "seen": bool(settled.records) or settled.highest >= 0,
    }


def _audit(settled: Settled) -> shapes.Audit:
    most = audit.at_most(settled.audited, settled.differing, settled.pages)
    return {"ranges": settled.audited, "differing": settled.differing, "at_most": most}


def _totals(settled: Settled) -> shapes.Totals:
    return {
        "items": settled.records,
        "pages": settled.pages,
        "requests": settled.requests,
        "retries": settled.retries,
        "requests_per_second": round(settled.requests / settled.seconds, 2) if settled.seconds else 0.0,
    }


def _counter(config: CounterConfig, totals: CounterTotals, without: int, uncertain: int) -> shapes.Counter:
    certain = _certain([count for _, count in totals.top], uncertain)
    names = _labels(config, totals)
    ranked = enumerate(zip(totals.top[: config.top], certain, strict=False), 1)
    return {
        "field": config.field,
        "items": totals.items,
        "without": without,
        "distinct": totals.distinct,
        "top": [_row(rank, value, names, totals, is_certain=is_certain) for rank, (value, is_certain) in ranked],
        "frequency": [list(point) for point in totals.frequency],
    }


def _row(
    rank: int, value: tuple[Key, int], names: Mapping[Key, str], totals: CounterTotals, *, is_certain: bool
) -> shapes.Row:
    key, count = value
    besides: shapes.Besides = {}
    if isinstance(key, int) and abs(key) > _MOST_EXACT:
        besides["key_exact"] = str(key)
    if key in names:
        besides["label"] = names[key]
    share = round(count / totals.items, 6)
    return {"rank": rank, "key": key, **besides, "count": count, "share": share, "certain": is_certain}


def _labels(config: CounterConfig, totals: CounterTotals) -> Mapping[Key, str]:
    if config.labels is None:
        return totals.labels
    names = config.names
    return {key: names[str(key)] for key, _ in totals.top if str(key) in names}


def _certain(counts: list[int], uncertain: int) -> list[bool]:
    """Tell of each rank whether the ids that are uncertain, a record each, cannot change which value has it.

    They cannot if both neighbours are further away than all of them together.
    """
    leads = [inf, *(one - other for one, other in pairwise([*counts, 0]))]
    return [not uncertain or min(above, below) > uncertain for above, below in pairwise(leads)]
