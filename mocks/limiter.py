"""A limit as servers have it: so many requests in any sliding second, counted as they arrive."""

from __future__ import annotations

from collections import deque

_WINDOW_SECONDS = 1.0


class SlidingLimit:
    """Admits a request if fewer than ``most`` were admitted in the second before it.

    >>> limit = SlidingLimit(2)
    >>> [limit.admits(at) for at in (0.0, 0.5, 0.99, 1.0, 1.4, 1.5)]
    [True, True, False, True, False, True]
    """

    def __init__(self, most: int) -> None:
        """Begin with no request admitted."""
        self._most = most
        self._admitted: deque[float] = deque()

    def admits(self, at: float) -> bool:
        """Tell whether a request that arrives at ``at``, in seconds of one clock, is within the limit."""
        while self._admitted and self._admitted[0] <= at - _WINDOW_SECONDS:
            self._admitted.popleft()
        if len(self._admitted) >= self._most:
            return False
        self._admitted.append(at)
        return True
