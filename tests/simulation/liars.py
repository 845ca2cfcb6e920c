"""APIs that are not what the configuration says: how often a crawl finds them out, and is falsely complete.

python -m tests.simulation --liars 100
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Callable
from typing import TYPE_CHECKING

import orjson

from lifestats_crawler.config.model import Config
from lifestats_crawler.ending import Ending
from lifestats_crawler.items import Answer
from lifestats_crawler.ranges import IdRange
from lifestats_crawler.storage.source import Job
from tests.simulation.life import Life, quiet
from tests.simulation.process import Crawling
from tests.simulation.promises import COUNTER
from tests.simulation.stores import Failing, MemoryStorage
from tests.simulation.world import Manners, World

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random

LIMIT, PAGES = 10, 80
QUIET = Manners(
    lies=[],
    lie_share=0,
    silence_share=0,
    throttle_share=0,
    refusal_share=0,
    latency=0.02,
    jitter=0.02,
    is_short=False,
    is_made_late=False,
    most_at_once=None,
    crowd="refuse",
    dead=None,
)

#: What a request at a cursor for so many records shows: ids, and the next cursor.
Shown = tuple[list[int], int | None]
Answering = Callable[["LiarWorld", int, int], Shown]


class LiarWorld(World):
    """An API that answers with a function of its own."""

    def __init__(self, random: Random, space: IdRange, answering: Answering) -> None:
        super().__init__(random, space, LIMIT)
        self.answering = answering
        ids = [an_id for an_id in range(space.begin, space.end) if random.random() < 0.9]
        for an_id in list(self.records.values):
            self.records.remove(an_id)
        for an_id in ids:
            self.records.add(an_id, an_id % 7)
        self.ids = ids
        self.seen_truth = {an_id for an_id in ids if an_id % 50 < 20}
        self.asked: list[int] = []
        self.manners = QUIET

    def answer(self, cursor: int, limit: int, now: datetime) -> Answer:  # noqa: ARG002  # a world is told it
        self.asked.append(cursor)
        ids, following = self.answering(self, cursor, limit)
        records = [{"id": an_id, "value": an_id % 7} for an_id in ids]
        return Answer(200, body=orjson.dumps({"response": records, "next": following}))

    def nearest(self, cursor: int, limit: int) -> Shown:
        """Answer as an honest API does."""
        at = bisect_left(self.ids, cursor)
        rest = self.ids[at + limit : at + limit + 1]
        return self.ids[at : at + limit], rest[0] if rest else None


def _cut(world: LiarWorld, cursor: int, limit: int) -> Shown:
    shown, _ = world.nearest(cursor, limit)
    return shown, (shown[-1] + 1 if shown else None)


def _without(keep: Callable[[LiarWorld, int, int], bool]) -> Answering:
    """Leave records out after the limit was applied, and say that the next page follows these."""

    def answer(world: LiarWorld, cursor: int, limit: int) -> Shown:
        shown, following = world.nearest(cursor, limit)
        return [an_id for an_id in shown if keep(world, an_id, limit)], following

    return answer


def _mixed_up(world: LiarWorld, cursor: int, limit: int) -> Shown:
    is_other = len(world.asked) > 5 and world.random.random() < 0.03
    return world.nearest(world.asked[-2] if is_other else cursor, limit)


def _with_earlier(world: LiarWorld, cursor: int, limit: int) -> Shown:
    earlier = world.nearest(cursor - 6, 2)[0] if limit > 2 else []
    shown, following = world.nearest(cursor, limit - len(earlier))
    return sorted({*earlier, *shown}), following


LIARS: dict[str, Answering] = {
    "newest above the cursor": lambda w, c, n: ([i for i in w.ids if i >= c][-n:], None),
    "a cache: everybody gets the first page": lambda w, _, n: w.nearest(w.space.begin, n),
    "a maximum for the cursor": lambda w, c, n: w.nearest(min(c, w.space.begin + len(w.space) // 2), n),
    "a pinned record": lambda w, c, n: (sorted({w.ids[-5], *w.nearest(c, n - 1 or 1)[0]}), None),
    "ids sorted as texts": lambda w, c, n: (sorted((i for i in w.ids if str(i) >= str(c)), key=str)[:n], None),
    # Of the records only some may be seen; these are the truth.
    "left out after the limit": lambda w, c, n: ([i for i in w.nearest(c, n)[0] if i in w.seen_truth], None),
    "becomes exclusive in the middle": lambda w, c, n: w.nearest(c + (len(w.asked) > 60), n),
    "exclusive from the beginning": lambda w, c, n: w.nearest(c + 1, n),
    "answers of other requests, now and then": _mixed_up,
    "a replica that lags": lambda w, c, n: (
        w.nearest(c, n)
        if w.random.random() < 0.5
        else ([i for i in w.nearest(c, n)[0] if i % 9], w.nearest(c, n)[1])
    ),
    # Of our own making.
    "large pages lose their last record": lambda w, c, n: (
        (w.nearest(c, n)[0][:-1] if n >= LIMIT else w.nearest(c, n)[0]),
        w.nearest(c, n)[1],
    ),
    "large pages lose a record in the middle": lambda w, c, n: (
        [i for at, i in enumerate(w.nearest(c, n)[0]) if n < LIMIT or at != n // 2],
        w.nearest(c, n)[1],
    ),
    "next is a page too far, now and then": lambda w, c, n: (
        w.nearest(c, n)[0],
        w.nearest(c, n * (2 if c % 5 == 0 else 1))[1],
    ),
    "next is one record too far": lambda w, c, n: (w.nearest(c, n)[0], w.nearest(c, n + (n >= LIMIT))[1]),
    "every other record, for large limits": _without(lambda _, i, n: n < LIMIT or i % 2 == 0),
    "a shard that is not asked": _without(lambda w, i, _: i % 4 != len(w.asked) % 4),
    "records drop out at random": _without(lambda w, _, __: w.random.random() > 0.1),
    "begins at the next multiple of ten": lambda w, c, n: w.nearest(-(-c // 10) * 10, n),
    "a stale snapshot for even cursors": lambda w, c, n: (
        [i for i in w.nearest(c, n)[0] if c % 2 or i % 5],
        w.nearest(c, n)[1],
    ),
    "a cap on the page, and next as if there were none": lambda w, c, n: (
        w.nearest(c, n)[0][: max(1, n // 2)],
        w.nearest(c, n)[1],
    ),
    "no record of a page's end is shown twice": lambda w, c, n: (
        [i for i in w.nearest(c, n)[0] if i not in w.__dict__.setdefault("seen", set())] or w.nearest(c, n)[0][:1],
        w.__dict__["seen"].update(w.nearest(c, n)[0][-1:]) or w.nearest(c, n)[1],
    ),
}
HONEST: dict[str, Answering] = {
    "nearest": lambda w, c, n: w.nearest(c, n),
    "in descending order": lambda w, c, n: (w.nearest(c, n)[0][::-1], w.nearest(c, n)[1]),
    "fewer than asked for": lambda w, c, n: _cut(w, c, max(1, n - 3)) if w.nearest(c, 1)[0] else ([], None),
    "ignores the limit": lambda w, c, _: w.nearest(c, LIMIT),
    "repeats earlier records": _with_earlier,
}


def config_of(space: IdRange, subsets: int) -> Config:
    """Configure a crawl of an honest API."""
    return Config(
        url="http://simulated/x?offset={cursor}&limit={limit}",
        items="response",
        next="next",
        results_per_page=LIMIT,
        first_id=space.begin,
        last_id=space.end - 1,
        subsets=subsets,
        retries=1,
        spill_every=10,
        counters={COUNTER: {"field": "value", "top": 100}},
    )


class LiarLife(Life):
    """One crawl of such an API, without a kill."""

    def __init__(self, seed: int, answering: Answering) -> None:
        super().__init__(seed, on_disk=False)
        begin = self.random.choice([1, 658_330_693])
        self.space = IdRange(begin, begin + LIMIT * PAGES)
        self.world = LiarWorld(self.random, self.space, answering)
        self.config = config_of(self.space, self.random.choice([1, 4, 8]))
        self.job = Job.of(self.config)
        self.failing = Failing(self.random, 0)

    def crawl(self, crawling: LiarCrawling | None = None) -> tuple[Ending | None, bool, bool]:
        """Return how it ended, and whether it is complete, and exact."""
        crawling = crawling or LiarCrawling(self, MemoryStorage(self), None)
        storage = crawling.storage
        ending = crawling.run()
        settled = storage.settled()
        is_complete = settled.ids == len(self.space) and ending is Ending.FINISHED
        truth = (
            self.world.seen_truth if self.world.answering is LIARS["left out after the limit"] else self.world.ids
        )
        return ending, is_complete, settled.records == len(truth)


class LiarCrawling(Crawling):
    """What holds of an honest API is not looked for: what is counted is compared in the end."""

    def _check_tally(self, tally: object) -> None:
        pass

    def _check_end(self) -> None:
        pass


def tell(crawls: int) -> int:
    """Crawl each of them so often, and print what came of it; 1 if an honest one was accused."""
    quiet()
    write = sys.stdout.write
    write(f"{'API':52} {'found':>6} {'exact':>6} {'falsely complete':>17}\n")
    accused = 0
    for name, answering in (LIARS | HONEST).items():
        found = exact = false = 0
        for seed in range(crawls):
            ending, is_complete, is_exact = LiarLife(seed, answering).crawl()
            found += not is_complete
            exact += is_complete and is_exact
            false += is_complete and not is_exact
            accused += name in HONEST and ending is Ending.MISCONFIGURED
        write(f"{name:52} {found:6} {exact:6} {false:17}\n")
    write(f"honest ones accused: {accused}\n")
    return 1 if accused else 0
