"""What segments say of themselves: the ranges that their counts come from, and what footers add up to. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from lifestats_crawler.exceptions import NewerFormatError, OverlapError, StorageError
from lifestats_crawler.ranges import IdRange, in_two, missing, missing_from_each, union
from lifestats_crawler.storage.source import Job, from_format_1

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from lifestats_crawler.items import GivenUp

#: What a footer says of itself; a change of what it holds makes a new number. 2: the id space beside the source.
#: 3: claims, audits and what was given up; the checksum of the file covers every byte.
#: 4: the records of each range; what the crawl has met (answers, pauses, errors); how strictly the server counts.
FORMAT = 4
_MOST_ERRORS = 10

Number = TypeVar("Number", int, float)


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
    #: The highest id that its pages have shown, settled or not, also one beyond the space; -1 without one.
    highest: int = -1
    #: What was settled by a claim that nothing follows, and not by records: it may be refuted by any segment.
    claims: tuple[IdRange, ...] = ()
    #: How many records lie in each of the covers; empty where that is not known.
    records_of: tuple[int, ...] = ()
    #: How many ranges were asked again in parts, and in how many of them the parts differed.
    audited: int = 0
    differing: int = 0
    #: What its crawl has given up.
    given_up: tuple[GivenUp, ...] = ()
    #: Whether its crawl has proven that the API does what the configuration says; None where it has not tried.
    proven: bool | None = None
    #: How many answers there were of each kind, and how many with a good status were not believed, by reason.
    answers: Mapping[str, int] = field(default_factory=dict)
    faults: Mapping[str, int] = field(default_factory=dict)
    #: For how many seconds no request left, by cause.
    paused: Mapping[str, float] = field(default_factory=dict)
    #: Lines of the log that were errors.
    errors: tuple[str, ...] = ()
    #: How many requests an earlier crawl had made after its last segment, when it was killed; None where none was.
    killed_after: int | None = None
    #: What the pace had learnt of how strictly the server counts, a share of its window; None for nothing.
    slack: float | None = None

    @property
    def pieces(self) -> Iterator[tuple[IdRange, float]]:
        """The covers, and how many records are in each; where that is not known, they are spread evenly."""
        if self.records_of:
            yield from zip(self.covers, self.records_of, strict=True)
            return
        ids = sum(map(len, self.covers))
        for part in self.covers:
            yield part, self.records * len(part) / ids

    @property
    def job(self) -> Job:
        """What its run counts."""
        return Job(self.source, self.space)

    def is_of(self, job: Job) -> bool:
        """Tell whether it counts the same source, and covers no id outside the space of a job."""
        space = job.space
        ranges = (*self.covers, *self.claims)
        is_within = all(space.begin <= item.begin and item.end <= space.end for item in ranges)
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
    #: The highest id that exists for sure, also one beyond the space; -1 without one.
    highest: int = -1
    #: (end, seconds, requests) of each segment, in the order of time.
    pace: tuple[tuple[str, float, int], ...] = ()
    #: What is settled only by claims that nothing has refuted yet; no part of the covers.
    claims: tuple[IdRange, ...] = ()
    #: How many ranges were asked again in parts, and in how many of them the parts differed.
    audited: int = 0
    differing: int = 0
    #: What is not settled because it was given up, with the newest reason; in order.
    given_up: tuple[GivenUp, ...] = ()
    #: What was given up in two starts or more.
    given_up_twice: tuple[IdRange, ...] = ()
    #: As in the footers, added up; of the errors the last ones.
    answers: Mapping[str, int] = field(default_factory=dict)
    faults: Mapping[str, int] = field(default_factory=dict)
    paused: Mapping[str, float] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    #: How many crawls were killed, as far as is known, and what they had requested after their last segments.
    slack: float | None = None
    #: Ranges, and how many records are in each: the covers in pieces, and what is settled by claims.
    pieces: tuple[tuple[IdRange, float], ...] = ()
    killed: int = 0
    killed_after: int = 0
    #: Whether the last crawl that knew has found that the API does not do what the configuration says.
    is_misconfigured: bool = False

    @property
    def settled(self) -> tuple[IdRange, ...]:
        """The covers, and the claims that stand."""
        return tuple(union((*self.covers, *self.claims)))

    @property
    def ids(self) -> int:
        """How many ids are settled."""
        return sum(map(len, (*self.covers, *self.claims)))

    @property
    def saved_at(self) -> str:
        """When the last segment was done, ISO 8601; empty without one."""
        return self.pace[-1][0] if self.pace else ""

    def is_done(self, space: IdRange) -> bool:
        """Tell whether ids of a space are missing that were all given up in two starts.

        >>> lacking = Settled(covers=(IdRange(0, 9),), given_up_twice=(IdRange(9, 10),))
        >>> [lacking.is_done(IdRange(0, end)) for end in (9, 10, 11)]
        [False, True, False]
        """
        left = list(missing(space, self.settled))
        return bool(left) and not any(missing_from_each(left, self.given_up_twice))


def encode(footer: Footer) -> bytes:
    """Write a footer as JSON of the present format."""
    ranges = {
        "space": [footer.space.begin, footer.space.end],
        "covers": [[item.begin, item.end] for item in footer.covers],
        "claims": [[item.begin, item.end] for item in footer.claims],
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
    ranges = {key: tuple(IdRange(*bounds) for bounds in about.get(key, ())) for key in ("covers", "claims")}
    given_up = tuple((begin, end, reason) for begin, end, reason in about.get("given_up", ()))
    lists = {key: tuple(about.get(key, ())) for key in ("errors", "records_of")}
    footer = Footer(**about | ranges | lists | {"space": IdRange(*about["space"]), "given_up": given_up})
    if footer.records_of and len(footer.records_of) != len(footer.covers):
        raise ValueError("records_of has another length than covers")
    return footer


def add_up(known: Collection[tuple[Path, Footer]]) -> Settled:
    """Add up the footers of segments, in their order. Raises OverlapError that names two which overlap."""
    _refuse_overlap(known)
    return together([footer for _, footer in known])


def together(footers: Sequence[Footer]) -> Settled:
    """Add up footers in the order in which they were written, of which no two overlap."""
    covers = union(item for footer in footers for item in footer.covers)
    highest = max((footer.highest for footer in footers), default=-1)
    claims = standing((item for footer in footers for item in footer.claims), covers, highest)
    known = [footer.proven for footer in footers if footer.proven is not None]
    return Settled(
        covers=tuple(covers),
        records=sum(footer.records for footer in footers),
        pages=sum(footer.pages for footer in footers),
        requests=sum(footer.requests for footer in footers),
        retries=sum(footer.retries for footer in footers),
        seconds=sum(footer.seconds for footer in footers),
        without=_sums(footer.without for footer in footers),
        started_at=min((footer.started_at for footer in footers), default=""),
        highest=highest,
        pace=tuple(
            sorted((footer.ended_at, footer.seconds, footer.requests) for footer in footers if footer.ended_at)
        ),
        claims=tuple(claims),
        audited=sum(footer.audited for footer in footers),
        differing=sum(footer.differing for footer in footers),
        given_up=tuple(_given_up(footers, [*covers, *claims])),
        given_up_twice=tuple(in_two(_given_up_by_start(footers))),
        is_misconfigured=known[-1:] == [False],
        answers=_sums(footer.answers for footer in footers),
        faults=_sums(footer.faults for footer in footers),
        paused={cause: round(value, 3) for cause, value in _sums(footer.paused for footer in footers).items()},
        errors=tuple(line for footer in footers for line in footer.errors)[-_MOST_ERRORS:],
        pieces=(*(piece for footer in footers for piece in footer.pieces), *((claim, 0.0) for claim in claims)),
        slack=max((footer.slack for footer in footers if footer.slack is not None), default=None),
        killed=sum(footer.killed_after is not None for footer in footers),
        killed_after=sum(footer.killed_after or 0 for footer in footers),
    )


def _sums(mappings: Iterable[Mapping[str, Number]]) -> dict[str, Number]:
    """Add up the values of each key."""
    sums: dict[str, Number] = {}
    for mapping in mappings:
        for key, value in mapping.items():
            sums[key] = sums.get(key, 0) + value
    return sums


def standing(claims: Iterable[IdRange], covers: Iterable[IdRange], highest: int) -> list[IdRange]:
    """Return what is settled by claims alone: those with no id shown in them or past them, less the covers.

    >>> standing([IdRange(5, 20), IdRange(10, 20)], [IdRange(0, 12)], highest=7)
    [IdRange(begin=12, end=20)]
    """
    unrefuted = union(claim for claim in claims if claim.begin > highest)
    return [part for parts in missing_from_each(unrefuted, covers) for part in parts] if unrefuted else []


def _given_up(footers: Sequence[Footer], settled: Iterable[IdRange]) -> list[GivenUp]:
    """Return what is given up and not settled, each id with the reason of the newest footer that has it."""
    found: list[GivenUp] = []
    told = union(settled)
    for footer in reversed(footers):
        if not footer.given_up:
            continue
        ranges = [IdRange(begin, end) for begin, end, _ in footer.given_up]
        for (_, _, reason), parts in zip(footer.given_up, missing_from_each(ranges, told), strict=True):
            found += [(part.begin, part.end, reason) for part in parts]
        told = union([*told, *ranges])
    return _joined(sorted(found))


def _joined(given_up: Iterable[GivenUp]) -> list[GivenUp]:
    """Join what touches and has the same reason.

    >>> _joined([(0, 2, "a"), (2, 3, "a"), (3, 4, "b")])
    [(0, 3, 'a'), (3, 4, 'b')]
    """
    joined: list[GivenUp] = []
    for begin, end, reason in given_up:
        if joined and joined[-1][1:] == (begin, reason):
            begin = joined.pop()[0]  # noqa: PLW2901  # as one with the one before
        joined.append((begin, end, reason))
    return joined


def _given_up_by_start(footers: Iterable[Footer]) -> list[list[IdRange]]:
    """Return what each start of a crawl has given up."""
    starts: dict[str, list[IdRange]] = {}
    for footer in footers:
        starts.setdefault(footer.started_at, []).extend(IdRange(begin, end) for begin, end, _ in footer.given_up)
    return list(starts.values())


def _refuse_overlap(known: Collection[tuple[Path, Footer]]) -> None:
    # Plain integers: of a hundred thousand ranges the comparisons are what takes time.
    owned = [
        (item.begin, item.end, number)
        for number, (_, footer) in enumerate(known)
        for item in footer.covers
        if item.begin < item.end
    ]
    owned.sort()
    for (_, end, first), (begin, other_end, second) in pairwise(owned):
        if begin < end:
            (path, _), (other, _) = (list(known)[number] for number in (first, second))
            raise OverlapError(
                f"{path.name} and {other.name} both count ids {begin} to {min(end, other_end) - 1}. Delete one of"
                f" the two files in {path.parent}, and start again: the crawl fetches the ids of the deleted file"
                " again"
            )


def refuse_foreign(known: Collection[tuple[Path, Footer]], job: Job) -> None:
    """Raise StorageError for a segment that counts something else than a job, or ids outside its space."""
    for path, footer in known:
        if not footer.is_of(job):
            differs = job.difference(footer.job) or "its ids are outside the id space"
            raise StorageError(
                f"{path} is a segment of another run: {differs}. Move the file out of {path.parent}, or start the"
                " crawl again: a crawl of this run renames the file and fetches the ids that are then missing"
            )
