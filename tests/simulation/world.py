"""A simulated API: its records, how they come and go, and every lie that can be told in a page.

The bodies are the mock API's own (``mocks.shape``, ``mocks.faults``), so that a lie means the same here and in a
real crawl; only the network is left out.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from lifestats_crawler.items import Answer
from lifestats_crawler.ranges import IdRange
from mocks.data import Page
from mocks.faults import KINDS, Honest
from mocks.shape import Asked, Shape

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    #: Draws how a server behaves that has these ids in a space.
    MakeManners = Callable[["Random", IdRange, list[int]], "Manners"]

# What happens on a wire and not in a page is told by the life itself, as an answer that does not come, or late.
WIRE = {"reset", "disconnect", "stall", "cut-short", "slow", "huge", "bad-gzip", "good-gzip"}
# What asks for a pause is told here too: a date has to be of the simulated time.
PAUSES = {kind for kind in KINDS if kind.startswith(("throttle", "busy"))}
# These end a crawl, and have a life of their own.
REFUSALS = {"status-401", "status-403"}
LIES = sorted(KINDS.keys() - WIRE - PAUSES - REFUSALS)
#: Lies about the next cursor, which an API without one cannot tell.
_ABOUT_NEXT = {kind for kind in LIES if kind.startswith("next-")}
_FIELD = "value"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_TALK = {"busy": b'{"error": "busy"}', "html": b"<html>We will be back soon.</html>"}


class Records:
    """The records that exist now, as ``mocks.data.Records`` has them: by id, with one field."""

    def __init__(self, values: dict[int, int | str | None], last_id: int) -> None:
        self.values = values
        self.ids = sorted(values)
        self.fields = [_FIELD]
        #: What is shown of a record in place of what it is.
        self.spoilt: dict[int, bytes] = {}
        self.recipe = SimpleNamespace(id_name="id", last_id=last_id)

    def page(self, cursor: int, limit: int) -> Page:
        at = bisect_left(self.ids, max(cursor, 0))
        ids = self.ids[at : at + limit]
        following = self.ids[at + limit] if at + limit < len(self.ids) else None
        records = [
            self.spoilt.get(an_id) or orjson.dumps({"id": an_id, _FIELD: self.values[an_id]}) for an_id in ids
        ]
        return Page(records, array("q", ids), following)

    def within(self, ids: IdRange) -> list[int]:
        return self.ids[bisect_left(self.ids, ids.begin) : bisect_left(self.ids, ids.end)]

    def add(self, an_id: int, value: int) -> None:
        if an_id not in self.values:
            insort(self.ids, an_id)
            self.values[an_id] = value

    def remove(self, an_id: int) -> None:
        if an_id in self.values:
            del self.ids[bisect_right(self.ids, an_id) - 1]
            del self.values[an_id]


@dataclass(frozen=True)
class Outage:
    """A time in which every request fails in the same way, in seconds of a life."""

    begin: float
    end: float
    #: What a request gets: ``refused`` or ``silent`` on the wire; a status; ``busy``, ``empty`` or ``html``.
    what: str | int


@dataclass
class Manners:
    """How a server behaves, drawn once for a life."""

    lies: list[str]
    lie_share: float
    #: Of the requests that get no answer, or one after the time that is waited for it.
    silence_share: float
    #: Of the requests that are told to slow down.
    throttle_share: float
    #: Of the requests that are refused.
    refusal_share: float
    #: Seconds.
    latency: float
    jitter: float
    #: Whether pages may be shorter than asked for.
    is_short: bool
    #: Whether an answer is made when it arrives, and not when it is asked for.
    is_made_late: bool
    #: How many requests at once the server takes, if that is limited, and what it does with one more.
    most_at_once: int | None
    crowd: str
    #: Ids where every request fails.
    dead: IdRange | None
    #: Of the ids that come and go.
    restless: list[int] = field(default_factory=list)
    #: Ids that make every page with them fail.
    poison: list[int] = field(default_factory=list)
    #: Records that cannot be counted, as JSON, by id.
    spoilt: dict[int, bytes] = field(default_factory=dict)
    outages: list[Outage] = field(default_factory=list)


class World:
    """One API: its records, its shape and its manners."""

    def __init__(self, random: Random, space: IdRange, limit: int, making: MakeManners | None = None) -> None:
        self.random = random
        self.space = space
        self.limit = limit
        is_exclusive, has_next = random.random() < 0.3, random.random() < 0.7
        is_list = not has_next and random.random() < 0.5
        following = random.choice(["next", "meta.next_offset"]) if has_next else ""
        items = "@" if is_list else random.choice(["response", "data.rows"])
        self.shape = Shape(items=items, following=following, exclusive=is_exclusive, max_limit=limit)
        self.records = Records(_values(random, space), space.end - 1 + random.choice([0, 50]))
        self.manners = (making or any_manners)(random, space, self.records.ids)
        self.records.spoilt = self.manners.spoilt
        if not has_next:
            self.manners.lies = [kind for kind in self.manners.lies if kind not in _ABOUT_NEXT]
        self.seen_lies: Counter[str] = Counter()
        self._lied: Counter[int] = Counter()

    def stir(self) -> None:
        """Let an id come or go."""
        if self.manners.restless:
            an_id = self.random.choice(self.manners.restless)
            if an_id in self.records.values:
                self.records.remove(an_id)
            else:
                self.records.add(an_id, self.random.randrange(9))

    def outage(self, now: float) -> Outage | None:
        """Return the outage at a moment, if there is one."""
        return next((outage for outage in self.manners.outages if outage.begin <= now < outage.end), None)

    def answer(self, cursor: int, limit: int, now: datetime) -> Answer:
        """Answer a request at a cursor as it is sent."""
        if outage := self.outage((now - BEGIN).total_seconds()):
            return self._out(outage, cursor, limit)
        return self._in_service(cursor, limit, now)

    def _in_service(self, cursor: int, limit: int, now: datetime) -> Answer:
        manners, random = self.manners, self.random
        if random.random() < manners.refusal_share:
            return Answer(random.choice([401, 403]))
        if manners.dead is not None and cursor in manners.dead:
            return Answer(500)
        if random.random() < manners.throttle_share:
            return self._throttled(now)
        honest = self._honest(cursor, limit)
        if manners.poison and any(b'"id":%d,' % an_id in honest.body for an_id in manners.poison):
            self.seen_lies["poison"] += 1
            return Answer(500)
        if manners.lies and self._lied[cursor] < 3 and random.random() < manners.lie_share:
            kind = random.choice(manners.lies)
            self._lied[cursor] += 1
            self.seen_lies[kind] += 1
            return _told(kind, honest)
        return Answer(200, body=honest.body)

    def _out(self, outage: Outage, cursor: int, limit: int) -> Answer:
        self.seen_lies[f"outage-{outage.what}"] += 1
        if isinstance(outage.what, int):
            return Answer(outage.what)
        if outage.what == "empty":
            nothing = Page([], array("q"), None)
            return Answer(200, body=self.shape.body(Asked(cursor, limit), nothing))
        if outage.what in _TALK:
            return Answer(200, body=_TALK[outage.what])
        return Answer(502)  # the server is not there any more, and what stands before it says so

    def _honest(self, cursor: int, limit: int) -> Honest:
        if self.manners.is_short:
            limit = self.random.randint((limit + 1) // 2, limit)
        asked = Asked(cursor, limit)
        page = self.records.page(cursor + self.shape.exclusive, limit)
        return Honest(None, asked, self.shape.body(asked, page), self.shape, self.records)

    def _throttled(self, now: datetime) -> Answer:
        status = self.random.choice([429, 429, 503])
        date = format_datetime(now + timedelta(seconds=2), usegmt=True)
        headers = self.random.choice([{}, {"Retry-After": "1"}, {"Retry-After": date}])
        self.seen_lies[f"throttled-{status}"] += 1
        return Answer(status, headers)


def _told(kind: str, honest: Honest) -> Answer:
    """Tell a lie: its coroutine never waits, so it is run to its end at once."""
    try:
        KINDS[kind].answer(honest).send(None)
    except StopIteration as done:
        response = done.value
        return Answer(response.status, dict(response.headers), bytes(response.body or b""))
    except web.HTTPException as error:
        return Answer(error.status)
    raise AssertionError(f"{kind} waits for something")


def _values(random: Random, space: IdRange) -> dict[int, int | str | None]:
    """Make records with dense and empty regions, and gaps everywhere."""
    density = random.choice([0.02, 0.3, 0.9, 1.0])
    regions = []
    for _ in range(random.randrange(4)):
        begin = random.randrange(space.begin, space.end)
        regions.append(
            (IdRange(begin, begin + random.randrange(1, len(space) + 1)), random.choice([0.0, 0.05, 1.0]))
        )
    beyond = random.choice([0, 30])
    values: dict[int, int | str | None] = {}
    for an_id in range(space.begin, space.end + beyond):
        share = next((share for region, share in regions if an_id in region), density)
        if random.random() < share:
            values[an_id] = random.randrange(9) if random.random() < 0.95 else "text"
    return values


def any_manners(random: Random, space: IdRange, ids: list[int]) -> Manners:
    """Draw a server with anything that can go wrong."""
    lies = random.sample(LIES, random.choice([0, 1, 3, len(LIES)]))
    dead = None
    if random.random() < 0.15:
        begin = random.randrange(space.begin, space.end)
        dead = IdRange(begin, begin + random.randrange(1, max(2, len(space) // 10)))
    restless = random.sample(ids, len(ids) // 50) if ids and random.random() < 0.2 else []
    return Manners(
        lies=lies,
        lie_share=random.choice([0.02, 0.1, 0.3]),
        silence_share=random.choice([0, 0, 0.02, 0.1]),
        throttle_share=random.choice([0, 0, 0.02, 0.1]),
        refusal_share=random.choice([0] * 19 + [0.01]),
        latency=random.choice([0, 0.05, 0.5, 2]),
        jitter=random.choice([0, 0.05, 1]),
        is_short=random.random() < 0.2,
        is_made_late=random.random() < 0.5,
        most_at_once=random.choice([None] * 8 + [1, 2, 6]),
        crowd=random.choice(["refuse", "reset", "time-out"]),
        dead=dead,
        restless=restless,
    )
