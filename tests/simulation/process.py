"""One process of a life: it stands in for the loop, the network and the threads that drive a real crawl.

The objects are those of a real crawl: ``Crawl``, ``Walk``, ``Spiller``, ``Throttle`` and what they are made of.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count
from math import ceil, inf
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from lifestats_crawler.api.answers import SUCCESSES, TOO_MANY_REQUESTS
from lifestats_crawler.counting.spiller import Spiller
from lifestats_crawler.crawl.asks import TalkAsk
from lifestats_crawler.crawl.growth import LOOK_AHEAD_SECONDS
from lifestats_crawler.crawl.state import Crawl
from lifestats_crawler.crawl.throttle import Throttle
from lifestats_crawler.crawl.walk import Walk
from lifestats_crawler.ending import Ending
from lifestats_crawler.exceptions import Cause
from lifestats_crawler.items import Answer
from lifestats_crawler.ranges import IdRange, missing, union
from tests.simulation.promises import COUNTER, BrokenPromiseError
from tests.simulation.world import BEGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lifestats_crawler.counting.spiller import Spill
    from lifestats_crawler.crawl.asks import Ask, Step
    from lifestats_crawler.items import Tally
    from tests.simulation.life import Life
    from tests.simulation.stores import DiskStorage, MemoryStorage

_TIMEOUT_SECONDS = 5.0
_CHECK_EVERY = 8  # changes: what is lost stays lost, and looking for it takes half of the time
_MOST_EVENTS = 400_000

#: The ranges that a page settles, and the values that its records had.
Page = tuple[list[IdRange], list[int | str]]


class Crawling:
    """One process of a life: until it ends, or is killed ``kill_after`` seconds after its begin."""

    def __init__(self, life: Life, storage: MemoryStorage | DiskStorage, kill_after: float | None) -> None:
        self.life, self.world, self.random = life, life.world, life.random
        self.storage = storage
        self.begin = life.now
        self.kill_at = None if kill_after is None else life.now + kill_after
        self.is_running = True
        run = storage.open(self._stamp())
        settled = storage.settled()
        most_chains = max(life.config.subsets, self.random.choice([0, 40]))
        self.crawl = Crawl(life.config, run, settled, most_chains, lambda: self.is_running, lambda _: None)
        self.walk = Walk(self.crawl, self.random)
        self.crawl.throttle = Throttle(self.random)
        self.spiller = Spiller(
            *(life.config, life.job, settled, self.crawl.coverage, storage.store),
            *(self.crawl.asked, self.crawl.stop, life.now, self._stamp()),
        )
        self.crawl.kept = self.spiller
        self.departures: list[float] = []
        self.good = 0
        self.under_way = 0
        self.waiting: deque[Ask] = deque()  # at the gate
        self.chains = 0
        self.tallies: list[Tally] = []  # on their way to the pipeline
        self.pages: list[Page] = []  # counted, and in no spill yet
        self.held_back: list[Ask] = []  # while the storage is behind
        self.events: list[tuple[float, int, Callable[..., None], tuple]] = []
        self.order = count()
        self.changes = count()
        self.changing = (self._land, self._lose, self._arrive, self._count, self._written, self._look)
        self.stalls = self._stalls()
        self.deciding: Callable[[bool], None] | None = None  # whether a spill may be written

    def run(self) -> Ending | None:
        """Crawl to the end and return how it ended; None for a kill."""
        begun = self.walk.begin()
        self._begin(begun, self.life.now)
        self._at(self.life.now + LOOK_AHEAD_SECONDS, self._look)
        self._at(self.life.now + self.life.config.spill_seconds, self._spill_in_time)
        self._at(self.life.now + 0.2, self._stir)
        if self.random.random() < 0.1:
            self._at(self.life.now + self.random.expovariate(0.1), self._signal)
        for _ in range(_MOST_EVENTS):
            if not self._is_busy:
                return self._end()
            at, _, event, arguments = heapq.heappop(self.events)
            if self.kill_at is not None and at >= self.kill_at:
                return self._kill()
            self.life.now = max(self.life.now, self._after_stall(at))
            event(*arguments, self.life.now)
            if event in self.changing and next(self.changes) % _CHECK_EVERY == 0:
                self._check_ranges()
        raise BrokenPromiseError("this crawl does not end")

    @property
    def _is_busy(self) -> bool:
        return bool(self.under_way or self.tallies or self.spiller.is_writing)

    def _at(self, time: float, event: Callable[..., None], *arguments: object) -> None:
        heapq.heappush(self.events, (time, next(self.order), event, arguments))

    def _stamp(self) -> str:
        at = BEGIN + timedelta(seconds=self.life.now)
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    # What a machine does: it stands still now and then.

    def _stalls(self) -> list[tuple[float, float]]:
        if self.random.random() < 0.7:
            return []
        every = self.random.uniform(0.3, 2)
        return [(self.begin + every * number, self.random.uniform(0.05, 0.4)) for number in range(1, 40)]

    def _after_stall(self, at: float) -> float:
        for begin, seconds in self.stalls:
            if begin <= at < begin + seconds:
                return begin + seconds
        return at

    # What the downloader does: an ask leaves at its place in the pace, and its answer arrives.

    def _begin(self, asks: Iterable[Ask], now: float) -> None:
        for ask in asks:
            self.chains += 1
            self._send(ask, now)

    def _send(self, ask: Ask, now: float) -> None:
        self.under_way += 1
        self._at(now + ask.wait, self._enter, ask)

    def _enter(self, ask: Ask, now: float) -> None:
        if ask.is_through:
            self.crawl.concurrency.inside += 1
            self._reserve(ask, now)
        else:
            self.waiting.append(ask)
            self._admit(now)

    def _admit(self, now: float) -> None:
        """Let in what waits at the gate, as far as there is room."""
        concurrency = self.crawl.concurrency
        while self.waiting and (concurrency.has_room or not self.crawl.goes_on):
            concurrency.inside += 1
            self._reserve(self.waiting.popleft(), now)

    def _leave(self, now: float) -> None:
        self.crawl.concurrency.inside -= 1
        self._admit(now)

    def _reserve(self, ask: Ask, now: float) -> None:
        self._at(now + self.crawl.pacer.reserve(now, through=ask.is_through), self._depart, ask)

    def _depart(self, ask: Ask, now: float) -> None:
        if not self.crawl.goes_on:
            self._leave(now)
            self._arrive(ask, Answer(error="IgnoreRequest: the crawl is being stopped"), now)
            return
        if not ask.is_through and not self.crawl.concurrency.may_leave:
            self.crawl.pacer.give_back()
            self.waiting.append(ask)
            self._leave(now)
            return
        wait = self.crawl.pacer.depart(now, through=ask.is_through)
        if wait == inf:
            self.crawl.pacer.when_resumed(partial(self._rebook, ask))
        elif wait:
            self._at(now + wait, self._depart, ask)
        else:
            self._ask(ask, now)

    def _rebook(self, ask: Ask, now: float) -> None:
        self._at(now + self.crawl.pacer.rebook(now), self._depart, ask)

    def _ask(self, ask: Ask, now: float) -> None:
        self._check_pace(now)
        self.life.figures.requests += 1
        self.crawl.concurrency.under_way += 1
        manners = self.world.manners
        cause, latency = None, manners.latency + manners.jitter * self.random.random()
        if self.random.random() < manners.silence_share:
            cause = self.random.choice([Cause.LOST, Cause.NOT_IN_TIME])
        outage = self.world.outage(now)
        if outage and outage.what in ("refused", "silent"):
            cause = Cause.LOST if outage.what == "refused" else Cause.NOT_IN_TIME
        made = None if manners.is_made_late else self._answer(ask, now)
        # Of one process, what is under way at the server is what is under way here.
        if manners.most_at_once is not None and self.crawl.concurrency.under_way > manners.most_at_once:
            self.world.seen_lies[f"crowd-{manners.crowd}"] += 1
            if manners.crowd == "refuse":
                made, latency = Answer(TOO_MANY_REQUESTS), manners.latency / 10
            else:
                cause = Cause.LOST if manners.crowd == "reset" else Cause.NOT_IN_TIME
                latency /= 10
        if cause is not None:
            after = _TIMEOUT_SECONDS if cause is Cause.NOT_IN_TIME else latency
            self._at(now + after, self._lose, ask, Answer(error=cause.name, cause=cause, left_at=now))
        else:
            self._at(now + latency, self._land, ask, made, now)

    def _answer(self, ask: Ask, now: float) -> Answer:
        query = dict(parse_qsl(urlsplit(self.crawl.dialect.url(ask.first, ask.limit)).query))
        return self.world.answer(int(query["offset"]), int(query["limit"]), BEGIN + timedelta(seconds=now))

    def _lose(self, ask: Ask, answer: Answer, now: float) -> None:
        self.crawl.concurrency.lost(answer.left_at, now)
        self.crawl.concurrency.under_way -= 1
        self._leave(now)
        self._arrive(ask, answer, now)

    def _land(self, ask: Ask, made: Answer | None, left_at: float, now: float) -> None:
        answer = made or self._answer(ask, now)
        at = BEGIN.timestamp() + now
        answer = replace(answer, seconds=now - left_at, left_at=left_at, at=at)
        crawl = self.crawl
        pause = crawl.throttle.take(answer, now)
        if pause.seconds:
            crawl.pacer.hold(now + pause.seconds)
        if pause.is_crowded:
            crawl.concurrency.crowded(left_at, now)
        if answer.status in SUCCESSES:
            crawl.concurrency.good()
        crawl.concurrency.under_way -= 1
        self._leave(now)
        self._arrive(ask, answer, now)

    # What the spider does.

    def _arrive(self, ask: Ask, answer: Answer, now: float) -> None:
        self.under_way -= 1
        self._follow(self.walk.take(ask, answer, now), now)
        if self.deciding and not self.crawl.goes_on:
            self.deciding(self.walk.may_write)  # nothing more can be proven

    def _follow(self, step: Step, now: float) -> None:
        if step.tallies:
            self.good += len(step.tallies)
            for tally in step.tallies:
                self._check_tally(tally)
            self.tallies += step.tallies
            self._at(now + self.random.choice([0, 0.01]), self._count)
        self._begin([*step.begun, *step.starting], now)
        if step.following is not None:
            if isinstance(step.following, TalkAsk) or self.crawl.storage_keeps_up.is_set():
                self._send(step.following, now)
            else:
                self.held_back.append(step.following)
                self.under_way += 1

    def _look(self, now: float) -> None:
        self._begin(self.walk.grow(now), now)
        # While the server wants no request nothing grows.
        self._at(now + max(LOOK_AHEAD_SECONDS, self.crawl.pacer.held_for(now)), self._look)

    def _signal(self, now: float) -> None:
        self.is_running = False
        self.crawl.pacer.resume(now)

    def _stir(self, now: float) -> None:
        self.world.stir()
        self._at(now + 0.2, self._stir)

    # What the pipeline does.

    def _count(self, now: float) -> None:
        """Count tallies in the order in which they came, as long as there is room."""
        while self.tallies and not (self.spiller.is_full and self.spiller.is_writing):
            tally = self.tallies.pop(0)
            self.spiller.add(tally)
            self.pages.append((tally.parts, list(tally.keys[COUNTER])))
            self._spill_if_full(now)

    def _spill_if_full(self, now: float) -> None:
        if self.spiller.is_full:
            self._spill(now)
        if self.spiller.is_full:
            self.crawl.storage_keeps_up.clear()
            return
        self.crawl.storage_keeps_up.set()
        waiting, self.held_back = self.held_back, []
        for ask in waiting:
            self.under_way -= 1
            if self.crawl.goes_on:
                self._send(ask, now)

    def _spill_in_time(self, now: float) -> None:
        if self.spiller.has_counts:
            self._spill(now)
        self._at(now + self.life.config.spill_seconds, self._spill_in_time)

    def _spill(self, now: float) -> None:
        if spill := self.spiller.begin(now, self._stamp()):
            self._take_along(spill)

            def proven(may_write: bool) -> None:  # noqa: FBT001  # what a proof tells
                self.deciding = None
                if may_write:
                    self._at(self.life.now + self.random.choice([0.001, 0.05, 2]), self._written, spill)
                else:
                    self._at(self.life.now, self._dropped, spill)

            self.deciding = proven
            if ask := self.walk.prove(proven, now):
                self._send(ask, now)

    def _dropped(self, spill: Spill, now: float) -> None:
        self.spiller.drop(spill)
        self._count(now)
        self._spill_if_full(now)

    def _take_along(self, spill: Spill) -> None:
        self.life.spilled[spill.number], self.pages = self.pages, []

    def _written(self, spill: Spill, now: float) -> None:
        failure = None
        try:
            self.spiller.write(spill)
        except OSError as error:
            failure = error
        self.spiller.end(spill, failure)
        self._count(now)
        self._spill_if_full(now)

    # How it ends.

    def _kill(self) -> None:
        assert self.kill_at is not None
        self.life.now = max(self.life.now, self.kill_at)
        for _, _, event, arguments in self.events:
            # A spill that was under way is on disk, or is not.
            if event == self._written and self.random.random() < 0.5:
                with suppress(OSError):
                    self.spiller.write(arguments[0])
        self.life.figures.kills += 1
        self._close()

    def _end(self) -> Ending:
        self._check_ranges()
        if not self.walk.may_write:
            self.spiller.discard()
            self.pages = []
        if self.spiller.has_news:
            spill = self.spiller.begin(self.life.now, self._stamp())
            assert spill is not None
            self._take_along(spill)
            self._written(spill, self.life.now)
        ending = self.crawl.ending or (Ending.FINISHED if self.is_running else Ending.SHUTDOWN)
        self._check_told()
        self._close()
        if ending is Ending.FINISHED:
            self._check_end()
        return ending

    def _close(self) -> None:
        self.storage.close()
        self.life.figures.pages += self.good

    # What must hold.

    def _check_tally(self, tally: Tally) -> None:
        """A page counts exactly the records of what it settles; of those that come and go, as many as it met."""
        records, restless = self.world.records, set(self.world.manners.restless)
        ids = [an_id for part in tally.parts for an_id in records.within(part)]
        real = Counter(records.values[an_id] for an_id in ids if an_id not in restless)
        counted = Counter(tally.keys[COUNTER])
        most = sum(an_id in part for an_id in restless for part in tally.parts)
        if real - counted or (counted - real).total() > most:
            raise BrokenPromiseError(f"{tally.parts} have {real}, counted were {counted}")

    def _check_pace(self, now: float) -> None:
        rate = self.life.config.rate_limit
        self.departures.append(now)
        if rate is None:
            return
        places = ceil(rate)
        if len(self.departures) > places and now - self.departures[-1 - places] <= places / rate:
            raise BrokenPromiseError(f"{places + 1} departures in {now - self.departures[-1 - places]:.4f} s")

    def _check_ranges(self) -> None:
        """Settled, given up and left to crawl are each id of the space, once."""
        if not self.walk.may_write:
            return
        frontier = self.crawl.frontier
        on_their_way = [part for tally in self.tallies for part in tally.parts]
        parts = [*self.crawl.coverage, *on_their_way, *self.walk.checking.held()]
        parts += [IdRange(begin, end) for begin, end, _ in frontier.given_up]
        parts += [*frontier.unsettled(), *frontier.believed]
        if sum(map(len, parts)) != len(self.life.space) or union(parts) != [self.life.space]:
            raise BrokenPromiseError(f"the parts of {self.life.space} are {sorted(parts)}")

    def _check_told(self) -> None:
        """What is told of the run is what its segments hold, also after a failed spill."""
        held, told = self.storage.settled(), self.spiller
        names = ("pages", "ids", "requests", "retries")
        differing = [name for name in names if getattr(held, name) != getattr(told, name)]
        # A segment that was written before its write failed is there, and not told of.
        if differing and not self.life.failing.renamed:
            raise BrokenPromiseError(f"{differing} are told otherwise than the segments have them")

    def _check_end(self) -> None:
        frontier, space = self.crawl.frontier, self.life.space
        if frontier.has_work:
            raise BrokenPromiseError(f"the crawl has ended, and {list(frontier.unsettled())} are left")
        left = list(missing(space, self.storage.settled().settled))
        if left != union(IdRange(begin, end) for begin, end, _ in frontier.given_up):
            raise BrokenPromiseError(f"{left} is missing, given up was {frontier.given_up}")
        self.life.figures.complete += not left
        least = (self.world.limit + 1) // 2 if self.world.manners.is_short else self.world.limit
        most = len(self.world.records.ids) / least + 2 * self.chains + len(frontier.given_up) + 4
        if self.good > most and not self.world.manners.restless:
            raise BrokenPromiseError(f"{self.good} pages were read, {most:.0f} are enough")
