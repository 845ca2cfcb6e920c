"""Audits: a settled range is asked again in parts, to find an API that does not do what is said of it. Pure.

What a part shows must be what the whole showed there. An API that answers with other records than the nearest
ones, a cache that leaves the cursor out of its key, ids in another order, rows dropped after the limit: all of
them answer a part otherwise than the whole, and an honest one never does.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise
from typing import TYPE_CHECKING

from lifestats_crawler.crawl.talk import Question, compared
from lifestats_crawler.ranges import IdRange

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from random import Random

    from lifestats_crawler.crawl.talk import Heard, Look
    from lifestats_crawler.items import Answer, Tally


@dataclass(frozen=True, slots=True)
class Shown:
    """What an answer to a question at ``first`` has shown: ids from there on, and where the next page begins."""

    first: int
    ids: Sequence[int]
    #: The end of what it speaks for: its next cursor, or behind its last id where it names none.
    end: int
    #: Whether the answer had any record, from before ``first`` included.
    has_any: bool = True
    #: Whether it names a next cursor itself.
    names_next: bool = False

    @classmethod
    def of(cls, first: int, tally: Tally) -> Shown:
        """Take it from the tally of an answer."""
        ids = tally.ids[bisect_left(tally.ids, first) :]
        end = tally.next if tally.next is not None else (ids[-1] + 1 if ids else first)
        return cls(first, ids, end, bool(tally.ids), tally.next is not None)


class Outcome(Enum):
    """What an audit has come to."""

    #: No part had an answer that can be compared.
    UNHEARD = auto()
    AGREED = auto()
    #: A part differed, and when both were asked once more it did not.
    AGREED_LATER = auto()
    DIFFERS = auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of an audit."""

    outcome: Outcome
    #: What was seen, where something differed.
    seen: str = ""
    #: The later answer to the whole, where it was asked once more.
    whole: Answer | None = None
    #: Whether what differed at first was a part without any record, as while a server is away.
    was_empty: bool = False


def widest_gap(page: Shown) -> IdRange:
    """Return the most ids in a row that a page shows no record for; empty without any."""
    edges = [page.first - 1, *page.ids, max(page.end, page.ids[-1] + 1 if page.ids else page.first)]
    widths = [after - before for before, after in pairwise(edges)]
    at = widths.index(max(widths))
    return IdRange(edges[at] + 1, edges[at + 1])


def parts(page: Shown, random: Random, *, is_inclusive: bool) -> list[int]:
    """Return where to ask: from a random record, and from inside the widest gap if there is one.

    Where the cursor is exclusive, the first is after a record, so that what is sent is that record's own id.
    """
    chosen = []
    if is_inclusive and page.ids:
        chosen.append(random.choice(page.ids))
    elif len(page.ids) > 1:
        chosen.append(random.choice(page.ids[:-1]) + 1)
    gap = widest_gap(page)
    inside = IdRange(max(gap.begin, page.first + 1), gap.end)
    if len(inside):
        chosen.append(random.randrange(inside.begin, inside.end))
    return chosen


@dataclass(frozen=True, slots=True)
class Difference:
    """How a part differs from the whole."""

    #: Ids that one of the two shows and the other does not.
    ids: frozenset[int]
    seen: str
    #: Whether the part shows no record at all.
    is_empty: bool = False


def difference(page: Shown, part: Shown) -> Difference | None:
    """Return how a part differs from the whole, up to the part's last id or the page's end; None if not.

    Fewer records than asked for are not wrong. A part without any record is wrong only where the page shows a
    record in it, and the part names no next cursor up to that.
    """
    expected = page.ids[bisect_left(page.ids, part.first) :]
    if not part.ids:
        if part.has_any or not expected or (part.names_next and part.end <= expected[0]):
            return None
        seen = f"a request at {part.first} shows no record, one at {page.first} shows {expected[0]}"
        return Difference(frozenset(expected), seen, is_empty=True)
    end = min(part.ids[-1] + 1, page.end)
    ours, theirs = ({an_id for an_id in ids if part.first <= an_id < end} for ids in (page.ids, part.ids))
    if ours == theirs:
        return None
    odd = min(ours ^ theirs)
    does, does_not = (part.first, page.first) if odd in theirs else (page.first, part.first)
    return Difference(frozenset(ours ^ theirs), f"a request at {does} shows id {odd}, one at {does_not} does not")


def smaller_limit(limit: int, random: Random) -> int:
    """Return how many records a part is asked for."""
    return random.randint(1, limit - 1) if limit > 1 else 1


def audit(
    page: Shown, look: Look, limit: int, random: Random, *, is_inclusive: bool
) -> Generator[Question, Heard, Verdict]:
    """Ask for a page's range in parts, and compare.

    Where a part differs, whole and part are both asked once more, on other connections, for a record may have
    come or gone; only ids that differ then, too, count.
    """
    outcome = Outcome.UNHEARD
    for first in parts(page, random, is_inclusive=is_inclusive):
        smaller = smaller_limit(limit, random)
        part = compared(look, (yield Question(first, smaller)), first)
        if part is None:
            continue
        before = difference(page, Shown.of(first, part))
        if before is None:
            outcome = Outcome.AGREED
            continue
        heard = yield Question(page.first, on_new_connection=True)
        whole = compared(look, heard, page.first)
        part = compared(look, (yield Question(first, smaller, on_new_connection=True)), first)
        if whole is None or part is None:
            continue
        after = difference(Shown.of(page.first, whole), Shown.of(first, part))
        if after and before.ids & after.ids:
            return Verdict(Outcome.DIFFERS, after.seen)
        return Verdict(Outcome.AGREED_LATER, whole=heard.answer, was_empty=before.is_empty)
    return Verdict(outcome)
