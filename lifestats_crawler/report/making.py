"""Segments to a report: merge what a run has settled, compare it with the report before, and write it."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from lifestats_crawler import clock
from lifestats_crawler.exceptions import LifestatsError, StorageError
from lifestats_crawler.program import called
from lifestats_crawler.report import document
from lifestats_crawler.storage import durable, reports, segments
from lifestats_crawler.storage.runs import Run
from lifestats_crawler.storage.source import Job

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from lifestats_crawler.config.model import Config
    from lifestats_crawler.items import Key
    from lifestats_crawler.storage.reports import Report

logger = logging.getLogger(__name__)


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
    totals = merge.merge(run.segments, wanted, labelled, Job.of(config))
    now = clock.now()
    # A segment from after now was written while the clock was wrong.
    finished_at = max((at for at, _, _ in totals.settled.pace if at <= now), default=now)
    previous = _previous(run, finished_at)
    build = partial(document.build, run, config, totals, finished_at=finished_at, finish_reason=finish_reason)
    try:
        report: Any = build(previous=previous, occurring=partial(_occurring, run, previous))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        if previous is None:
            raise
        logger.warning("The report before this one is damaged, or of another make: it is not compared with")
        report = build()
    made: Report = report  # as it comes back from a file
    _tell_unused_labels(config, made)
    return made


def _occurring(
    run: Run, previous: Report | None, wanted: Mapping[str, Collection[Key]]
) -> Mapping[str, Collection[Key]]:
    """Look up values in the segments of the run before; nothing is known where they are gone or damaged."""
    from lifestats_crawler.counting import merge  # noqa: PLC0415  # as in ``make``

    before = Run(run.directory.parent / previous["run"]["name"], run.environment) if previous else None
    try:
        if before and segments.paths(before.segments):
            return merge.occurring(before.segments, wanted)
    except (LifestatsError, OSError) as error:
        logger.warning("Values that are new cannot all be told: %s", error)
    return {}


def _tell_unused_labels(config: Config, report: Report) -> None:
    """Say which names are for no value that is shown: a file may write values in another way."""
    for name, counter in config.counters.items():
        rows = report["counters"][name]["top"]
        if not rows or any(row.get("label") is not None for row in rows):
            continue
        if counter.label:
            logger.warning("counters.%s.label: no record has a name at %r", name, counter.label)
        if counter.names:
            logger.warning(
                "counters.%s.labels: %s has a name for none of the first %d values. It names %r, the most frequent"
                " value is %r",
                *(name, counter.labels, len(rows), next(iter(counter.names)), rows[0]["key"]),
            )


def prepare(run: Run) -> None:
    """Load what is only needed at the end: if the program is upgraded until then, parts of both would meet."""
    from lifestats_crawler.counting import merge  # noqa: F401, PLC0415  # as in ``make``
    from lifestats_crawler.report import html  # noqa: PLC0415  # as in ``save``

    html.prepare(run)


def save(run: Run, report: Report) -> None:
    """Write the page, latest.json if the report is complete and none is newer, and report.json. Raises OSError.

    In this order, because a run whose report.json is complete is never worked on again. The page and its script
    are extras: a disk that has no room for them still has the report.
    """
    from lifestats_crawler.report import html  # noqa: PLC0415  # templates are not needed before the end

    content = reports.dump(report)
    try:
        html.write(run, report)
    except OSError as error:
        run.page.unlink(missing_ok=True)  # of an earlier start: not the page of this report
        logger.warning("report.html was not written: %s. %s --save writes it", error, called("report"))
    try:
        html.write_script(run.directory.parent)
    except OSError as error:
        logger.warning("The charts of the page need a file that was not written: %s", error)
    if report["coverage"]["complete"] and not _is_superseded(run, report):
        durable.write(run.latest, content)
    durable.write(run.report, content)


def _is_superseded(run: Run, report: Report) -> bool:
    """Tell whether latest.json is of another run that finished later, by a clock that was right: before now."""
    with suppress(StorageError, KeyError, TypeError):  # damaged, or of another make
        latest = reports.load_if_any(run.latest)
        if latest and latest["run"]["name"] != run.name:
            return bool(report["run"]["finished_at"] < latest["run"]["finished_at"] <= clock.now())
    return False


def _previous(run: Run, finished_at: str) -> Report | None:
    """Return the environment's newest complete report of another run that was finished before this one."""
    try:
        return _earlier(run, finished_at)
    except StorageError as error:
        logger.warning("%s: it is not compared with", error)
    except (KeyError, TypeError, AttributeError):
        logger.warning("latest.json or this run's report is damaged, or of another make: it is not compared with")
    return None


def _earlier(run: Run, finished_at: str) -> Report | None:
    latest = reports.load_if_any(run.latest)
    if latest and latest["run"]["name"] != run.name and latest["run"]["finished_at"] <= finished_at:
        return latest
    # This run is the newest itself, or an older one: its own report says what it was compared with then.
    known = [own for own in (reports.load_if_any(run.report), latest) if own and own["run"]["name"] == run.name]
    names = [own["previous"]["name"] for own in known if own.get("previous")]
    earlier = (reports.load_if_any(run.directory.parent / name / run.report.name) for name in names)
    return next(filter(None, earlier), None)
