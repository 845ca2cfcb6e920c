"""What travels: the answer to a request on its way in, and the tally of a page on its way out."""

from __future__ import annotations

from dataclasses import dataclass, field
from sys import getsizeof
from typing import TYPE_CHECKING

from lifestats_crawler.ranges import IdRange

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lifestats_crawler.exceptions import Cause

Key = int | str
#: Ids that a crawl gave up: begin, end and the reason.
GivenUp = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request got."""

    #: 0 where no answer came.
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    #: From its departure to the headers of the answer.
    seconds: float = 0.0
    #: Why there is no answer; empty if there is one.
    error: str = ""
    #: The kind of that; None where there is an answer, or where it is of no kind.
    cause: Cause | None = None
    #: When the request left, in seconds of the monotonic clock that the pacer is told; 0 if it never did.
    left_at: float = 0.0
    #: When the answer came, in seconds since 1970.
    at: float = 0.0
    #: The number of the connection that it came on; 0 where that is not known.
    connection: int = 0

    @property
    def location(self) -> str:
        """Where a redirect points to; empty without one."""
        return self.headers.get("Location", "")


@dataclass(frozen=True, slots=True)
class Tally:
    """What a page adds: its counts, and the range it settles."""

    settles: IdRange
    #: Per counter, the value found in each record of the settled range.
    keys: Mapping[str, Sequence[Key]] = field(default_factory=dict)
    #: How many records lie in the settled range.
    records: int = 0
    #: Where the next page starts; None claims that no id after ``highest`` exists.
    next: int | None = None
    #: Per counter with ``missing: skip``, how many of these records are without its field.
    without: Mapping[str, int] = field(default_factory=dict)
    #: Per counter with ``label``, the names that the records give to values.
    labels: Mapping[str, Mapping[Key, str]] = field(default_factory=dict)
    #: The highest id of the page that lies in the id space, settled or not.
    highest: int | None = None
    #: Every id that the page shows, ascending, settled or not.
    ids: Sequence[int] = ()
    #: The ids in the settled range whose records cannot be counted, with the reason: these are not settled.
    faulty: Mapping[int, str] = field(default_factory=dict)
    #: How many entries of the list of records are null: passed over.
    nulls: int = 0
    #: What is settled by a claim that nothing follows, and not by records; it lies outside of ``settles``.
    claims: IdRange | None = None

    @property
    def bytes(self) -> int:
        """About how many bytes of memory its values take."""
        return sum(getsizeof(key) for keys in self.keys.values() for key in keys)

    @property
    def parts(self) -> list[IdRange]:
        """The settled range without the ids of faulty records."""
        if not self.faulty:
            return [self.settles] if len(self.settles) else []
        begins = [self.settles.begin, *(an_id + 1 for an_id in sorted(self.faulty))]
        ends = [*sorted(self.faulty), self.settles.end]
        return [IdRange(begin, end) for begin, end in zip(begins, ends, strict=True) if begin < end]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a crawl has done so far beside counting: segments say it, each for its own time."""

    #: How many requests it has made, and how many of them asked for a page again.
    requests: int = 0
    retries: int = 0
    #: How many settled ranges it has asked again in parts, and in how many of them the parts differed.
    audited: int = 0
    differing: int = 0
    #: The ids that it will not ask for any more.
    given_up: tuple[GivenUp, ...] = ()
    #: Whether the API does what the configuration says: proven, refuted, or not known.
    proven: bool | None = None
    #: How many answers there were of each kind, and how many with a good status were not believed, by reason.
    answers: Mapping[str, int] = field(default_factory=dict)
    faults: Mapping[str, int] = field(default_factory=dict)
    #: For how many seconds no request left, by cause.
    paused: Mapping[str, float] = field(default_factory=dict)
    #: The last lines of the log that were errors.
    errors: tuple[str, ...] = ()
    #: How many requests an earlier crawl had made after its last segment, when it was killed; None where none was.
    killed_after: int | None = None
    #: What the pace has learnt of how strictly the server counts (``Pacer.widen``); None for nothing.
    slack: float | None = None
