"""Servers with one kind of trouble each, and what a crawl of them may leave out.

python -m tests.simulation --kind outage --seeds 10000
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifestats_crawler.ranges import IdRange
from tests.simulation.world import Manners, Outage

if TYPE_CHECKING:
    from random import Random

    from tests.simulation.world import MakeManners

_ENDS = ["empty-page", "empty-echo", "list-null", "list-absent", "status-204", "status-404"]
_ENDS += ["next-null", "next-beyond", "next-empty", "next-false", "next-zero", "next-minus"]
_SPOILT = [b"null", b"%d" % 2**70, b"{}", b"[1]", b"1.5"]
_MOST_SPOILT = 40  # one chain asks for each of them alone, again and again, and waits hours in between
_AWAY: list[str | int] = ["refused", "silent", "busy", "html", "empty", 500, 502, 503, 504, 404, 429]
_AWAY_SECONDS = [0.3, 1, 15, 100, 900]


def quiet(random: Random) -> Manners:
    """Draw a server without any trouble."""
    return Manners(
        lies=[],
        lie_share=0,
        silence_share=0,
        throttle_share=0,
        refusal_share=0,
        latency=random.choice([0.01, 0.05, 0.5]),
        jitter=random.choice([0, 0.05, 0.5]),
        is_short=False,
        is_made_late=random.random() < 0.5,
        most_at_once=None,
        crowd="refuse",
        dead=None,
    )


def _end(random: Random, _: IdRange, __: list[int]) -> Manners:
    manners = quiet(random)
    manners.lies = random.sample(_ENDS, random.choice([1, 3, len(_ENDS)]))
    manners.lie_share = random.choice([0.02, 0.1, 0.3])
    manners.is_short = random.random() < 0.2
    return manners


def _record(random: Random, space: IdRange, ids: list[int]) -> Manners:
    manners = quiet(random)
    if ids and random.random() < 0.5:
        for an_id in random.sample(ids, min(_MOST_SPOILT, max(1, len(ids) // random.choice([20, 100, 1000])))):
            value = random.choice(_SPOILT)
            manners.spoilt[an_id] = b'{"id":%d,"value":%s}' % (an_id, value)
    if ids and random.random() < 0.5:
        manners.poison = random.sample(ids, min(len(ids), random.choice([1, 2, 5])))
    if random.random() < 0.4:
        begin = random.randrange(space.begin, space.end)
        manners.dead = IdRange(begin, begin + random.randrange(1, max(2, len(space) // 3)))
    return manners


def _outage(random: Random, _: IdRange, __: list[int]) -> Manners:
    manners = quiet(random)
    at = random.choice([0, random.expovariate(1), random.expovariate(0.1)])
    for _ in range(random.choice([1, 2, 5])):
        seconds = random.choice(_AWAY_SECONDS) * random.uniform(0.5, 1)
        manners.outages.append(Outage(at, at + seconds, random.choice(_AWAY)))
        # One that ends while the next begins is a server that comes back slowly.
        at += seconds + random.choice([0, random.expovariate(1), random.expovariate(0.1)])
    return manners


def _crowd(random: Random, _: IdRange, __: list[int]) -> Manners:
    manners = quiet(random)
    manners.most_at_once = random.choice([1, 2, 3, 6, 12])
    manners.crowd = random.choice(["refuse", "reset", "time-out"])
    return manners


KINDS: dict[str, MakeManners] = {"end": _end, "record": _record, "outage": _outage, "crowd": _crowd}
#: Servers where everything is to be had in the end: what is left out there is lost.
COMPLETE = {"outage", "crowd"}
#: Servers where a record can be had or cannot, always: only those that cannot are left out. One that lies about
#: its end again and again at one place leaves its crawl incomplete, with the reason.
EXACT = {"record"}
