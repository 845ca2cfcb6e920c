"""How long to wait before a failed page is asked for again. Pure: randomness is an argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

FIRST_SECONDS = 0.5
MOST_SECONDS = 30.0
_DOUBLINGS = 10  # and it is beyond that


def full_jitter(failures: int, random: Random) -> float:
    """Return the seconds to wait after the n-th failure in a row (1 for the first).

    Exponential backoff with full jitter: evenly random between nothing and a bound that doubles
    with each failure (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
    """
    return random.uniform(0, min(MOST_SECONDS, FIRST_SECONDS * 2.0 ** min(failures - 1, _DOUBLINGS)))
