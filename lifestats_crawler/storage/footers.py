"""What segments say of themselves: the ranges that their counts come from, and what footers add up to. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import orjson

from lifestats_crawler.exceptions import NewerFormatError, OverlapError
from lifestats_crawler.ranges import IdRange, union
from lifestats_crawler.storage.source import Job, from_format_1

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

#: What a footer says of itself; a change of what it holds makes a new number. 2: the id space beside the source.
FORMAT = 2


@dataclass(frozen=True, slots=True)
class Footer:
    """What a segment says of itself. Every number is of this segment alone: segments add up."""

    #: What the counts are of: see ``storage/source``.
    source: Mapping[str, Any]
    #: The id space of the run.
    space: IdRange
    #: The ranges settled by the pages that the counts come from.
    covers: tuple[IdRange, ...]
    records: int
    pages: int
    requests: int
    retries: int
    #: Per counter, how many of the records are without its field.
    without: Mapping[str, int]
    #: When the crawl that wrote it was started, ISO 8601.
    started_at: str
    #: How long that crawl has worked on this segment.
    seconds: float
    #: When it was done with it, ISO 8601; of the last one: when the run was finished.
    ended_at: str = ""
    #: The highest id that its pages have shown, settled or not; -1 without one.
    highest: int = -1

    @property
    def job(self) -> Job:
        """What its run counts."""
        return Job(self.source, self.space)

    def is_of(self, job: Job) -> bool:
        """Tell whether it counts the same source, and covers no id outside the space of a job."""
        space = job.space
        is_within = all(space.begin <= item.begin and item.end <= space.end for item in self.covers)
        return self.source == job.source and is_within


@dataclass(frozen=True, slots=True)
class Settled:
    """What the footers of a run add up to."""

    covers: tuple[IdRange, ...] = ()
    records: int = 0
    pages: int = 0
    requests: int = 0
    retries: int = 0
    seconds: float = 0.0
    #: Per counter, how many of the records are without its field.
    without: Mapping[str, int] = field(default_factory=dict)
    #: When the first crawl of the run was started, ISO 8601; empty without a segment.
    started_at: str = ""
    #: The highest id that exists for sure; -1 without one.
    highest: int = -1
    #: (end, seconds, requests) of each segment, in the order of time.
    pace: tuple[tuple[str, float, int], ...] = ()

    @property
    def ids(self) -> int:
        """How many ids the covers hold."""
        return sum(map(len, self.covers))


def encode(footer: Footer) -> bytes:
    """Write a footer as JSON of the present format."""
    ranges = {
        "space": [footer.space.begin, footer.space.end],
        "covers": [[item.begin, item.end] for item in footer.covers],
    }
    return orjson.dumps({"format": FORMAT} | asdict(footer) | ranges)


def decode(content: bytes) -> Footer:
    """Read a footer of the present format, or of an older one as the present one.

    Raises NewerFormatError for one of a later version; ValueError, KeyError, TypeError or AttributeError for
    what is no footer.
    """
    about = orjson.loads(content)
    if (written := about.pop("format", 1)) > FORMAT:
        raise NewerFormatError(f"has format {written}, this version reads up to {FORMAT}")
    if written == 1:
        job = from_format_1(about["source"])
        about |= {"source": job.source, "space": (job.space.begin, job.space.end)}
    ranges = {"space": IdRange(*about["space"]), "covers": tuple(IdRange(*bounds) for bounds in about["covers"])}
    return Footer(**about | ranges)


def add_up(known: Collection[tuple[Path, Footer]]) -> Settled:
    """Add up the footers of segments. Raises OverlapError that names two which overlap."""
    _refuse_overlap(known)
    footers = [footer for _, footer in known]
    return Settled(
        covers=tuple(union(item for footer in footers for item in footer.covers)),
        records=sum(footer.records for footer in footers),
        pages=sum(footer.pages for footer in footers),
        requests=sum(footer.requests for footer in footers),
        retries=sum(footer.retries for footer in footers),
        seconds=sum(footer.seconds for footer in footers),
        without=sum((Counter(footer.without) for footer in footers), Counter()),
        started_at=min((footer.started_at for footer in footers), default=""),
        highest=max((footer.highest for footer in footers), default=-1),
        pace=tuple(
            sorted((footer.ended_at, footer.seconds, footer.requests) for footer in footers if footer.ended_at)
        ),
    )


def _refuse_overlap(known: Collection[tuple[Path, Footer]]) -> None:
    owned = [(item, path.name) for path, footer in known for item in footer.covers if len(item)]
    directory = next((path.parent for path, _ in known), None)
    owned.sort()
    for (first, path), (second, other) in pairwise(owned):
        if second.begin < first.end:
            raise OverlapError(
                f"{path} and {other} both count ids {second.begin} to {min(first.end, second.end) - 1}. Delete one"
                f" of the two files in {directory}, and start again: the crawl fetches the ids of the deleted file"
                " again"
            )
