"""The virtual schedule that keeps the pace. Pure: the time is an argument, in seconds."""

from __future__ import annotations

from collections import deque
from math import ceil


class Pacer:
    """Hand out places at a rate, never more than ``rate`` of them in a second.

    Places are booked on a virtual schedule, one every ``1 / rate`` seconds, so that a departure
    that was late does not push back those behind it. What left is kept in a log, and a departure
    that would be one too many within the window waits until the oldest is out of it.

    The schedule is the generic cell rate algorithm in its virtual scheduling form, without
    tolerance (ITU-T I.371, annex A); the log is a sliding window log.
    """

    def __init__(self, rate: float, slack: float = 0.01) -> None:
        """Pace ``rate`` departures per second, judged over a second and a little more.

        ``slack`` is that little more, as a share of the window: what leaves here within a
        second and a bit arrives within a second, after the jitter of a network in between.
        """
        self._interval = 1 / rate
        self._next_place = float("-inf")
        places = ceil(rate)
        self._window = places * self._interval * (1 + slack)
        self._departures: deque[float] = deque(maxlen=places)

    def reserve(self, now: float) -> float:
        """Book the next place, and return the seconds to wait for it."""
        place = max(now, self._next_place)
        self._next_place = place + self._interval
        return place - now

    def depart(self, now: float) -> float:
        """Leave now if the window has room: return 0, or the seconds after which to try again."""
        if len(self._departures) == self._departures.maxlen:
            wait = self._departures[0] + self._window - now
            if wait > 0:
                return wait
        self._departures.append(now)
        return 0.0
