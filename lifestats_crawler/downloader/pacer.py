"""The virtual schedule that keeps the pace. Pure: the time is an argument, in seconds."""

from __future__ import annotations

from collections import deque
from math import ceil, inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_SLACK_SHARE = 0.002  # of the window: 99.8 % of the rate
_STRICT_SLACK_SHARE = 0.007  # 99.3 % of it
_CATCH_UP_FACTOR = 4  # times the rate
_TIMER_SECONDS = 0.002  # timers are no finer


class Pacer:
    """Hand out places at a rate, never more than ``rate`` of them in a second.

    Places are booked on a virtual schedule, one every ``1 / rate`` seconds, so that a departure
    that was late does not push back those behind it. What left is kept in a log, and a departure
    that would be one too many within the window waits until the oldest is out of it. What is late
    catches up at four times the rate, if timers are so fine, and not all at once: a server takes its
    time with a burst, and would see the end of one and the beginning of the next in the same second.

    The schedule is the generic cell rate algorithm in its virtual scheduling form, without
    tolerance (ITU-T I.371, annex A); the log is a sliding window log.
    """

    def __init__(self, rate: float | None, *, is_strict: bool = False) -> None:
        """Pace ``rate`` departures per second, judged over a second and a little more.

        That little more is for what leaves here within a second and a bit and arrives within a
        second, after the jitter of a network in between: strictly 7 ms, otherwise 2.
        Without a rate every place is now, and only ``hold`` makes a request wait.
        """
        slack = _STRICT_SLACK_SHARE if is_strict else _SLACK_SHARE
        self._interval = 1 / rate if rate else 0.0
        places = ceil(rate) if rate else 1
        self._window = places * self._interval * (1 + slack)
        gap = self._interval / _CATCH_UP_FACTOR
        # Strictly, the window has room for what a server takes for a burst.
        self._least_gap = gap if gap > _TIMER_SECONDS and not is_strict else 0.0
        self._departures: deque[float] = deque(maxlen=places)
        self._next_place = float("-inf")
        self._held_until = float("-inf")
        self._when_resumed: list[Callable[[float], None]] = []
        #: Whether no request may leave until ``resume``, but those that go through.
        self.is_paused = False
        #: How many have asked for a place so far, and how many have left.
        self.booked = self.departed = 0

    def reserve(self, now: float, *, through: bool = False) -> float:
        """Book the next place, and return the seconds to wait for it: none for a request that goes ``through``."""
        self.booked += 1
        return 0.0 if through else self._book(now)

    def give_back(self) -> None:
        """Take note that a request does not use its place, and is to book another one later."""
        self.booked -= 1

    def rebook(self, now: float) -> float:
        """Book a place for a request whose own passed during a pause, and return the seconds to wait for it."""
        return self._book(now)

    def depart(self, now: float, *, through: bool = False) -> float:
        """Leave now if that is allowed: return 0, or the seconds after which to try again; infinite in a pause.

        A request that goes ``through`` leaves in spite of a hold or a pause, but not faster than the rate.
        """
        if not through:
            if self.is_paused:
                return inf
            if now < self._held_until:
                return self._book(now)
        if self._interval and self._departures:
            wait = self._departures[-1] + self._least_gap - now
            if len(self._departures) == self._departures.maxlen:
                wait = max(wait, self._departures[0] + self._window - now)
            if wait > 0:
                return wait
        self._departures.append(now)
        self.departed += 1
        return 0.0

    def free_places(self, now: float, seconds: float) -> float:
        """Return how many places of the next ``seconds`` are not booked yet; infinite without a rate."""
        if self.is_paused:
            return 0
        begin = max(now, self._next_place, self._held_until)
        open_for = now + seconds - begin
        if open_for <= 0:
            return 0
        return round(open_for / self._interval) if self._interval else inf

    def held_for(self, now: float) -> float:
        """Return the seconds for which no request may leave, because of a hold."""
        return max(0.0, self._held_until - now)

    def hold(self, until: float) -> None:
        """Let no request leave before ``until``, whatever place it has; requests book again from there."""
        self._held_until = max(self._held_until, until)

    def pause(self) -> None:
        """Let no request leave until ``resume``, but those that go through."""
        self.is_paused = True

    def resume(self, now: float) -> None:
        """Let requests leave again: those that ``depart`` has told to wait for this book again."""
        self.is_paused = False
        called, self._when_resumed = self._when_resumed, []
        for call in called:
            call(now)

    def when_resumed(self, call: Callable[[float], None]) -> None:
        """Call once, with the time, at the end of the pause."""
        self._when_resumed.append(call)

    def _book(self, now: float) -> float:
        place = max(now, self._next_place, self._held_until)
        self._next_place = place + self._interval
        return place - now
