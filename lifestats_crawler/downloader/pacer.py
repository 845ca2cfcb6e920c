"""The virtual schedule that keeps the pace. Pure: the time is an argument, in seconds."""

from __future__ import annotations

from collections import deque
from math import ceil, inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Shares of the window: 99.8 % of the rate, 99.3 % and 98 %. Each is tried after the one before.
SLACKS = (0.002, 0.007, 0.02)
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

    def __init__(self, rate: float | None, *, is_strict: bool = False, slack: float | None = None) -> None:
        """Pace ``rate`` departures per second, judged over a second and a little more.

        That little more, the slack, is for what leaves here within a second and a bit and arrives within a
        second, after the jitter of a network in between: 2 ms, strictly 7, or more if ``widen`` has found out so
        before: then ``slack`` is what it came to, as a share of the window.
        Without a rate every place is now, and only ``hold`` makes a request wait.
        """
        self._interval = 1 / rate if rate else 0.0
        places = ceil(rate) if rate else 1
        #: How long a stretch of time may not have more departures than places, without the slack, in seconds.
        self.window = places * self._interval
        self._slack = max(SLACKS[1] if is_strict else SLACKS[0], slack or 0.0)
        self._is_learnt = self._slack == slack
        self._widened_at = float("-inf")
        self._departures: deque[float] = deque(maxlen=places)
        self._next_place = float("-inf")
        self._held_until = float("-inf")
        self._when_resumed: list[Callable[[float], None]] = []
        #: Whether no request may leave until ``resume``, but those that go through.
        self.is_paused = False
        #: How many have asked for a place so far, and how many have left.
        self.booked = self.departed = 0

    @property
    def learnt_slack(self) -> float | None:
        """The slack that this server has turned out to need; None where nothing was learnt."""
        return self._slack if self._is_learnt else None

    def widen(self, left_at: float, now: float) -> float | None:
        """Take note that the server has refused a request as one too many, although the pace was kept.

        Return the slack from now on as a share of the window. None where it stays: for a request that left before
        it grew the last time, and where it is as large as it may be.
        """
        larger = next((slack for slack in SLACKS if slack > self._slack), None)
        if not self._interval or larger is None or left_at <= self._widened_at:
            return None
        self._slack, self._is_learnt, self._widened_at = larger, True, now
        return larger

    @property
    def _least_gap(self) -> float:
        """How far apart two departures are at least, in seconds."""
        gap = self._interval / _CATCH_UP_FACTOR
        # Strictly, the window has room for what a server takes for a burst.
        return gap if gap > _TIMER_SECONDS and self._slack == SLACKS[0] else 0.0

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
                wait = max(wait, self._departures[0] + self.window * (1 + self._slack) - now)
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
