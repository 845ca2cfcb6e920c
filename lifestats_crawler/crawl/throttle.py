"""How long all chains wait after a server has asked for a pause: as it says, else backoff. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from lifestats_crawler.api import answers, throttling
from lifestats_crawler.downloader import backoff

if TYPE_CHECKING:
    from random import Random

    from lifestats_crawler.items import Answer

_LEAST_LATENCY_SECONDS = 0.1  # of an answer that came at once


@dataclass(frozen=True, slots=True)
class Pause:
    """What follows from an answer, for every request."""

    #: For how many seconds from now on none may leave; 0 for no pause.
    seconds: float = 0.0
    #: Whether the server refuses again as soon as requests are under way, and answers others: fewer at once help.
    is_crowded: bool = False
    #: Whether nothing but a stricter way to count explains the refusal.
    is_unexplained: bool = False


_NONE = Pause()


class Throttle:
    """Takes every answer, and tells how long the server wants no request.

    One burst of refusals is one refusal. Requests that left before a pause began are refused without having known
    of it: their refusals do not count, and only a time in them that ends later makes the pause longer. Of refusals
    that come after a pause, each without a time and with no good answer in between, every one makes for a longer
    pause than the one before.
    """

    def __init__(self, random: Random, window: float = 1.0) -> None:
        """Wait for a random time where the server names none.

        ``window`` is the time that the rate limit counts requests in, in seconds: a server that wants a longer
        pause has another reason.
        """
        self._random = random
        self._window = window
        self._began = self._ends = -inf  # the latest pause
        # When each of those in a row began, and whether its refusal was without a time.
        self._row: list[tuple[float, bool]] = []
        self._is_answered = False  # since then
        self._latency = 0.0
        #: Until when the server has told to wait, at the latest; -inf if it never did.
        self.told_until = -inf

    @property
    def refused_since(self) -> float | None:
        """Since when every request that has left is refused; None where the latest was not."""
        return self._row[0][0] if self._row else None

    def take(self, answer: Answer, now: float) -> Pause:
        """Take note of an answer, ``now`` in seconds of the clock of its ``left_at``."""
        if throttling.is_throttled(answer):
            return self._refused(answer, now)
        if answer.status in answers.SUCCESSES:
            self._is_answered = True
            self._latency = answer.seconds
            # It knew of the pauses before it left, and ends their row.
            if self._row:
                self._row = [pause for pause in self._row if pause[0] > answer.left_at]
        return _NONE

    def refused_for(self, now: float) -> float:
        """Return for how many seconds every request has been refused, beyond the times that were told."""
        return 0.0 if self.refused_since is None else max(0.0, now - max(self.refused_since, self.told_until))

    def _refused(self, answer: Answer, now: float) -> Pause:
        told = throttling.told(answer)
        if told is not None:
            self.told_until = max(self.told_until, now + told)
        if answer.left_at < self._began:
            seconds = told if told is not None and now + told > self._ends else 0.0
            self._ends = max(self._ends, now + seconds)
            return Pause(seconds)
        soon = self._ends + max(self._latency, _LEAST_LATENCY_SECONDS)
        self._row.append((now, told is None))
        is_crowded = self._is_answered and answer.left_at <= soon
        is_unexplained = not is_crowded and throttling.is_bare(answer, self._window)
        pause = Pause(self._seconds(told), is_crowded, is_unexplained)
        self._is_answered = False
        self._began, self._ends = now, now + pause.seconds
        return pause

    def _seconds(self, told: float | None) -> float:
        if told is not None:
            return told
        return backoff.full_jitter(sum(is_bare for _, is_bare in self._row), self._random)
