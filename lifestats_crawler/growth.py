"""When a crawl needs more chains to hold its pace. Pure: the time is an argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifestats_crawler.frontier import Chain, Frontier
    from lifestats_crawler.pacer import Pacer

LOOK_AHEAD = 0.05  # seconds between two looks


def more_chains(frontier: Frontier, pacer: Pacer, answers: int, now: float) -> Iterator[Chain]:
    """Yield chains for the places until the next look that no chain is going to take.

    As many as the rate and the server's latency take (Little's law), without knowing either. Only if
    every chain waits for the server or for its place: with one that is held back by AutoThrottle or
    its own backoff, more of them would only get company. ``answers`` is how many requests have been
    answered.
    """
    moving = pacer.booked - answers
    if 0 < len(frontier) <= moving and (places := pacer.free_places(now, LOOK_AHEAD)):
        yield from frontier.grow(places)
