"""What travels: the answer to a request on its way in, and the tally of a page on its way out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lifestats_crawler.ranges import IdRange

Key = int | str


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
