"""Totals to report.json: what was asked, what it rests on, and the top k."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from math import floor, inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from lifestats_crawler.config import labels
from lifestats_crawler.exceptions import StorageError
from lifestats_crawler.ranges import missing
from lifestats_crawler.report import comparison
from lifestats_crawler.storage import durable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lifestats_crawler.config.model import Config, CounterConfig
    from lifestats_crawler.counting.merge import CounterTotals, Totals
    from lifestats_crawler.items import Key
    from lifestats_crawler.storage.runs import Run
    from lifestats_crawler.storage.segments import Settled

SCHEMA = "lifestats.report/1"

_MOST_PACE = 500  # points: two hours in steps of 15 s

Report = dict[str, Any]


def make(run: Run, config: Config, *, finish_reason: str, top: int | None = None) -> Report:
    """Merge what a run has settled, and put its report together; ``top`` in place of each counter's own.

    Raises OverlapError, CountError and StorageError: see ``merge``.
    """
    from lifestats_crawler.counting import merge  # noqa: PLC0415  # DuckDB is large, and not needed before the end

    if top is not None:
        counters = {name: counter.model_copy(update={"top": top}) for name, counter in config.counters.items()}
        config = config.model_copy(update={"counters": counters})
    wanted = {name: counter.top for name, counter in config.counters.items()}
    labelled = [name for name, counter in config.counters.items() if counter.label]
    totals = merge.merge(run.segments, wanted, labelled)
    finished_at = totals.settled.pace[-1][0] if totals.settled.pace else now()
    report = build(run, config, totals, finished_at=finished_at, finish_reason=finish_reason)
    if previous := _previous(run, finished_at):
        add_changes(report, previous)
    return report


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
            # A signal at the very end stops nothing any more.
            "finish_reason": finish_reason if unsettled else "finished",
        },
        "source": config.model_dump(include={"url", "first_id", "last_id", "results_per_page", "rate_limit"}),
        "coverage": _coverage(config, totals.settled),
        "totals": _totals(totals.settled),
        "previous": None,
        "counters": {
            name: _counter(config.counters[name], figures, totals.settled.without.get(name, 0), unsettled)
            for name, figures in totals.counters.items()
        },
        "pace": _pace(totals.settled),
    }


def add_changes(report: Report, previous: Report) -> None:
    """Tell of each row how many ranks it has risen, or that it is new.

    It is new if the previous report does not list it, although that goes as far down as its rank.
    """
    report["previous"] = {key: previous["run"][key] for key in ("name", "finished_at")}
    for name, changes in comparison.compare(previous, report).items():
        for row, change in zip(report["counters"][name]["top"], changes, strict=False):
            row["rank_change"] = change.rank_change
            row["new"] = change.kind == "new"


def save(run: Run, report: Report) -> None:
    """Write the page, latest.json if the report is complete and none is newer, and report.json. Raises OSError.

    In this order, because a run whose report.json is complete is never worked on again.
    """
    from lifestats_crawler.report import html as page  # noqa: PLC0415  # templates are not needed before the end

    content = dump(report)
    page.write(run, report)
    if report["coverage"]["complete"] and not _is_superseded(run, report):
        durable.write(run.latest, content)
    durable.write(run.report, content)


def _is_superseded(run: Run, report: Report) -> bool:
    """Tell whether latest.json is of another run, which finished later."""
    with suppress(StorageError):
        latest = load(run.latest)["run"]
        return bool(latest["name"] != run.name and latest["finished_at"] > report["run"]["finished_at"])
    return False


def now() -> str:
    """Return the time as reports have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def dump(document: object) -> bytes:
    """Write JSON as reports have it."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def load(path: Path) -> Report:
    """Read a report. Raises StorageError for a file that is none."""
    try:
        report: Report = orjson.loads(path.read_bytes())
        if report["schema"] != SCHEMA:
            raise StorageError(f"{path} is no report: its schema is {report['schema']}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{path} is no report: {error}") from None
    return report


def _previous(run: Run, finished_at: str) -> Report | None:
    """Return the environment's newest complete report of another run that was finished before this one."""
    with suppress(StorageError):
        latest = load(run.latest)
        if latest["run"]["name"] != run.name and latest["run"]["finished_at"] <= finished_at:
            return latest
    # This run is the newest itself, or an older one: its own report says what it was compared with then.
    for path in (run.report, run.latest):
        with suppress(StorageError):
            own = load(path)
            if own["run"]["name"] == run.name and own.get("previous"):
                return load(run.directory.parent / own["previous"]["name"] / run.report.name)
    return None


def _pace(settled: Settled) -> list[Report]:
    """Return how many requests were made in which time, in steps that are not too many to draw."""
    joined = -(-len(settled.pace) // _MOST_PACE) or 1
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
    names = labels.read(Path(config.labels))
    return {key: names[str(key)] for key, _ in totals.top if str(key) in names}


def _certain(counts: list[int], unsettled: int) -> list[bool]:
    """Tell of each rank whether the ids not settled, a record each, cannot change who has it.

    They cannot if both neighbours are further away than all of them together.
    """
    leads = [inf, *(one - other for one, other in pairwise([*counts, 0]))]
    return [not unsettled or min(above, below) > unsettled for above, below in pairwise(leads)]
