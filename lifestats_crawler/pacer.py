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

    def __init__(self, rate: float | None, slack: float = 0.01) -> None:
        """Pace ``rate`` departures per second, judged over a second and a little more.

        ``slack`` is that little more, as a share of the window: what leaves here within a
        second and a bit arrives within a second, after the jitter of a network in between.
        Without a rate every place is now, and only ``hold`` makes anybody wait.
        """
        self._interval = 1 / rate if rate else 0.0
        places = ceil(rate) if rate else 1
        self._window = places * self._interval * (1 + slack)
        self._departures: deque[float] = deque(maxlen=places)
        self._next_place = float("-inf")
        self._held_until = float("-inf")

    def reserve(self, now: float) -> float:
        """Book the next place, and return the seconds to wait for it."""
        place = max(now, self._next_place, self._held_until)
        self._next_place = place + self._interval
        return place - now

    def depart(self, now: float) -> float:
        """Leave now if that is allowed: return 0, or the seconds after which to try again."""
        if now < self._held_until:
            return self.reserve(now)
        if self._interval and len(self._departures) == self._departures.maxlen:
            wait = self._departures[0] + self._window - now
            if wait > 0:
                return wait
        self._departures.append(now)
        return 0.0

    def hold(self, until: float) -> None:
        """Let nobody leave before ``until``, whatever place they have; they book again from there."""
        self._held_until = max(self._held_until, until)
