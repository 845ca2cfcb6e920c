"""How many chains a crawl needs to hold its pace, and when it needs more. Pure: the time is an argument."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifestats_crawler.config.model import Config
    from lifestats_crawler.crawl.frontier import Chain, Frontier
    from lifestats_crawler.downloader.pacer import Pacer

LOOK_AHEAD_SECONDS = 0.05  # between two looks
_LATENCY_SECONDS = 4
#: Questions under way beside the chains, at most: audits of the opening, proofs, claims and the witness.
MOST_TALKS = 64
_FEW_SHARE = 0.1  # of the chains


def most_chains(config: Config) -> int:
    """Return how many chains there may be: enough to hold the rate at a latency of four seconds (Little's law)."""
    return max(config.subsets, ceil(_LATENCY_SECONDS * (config.rate_limit or 0)))


def more_chains(frontier: Frontier, pacer: Pacer, answered: int, now: float) -> Iterator[Chain]:
    """Yield chains for the places until the next look that no chain is going to take.

    As many as the rate and the server's latency take (Little's law), without knowing either. Only if
    every chain waits for the server or for its place, but for a few whose own page has failed: with
    one that AutoThrottle holds back, or with a server in trouble, more of them would only get company.
    ``answered`` is how many requests have been answered.
    """
    resting = frontier.resting(now)
    moving = pacer.booked - answered + resting
    is_well = resting <= _FEW_SHARE * len(frontier)
    if is_well and 0 < len(frontier) <= moving and (places := pacer.free_places(now, LOOK_AHEAD_SECONDS)):
        yield from frontier.grow(places)
