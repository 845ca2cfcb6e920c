"""How long every chain waits after a server has asked for a pause: as it says, else backoff. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifestats_crawler.api.answers import TOO_MANY_REQUESTS
from lifestats_crawler.downloader import backoff

if TYPE_CHECKING:
    from random import Random

    from lifestats_crawler.items import Answer


class Throttle:
    """Counts the pauses in a row for which the server has named no time: each is longer than the one before."""

    def __init__(self, random: Random) -> None:
        """Wait for a random time where the server names none."""
        self._random = random
        self._in_a_row = 0

    def relax(self) -> None:
        """Take note of an answer that asks for no pause."""
        self._in_a_row = 0

    def wait(self, answer: Answer, told: float | None) -> float:
        """Return the seconds for which no request may leave, 0 for no pause.

        ``told`` is the time in the answer. Without it, a 503 pauses one page, and a 429 pauses all chains.
        """
        if told is None and answer.status == TOO_MANY_REQUESTS:
            self._in_a_row += 1
            return backoff.full_jitter(self._in_a_row, self._random)
        return told or 0.0
