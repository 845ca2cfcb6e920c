"""When a crawl needs more chains to hold its pace. Pure: the time is an argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifestats_crawler.crawl.frontier import Chain, Frontier
    from lifestats_crawler.downloader.pacer import Pacer

LOOK_AHEAD = 0.05  # seconds between two looks
_FEW = 0.1  # of the chains


def more_chains(frontier: Frontier, pacer: Pacer, answered: int, now: float) -> Iterator[Chain]:
    """Yield chains for the places until the next look that no chain is going to take.

    As many as the rate and the server's latency take (Little's law), without knowing either. Only if
    every chain waits for the server or for its place, but for a few whose own page has failed: with
    one that AutoThrottle holds back, or with a server in trouble, more of them would only get company.
    ``answered`` is how many requests have been answered.
    """
    resting = frontier.resting(now)
    moving = pacer.booked - answered + resting
    is_well = resting <= _FEW * len(frontier)
    if is_well and 0 < len(frontier) <= moving and (places := pacer.free_places(now, LOOK_AHEAD)):
        yield from frontier.grow(places)
