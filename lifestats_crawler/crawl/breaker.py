"""The circuit breaker: when to stop asking a server that mostly fails. Pure."""

from __future__ import annotations

from collections import deque


class Breaker:
    """Open when too large a share of the last first tries have failed, beside good answers.

    The window is wide enough for one burst of failures from everything under way at once to pass
    (M. Nygard, "Release It!", the circuit breaker pattern; here it never closes again, because
    the crawl ends and can be continued). Later tries, last tries and narrowing are not recorded: they ask where it
    is known that answers fail.
    """

    def __init__(self, limit: float, window: int) -> None:
        """Open above a share of ``limit`` of ``window`` answers."""
        self._most = limit * window
        self._outcomes: deque[bool] = deque(maxlen=window)
        self._failures = 0

    def record(self, *, success: bool) -> None:
        """Take note of how a request went."""
        if len(self._outcomes) == self._outcomes.maxlen:
            self._failures -= not self._outcomes[0]
        self._outcomes.append(success)
        self._failures += not success

    @property
    def is_open(self) -> bool:
        """Tell whether to stop."""
        return self._failures > self._most

    @property
    def failures(self) -> str:
        """Say how many of how many answers failed."""
        return f"{self._failures} of the last {len(self._outcomes)} first tries"
