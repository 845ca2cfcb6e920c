"""Which run a crawl goes on with: decided here, both for the crawl and for ``scrapy plan``.

A run is continued unless it is complete, or done: it lacks only ids that were given up in two starts, and a record
that is dead must not keep the next count from beginning.
Decided from what the footers say, and from no time of a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifestats_crawler.storage import runs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from lifestats_crawler.storage.runs import Run
    from lifestats_crawler.storage.source import Job


DONE = "the ids that it lacks could not be fetched in two crawls. To try them again, use -a run={name}"


@dataclass(frozen=True, slots=True)
class Choice:
    """The run that a crawl would work on."""

    #: None: a new run.
    continues: Run | None = None
    #: The process that crawls that run already: a second crawl is refused.
    refused_by: str | None = None
    #: Incomplete runs that are left alone, and why; of those that are done only the newest of all runs.
    passed_over: tuple[tuple[str, str], ...] = ()


def choose(parent: Path, job: Job, now: str) -> Choice:
    """Choose the newest unfinished run of the same job; ``now`` is the time as segments have it.

    Raises NewerFormatError if a run of a later version comes first: what it counts cannot be known.
    """
    passed_over: list[tuple[str, str]] = []
    for number, run in enumerate(runs.of(parent, now)):
        if run.is_complete():
            continue
        crawler = runs.crawler_of(run)
        known = run.job()
        if known == job and not crawler and run.is_done(job.space):
            passed_over += [(run.name, DONE.format(name=run.name))] if number == 0 else []
        elif known is not None and known != job:
            passed_over.append((run.name, f"{job.difference(known)} from the configuration"))
        elif known is not None or _is_adopted(run, crawler, job):
            return Choice(run, crawler["who"] if crawler else None, tuple(passed_over))
        elif crawler:
            passed_over.append((run.name, f"this run is being crawled by {crawler['who']}"))
    return Choice(passed_over=tuple(passed_over))


def _is_adopted(run: Run, crawler: Mapping[str, Any] | None, job: Job) -> bool:
    """Tell whether a run without a segment is one to work on: of this job, or killed before its first spill.

    Nothing tells the latter from a new one.
    """
    if crawler:
        return bool(crawler.get("job") == job)
    return not run.report.exists()
