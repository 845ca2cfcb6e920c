"""Pages that settle more than they show: which of them are to be asked into once more, and what confirms them.

Under load a proxy may mix up two requests, or a server answer one behind: the page of a far cursor, whole and
well-formed, would settle all that lies between.
"""

from __future__ import annotations

from bisect import bisect_left
from operator import sub
from typing import TYPE_CHECKING

from lifestats_crawler.ranges import IdRange

if TYPE_CHECKING:
    from collections.abc import Callable

    from lifestats_crawler.items import Tally

# A gap is improbable where so many records would be expected in it. Records at random ids leave a gap that wide
# with probability e^-x (Poisson): at 20.7 once in a thousand million gaps. A page's worth of records will do, so
# that what hides a page is found, but no fewer than 7, of which an honest page of five has one in two hundred
# times.
_MOST_EXPECTED = 20.7
_LEAST_EXPECTED = 7.0
_FEW_IDS = 2  # tell no density


def improbable(tally: Tally, asked: IdRange, limit: int, around: Callable[[IdRange], float]) -> IdRange | None:
    """Return the gap of a page that is to be asked into before the page counts; None for none.

    ``asked`` is from the cursor to the end of the chain, ``limit`` how many records a page has, and ``around``
    tells how many records a range is expected to have, by what pages around it have shown. A page without a
    record in what was asked for is always asked into, unless it names a cursor not far on.
    """
    ids = tally.ids[bisect_left(tally.ids, asked.begin) :]
    beyond = tally.next if tally.next is not None else (ids[-1] + 1 if ids else asked.begin)
    if ids and ids[0] >= asked.end:
        return IdRange(asked.begin, ids[0])
    least = min(_MOST_EXPECTED, max(_LEAST_EXPECTED, limit))
    if max(beyond, ids[-1] + 1 if ids else beyond) - asked.begin - len(ids) < least:
        return None  # all ids without a record together are too few
    edges = [asked.begin - 1, *ids, max(beyond, ids[-1] + 1 if ids else beyond)]
    widths = list(map(sub, edges[1:], edges))
    widest = max(widths)
    if widest - 1 < least:  # there are no more records than ids
        return None
    at = widths.index(widest)
    gap = IdRange(edges[at] + 1, edges[at + 1])
    if len(ids) >= _FEW_IDS:
        inner = widest if 0 < at < len(ids) else 0
        own = (len(ids) - 1) / max(1, ids[-1] - ids[0] - inner)
        if own * len(gap) < least:
            return None
    return gap if around(gap) >= least else None


def confirms(tally: Tally, gap: IdRange, again: Tally) -> bool:
    """Tell whether a second answer, asked where a gap begins, shows the same record next, or neither has one."""
    ours, theirs = (next((an_id for an_id in one.ids if an_id >= gap.begin), None) for one in (tally, again))
    if ours is not None or theirs is None:
        return ours == theirs and (theirs is not None or not again.ids)
    return theirs >= gap.end
