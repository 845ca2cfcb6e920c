"""Runs as they are on disk: footers, segments of a job, and what another version would have written."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow.parquet as pq

from lifestats_crawler.ranges import IdRange
from lifestats_crawler.storage import footers, reports, segments
from lifestats_crawler.storage.source import Job
from tests.configurations import configured

if TYPE_CHECKING:
    from pathlib import Path

    from lifestats_crawler.storage.runs import Run

NOW = "2026-02-01T00:00:00.000Z"
JOB = Job.of(configured())
FOOTER = footers.Footer(
    source=JOB.source,
    space=JOB.space,
    covers=(IdRange(1, 5), IdRange(7, 9)),
    records=3,
    pages=2,
    requests=3,
    retries=1,
    without={"colours": 1},
    started_at="2026-01-01T00:00:00.000Z",
    seconds=0.5,
)


def spill(run: Run, *covers: tuple[int, int], job: Job = JOB, ended_at: str = "", **changes: Any) -> Path:
    """Write a run's next segment: every id that it covers has a record, and each its own colour."""
    run.segments.mkdir(parents=True, exist_ok=True)
    ranges = tuple(IdRange(*bounds) for bounds in covers)
    ids = [an_id for item in ranges for an_id in range(item.begin, item.end)]
    about = {"covers": ranges, "records": len(ids), "pages": len(ranges), "without": {}, "ended_at": ended_at}
    footer = replace(FOOTER, source=job.source, space=job.space, **about | changes)
    number = segments.next_number(run.segments)
    return segments.write(run.segments, number, {key: Counter(ids) for key in job.source["counters"]}, footer)


def conclude(run: Run, *, complete: bool = True, finish_reason: str = "finished", **more: Any) -> None:
    """Write a report that says no more than whether it is complete, and how the crawl ended."""
    run.segments.mkdir(parents=True, exist_ok=True)
    about = {"name": run.name, "finished_at": NOW, "finish_reason": finish_reason}
    report = {"schema": reports.SCHEMA, "run": about, "coverage": {"complete": complete}}
    run.report.write_bytes(reports.dump(report | more))


def restamp(path: Path, **changes: Any) -> None:
    """Make a segment say other things of itself, as another version would."""
    file = pq.read_table(path)
    metadata = dict(pq.read_metadata(path).metadata)
    about = orjson.loads(metadata[b"lifestats"]) | changes
    with pq.ParquetWriter(path, file.schema.remove_metadata()) as writer:
        writer.write_table(file.replace_schema_metadata())
        seal = {b"lifestats.seal": metadata[b"lifestats.seal"]}
        writer.add_key_value_metadata({b"lifestats": orjson.dumps(about)} | seal)
    path.write_bytes(segments.sealed(path.read_bytes()))
