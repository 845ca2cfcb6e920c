"""Which run a crawl goes on with: decided here, both for the crawl and for ``scrapy plan``.

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


@dataclass(frozen=True, slots=True)
class Choice:
    """The run that a crawl would work on."""

    #: None: a new run.
    continues: Run | None = None
    #: The process that crawls that run already: a second crawl is refused.
    refused_by: str | None = None
    #: Unfinished runs that are left alone, and why.
    passed_over: tuple[tuple[str, str], ...] = ()


def choose(parent: Path, job: Job, now: str) -> Choice:
    """Choose the newest unfinished run of the same job; ``now`` is the time as segments have it.

    Raises NewerFormatError if a run of a later version comes first: what it counts cannot be known.
    """
    passed_over: list[tuple[str, str]] = []
    for run in runs.of(parent, now):
        if run.is_complete():
            continue
        crawler = runs.crawler_of(run)
        known = run.job()
        if known is not None and known != job:
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
