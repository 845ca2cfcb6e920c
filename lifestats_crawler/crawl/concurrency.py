"""How many requests may be under way at once: as many as the server takes. Pure: the time is an argument."""

from __future__ import annotations

from collections import deque
from math import inf

_WINDOW = 100  # answers
_TOLERATED_SHARE = 0.05  # of them: a connection is lost now and then, whatever the load
_LEAST_LOST = 2
_PATIENT_ROUNDS = 50  # next to what was too many; else one
_HALF, _THREE_QUARTERS = 0.5, 0.75


class Concurrency:
    """Additive increase, multiplicative decrease.

    There is no limit until the first sign that the server takes fewer: more than one request in twenty whose
    connection is refused or lost, or whose answer does not come in time; or refusals that come back as soon as a
    pause is over (``Throttle``). Signs count beside good answers only: without any, the server is down, and fewer
    requests do not help. What left before the last decrease is the same sign. The limit is halved; where it had
    been raised since, it was nearly right, and a quarter is enough. Each round of good answers at the limit makes
    it one more; next to what was too many the last time that takes many rounds.

    The rule: D. Chiu, R. Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance in
    Computer Networks", 1989; V. Jacobson, "Congestion Avoidance and Control", 1988. To raise the limit only while
    it is used up: RFC 7661. To approach slowly what was too many: CUBIC, RFC 9438.
    """

    def __init__(self, most: float = inf) -> None:
        """Begin without a limit of the server's; ``most`` is that of the user or of this process."""
        self._most = most
        #: How many requests may be inside; None for any number.
        self.limit: int | None = None
        #: How many are inside: they have a connection, or wait for one or for their place in the pace.
        self.inside = 0
        #: How many of these have a connection, or connect.
        self.under_way = 0
        self._outcomes: deque[bool] = deque(maxlen=_WINDOW)  # since the last decrease
        self._decreased_at = -inf
        self._is_answered = False  # since then
        self._is_raised = False
        self._too_many = inf
        self._credit = 0

    @property
    def has_room(self) -> bool:
        """Tell whether one more request may go inside."""
        return self.inside < self.most

    @property
    def most(self) -> float:
        """How many may be under way, whoever sets the limit; infinite without one."""
        return self._most if self.limit is None else min(self._most, self.limit)

    @property
    def may_leave(self) -> bool:
        """Tell whether one of those inside may connect: after a decrease more are inside than there should be."""
        return self.under_way < self.most

    def good(self) -> bool:
        """Take note of a good answer, before its request is no longer under way; tell whether the limit rose."""
        self._is_answered = True
        self._outcomes.append(True)
        if self.limit is None or self.under_way < self.limit:
            return False
        self._credit += 1
        is_near = self._too_many - 1 <= self.limit <= self._too_many
        if self._credit < self.limit * (_PATIENT_ROUNDS if is_near else 1):
            return False
        self.limit += 1
        self._is_raised = True
        self._credit = 0
        return True

    def lost(self, began: float, now: float) -> bool:
        """Take note of a request without an answer, and tell whether the limit is lower now.

        Its connection was refused or lost, or there was no answer in time. ``began`` is when it left, or else when
        it began to connect.
        """
        if not self._is_answered or began < self._decreased_at:
            return False
        self._outcomes.append(False)
        lost = self._outcomes.count(False)
        if lost < _LEAST_LOST or lost <= _TOLERATED_SHARE * len(self._outcomes):
            return False
        return self._decrease(now)

    def crowded(self, left_at: float, now: float) -> bool:
        """Take note of a refusal of one too many (``Pause.is_crowded``); tell whether the limit is lower."""
        if not self._is_answered or left_at < self._decreased_at:
            return False
        return self._decrease(now)

    def _decrease(self, now: float) -> bool:
        many = self.under_way if self.limit is None else self.limit
        self._outcomes.clear()
        if many <= 1:
            return False
        self.limit = int(many * (_THREE_QUARTERS if self._is_raised else _HALF))
        self._too_many = many
        self._decreased_at = now
        self._is_answered = self._is_raised = False
        self._credit = 0
        return True
