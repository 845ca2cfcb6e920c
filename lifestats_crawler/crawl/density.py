"""How many records the ids hold, as far as pages have shown it. Pure."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, pairwise

from lifestats_crawler.ranges import IdRange

_PLACES = 1024
_NEWS_FACTOR = 1.02  # the share of pages more that make an estimate out of date


class Density:
    """Records per id over a range, measured in places of equal width.

    Between places that pages have shown it is interpolated; beyond them it is that of the nearest,
    and before the first page every id is taken to exist.
    """

    def __init__(self, whole: IdRange) -> None:
        """Know nothing yet of a range of ids."""
        self._whole = whole
        self._begin = whole.begin
        self._width = max(1.0, len(whole) / _PLACES)
        self._ids = [0.0] * _PLACES
        self._records = [0.0] * _PLACES
        self._pages = 0
        self._pages_estimated = -1
        self._cumulated: list[float] = []

    def show(self, ids: IdRange, records: float) -> None:
        """Take note of the records that a page, or an earlier crawl, has shown for the ids that it settles."""
        begin, end = max(ids.begin, self._whole.begin), min(ids.end, self._whole.end)
        if begin >= end:
            return
        each = records / (ids.end - ids.begin)
        self._pages += 1
        first, last = self._place(begin), self._place(end - 1)
        if first == last:
            self._ids[first] += end - begin
            self._records[first] += each * (end - begin)
            return
        for place in range(first, last + 1):
            left = begin if place == first else self._begin + place * self._width
            right = end if place == last else self._begin + (place + 1) * self._width
            self._ids[place] += right - left
            self._records[place] += each * (right - left)

    def records(self, ids: IdRange, here: float | None = None) -> float:
        """Estimate how many records the ids hold.

        ``here`` is what the last page has shown right before them: it is taken to go on to the end
        of the place, which may be hundreds of pages wide.
        """
        near = self._near(ids, here)
        return len(near) * (here or 0.0) + self._up_to(ids.end) - self._up_to(near.end)

    def after(self, records: float, ids: IdRange, here: float | None = None) -> int:
        """Return the id before which so many records of a range are, by the same estimate.

        >>> density = Density(IdRange(0, 2048))
        >>> density.show(IdRange(0, 512), 256)
        >>> density.show(IdRange(1536, 2048), 512)
        >>> density.records(IdRange(0, 512)), density.after(256, IdRange(0, 2048))
        (256.0, 512)
        """
        near = self._near(ids, here)
        if here and records <= len(near) * here:
            return ids.begin + round(records / here)
        wanted = self._up_to(near.end) + records - len(near) * (here or 0.0)
        place = min(max(bisect_right(self._cumulated, wanted) - 1, 0), _PLACES - 1)
        before, after = self._cumulated[place : place + 2]
        part = (wanted - before) / (after - before) if after > before else 0.0
        return min(max(self._begin + round((place + part) * self._width), ids.begin), ids.end)

    def _near(self, ids: IdRange, here: float | None) -> IdRange:
        """Return what ``here`` speaks for: nothing if it is not known."""
        end = self._begin + int((self._place(ids.begin) + 1) * self._width)
        return IdRange(ids.begin, ids.begin if here is None else max(ids.begin, min(end, ids.end)))

    def _place(self, an_id: int) -> int:
        return min(max(int((an_id - self._begin) / self._width), 0), _PLACES - 1)

    def _up_to(self, an_id: int) -> float:
        """Estimate the records from the beginning of the whole up to an id."""
        if self._pages > self._pages_estimated * _NEWS_FACTOR:
            self._estimate()
        place = self._place(an_id)
        before, after = self._cumulated[place : place + 2]
        part = min(1.0, (an_id - self._begin) / self._width - place)
        return before + part * (after - before)

    def _estimate(self) -> None:
        self._pages_estimated = self._pages
        known = [place for place, ids in enumerate(self._ids) if ids]
        densities = [1.0] * _PLACES
        if known:
            at = {place: self._records[place] / self._ids[place] for place in known}
            densities = [at[known[0]]] * known[0]
            for left, right in pairwise(known):
                step = (at[right] - at[left]) / (right - left)
                densities += [at[left] + step * away for away in range(right - left)]
            densities += [at[known[-1]]] * (_PLACES - known[-1])
        self._cumulated = list(accumulate((density * self._width for density in densities), initial=0.0))
