"""The development API: made-up records over HTTP. ``python -m mocks.api --help`` tells its options.

A page is answered on every path but three: /truth counts the records, exactly, /log tells when which
page was asked for, and /faults how often an answer was made wrong on purpose.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from array import array
from contextlib import suppress
from operator import itemgetter
from random import uniform
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import orjson
from aiohttp import web

from mocks.arguments import arguments
from mocks.data import FIELDS, Recipe, Records, Truth
from mocks.faults import KINDS, Honest
from mocks.injector import Injector
from mocks.limiter import SlidingLimit
from mocks.shape import Asked, Shape, integer

if TYPE_CHECKING:
    from argparse import Namespace
    from collections import Counter
    from collections.abc import Mapping, Sequence

OK = 200
_TOO_MANY = 429
_JSON = {"Content-Type": "application/json"}
_PATIENCE_SECONDS = 1.0  # for answers that are under way when the server is told to stop


_FAULTS = [None, *KINDS]


class Answer(NamedTuple):
    """What a request gets, before it goes on the wire."""

    status: int
    body: bytes


class RequestLog:
    """When which page was asked for, and how that was answered: 27 bytes a request."""

    def __init__(self) -> None:
        """Start empty."""
        self._arrivals, self._statuses = array("d"), array("H")
        self._cursors, self._limits = array("q"), array("q")
        self._faults = array("B")

    def add(self, arrival: float, asked: Asked, status: int, fault: str | None) -> None:
        """Note a request as it is answered; ``arrival`` in seconds of the monotonic clock."""
        self._arrivals.append(arrival)
        self._cursors.append(asked.cursor)
        self._limits.append(asked.limit)
        self._statuses.append(status)
        self._faults.append(_FAULTS.index(fault))

    def rows(self) -> list[tuple[float, int, int, int, str | None]]:
        """Return (arrival, cursor, limit, status, fault) in the order of arrival."""
        faults = (_FAULTS[number] for number in self._faults)
        rows = zip(self._arrivals, self._cursors, self._limits, self._statuses, faults, strict=True)
        return sorted(rows, key=itemgetter(0))


class Api:
    """Answers requests. Each step of the way is a function of its own, to be replaced or wrapped."""

    def __init__(self, records: Records, shape: Shape, delay: tuple[float, float], faults: Injector) -> None:
        """Answer pages after ``delay`` seconds, from the lowest to the highest."""
        self._records = records
        self._shape = shape
        self._delay = delay
        self._faults = faults
        self.echo_header = ""
        self.limit: SlidingLimit | None = None
        self.arrival_jitter = 0.0
        self._log = RequestLog()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer any request."""
        if request.path == "/truth":
            return respond(await self.truth(request.query))
        if request.path == "/log":
            return respond(self.log(request.query))
        if request.path == "/faults":
            return respond(Answer(OK, orjson.dumps(self._faults.met)))
        if self.arrival_jitter:
            await asyncio.sleep(uniform(0, self.arrival_jitter))
        arrival = monotonic()
        asked, answer = self.page(request.query)
        if self.limit and not self.limit.admits(arrival):
            self._log.add(arrival, asked, _TOO_MANY, None)
            return web.Response(status=_TOO_MANY, headers={"Retry-After": "1"})
        fault = self._faults.kind(asked.cursor) if self._faults.demands and answer.status == OK else None
        await self.pause()
        if fault is None:
            self._log.add(arrival, asked, answer.status, None)
            return respond(answer)
        return await self.falsify(request, arrival, asked, answer, fault)

    async def falsify(
        self, request: web.BaseRequest, arrival: float, asked: Asked, answer: Answer, fault: str
    ) -> web.StreamResponse:
        """Answer with a fault instead; it is logged before, because it may never end."""
        self._log.add(arrival, asked, answer.status, fault)
        echo = f"{request.headers.get(self.echo_header)} {request.path_qs}" if self.echo_header else ""
        honest = Honest(request, asked, answer.body, self._shape, self._records, echo)
        return await KINDS[fault].answer(honest)

    def page(self, query: Mapping[str, str]) -> tuple[Asked, Answer]:
        """Answer with the page that is asked for."""
        try:
            asked = self._shape.asked(query)
        except ValueError as error:
            return Asked(), refusal(error)
        page = self._records.page(asked.cursor + self._shape.exclusive, asked.limit)
        return asked, Answer(OK, self._shape.body(asked, page))

    async def pause(self) -> None:
        """Take the time that an answer is to take."""
        if self._delay[1]:
            await asyncio.sleep(uniform(*self._delay))

    async def truth(self, query: Mapping[str, str]) -> Answer:
        """Count the records from first_id to last_id, and rank their values: the top ones, or all.

        Goes on serving after every chunk. A thread would do so less well: it keeps the interpreter
        for 5 ms at a time, and the process from ending.
        """
        names = ("first_id", "last_id", "top")
        try:
            first_id, last_id, top = (integer(query, name) if name in query else None for name in names)
        except ValueError as error:
            return refusal(error)
        truth = Truth(self._records.fields)
        for rows in self._records.rows(first_id, last_id):
            truth.add(rows)
            await asyncio.sleep(0)
        fields = {name: _ranked(counts, top) for name, counts in truth.counts.items()}
        return Answer(OK, orjson.dumps({"records": truth.records, "fields": fields}))

    def log(self, query: Mapping[str, str]) -> Answer:
        """Tell which pages were asked for, and with ``clear=1`` forget them."""
        rows = self._log.rows()
        if query.get("clear") == "1":
            self._log = RequestLog()
        return Answer(OK, orjson.dumps({"requests": rows}))


def respond(answer: Answer) -> web.Response:
    """Put an answer on the wire."""
    return web.Response(status=answer.status, body=answer.body, headers=_JSON)


def refusal(error: ValueError) -> Answer:
    """Answer a request that cannot be read."""
    return Answer(400, orjson.dumps({"error": str(error)}))


def _ranked(counts: Counter[int], top: int | None) -> dict[str, object]:
    """Return counts by count, highest first, and by value, smallest first, where they tie."""
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return {"distinct": len(counts), "records": counts.total(), "counts": ranked[:top]}


async def serve(api: Api, host: str, port: int, *, until_stdin_closes: bool = False) -> None:
    """Listen, print the URL as a line, and answer until told to stop. Raises OSError if it cannot."""
    runner = web.ServerRunner(web.Server(api.handle, access_log=None), shutdown_timeout=_PATIENCE_SECONDS)
    await runner.setup()
    await web.TCPSite(runner, host, port, backlog=1024).start()
    stop = _stop_event(
        until_stdin_closes=until_stdin_closes
    )  # before the URL is printed: its reader may stop the server at once
    try:
        print(f"http://{host}:{runner.addresses[0][1]}", flush=True)
        await stop.wait()
    finally:
        await runner.cleanup()


def _stop_event(*, until_stdin_closes: bool) -> asyncio.Event:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def read_stdin() -> None:
        with suppress(OSError):
            while os.read(0, 4096):
                pass
        with suppress(RuntimeError):  # the loop is closed: a signal came first
            loop.call_soon_threadsafe(stop.set)

    if until_stdin_closes:
        # In a thread, because asyncio reads pipes but neither files nor /dev/null.
        Thread(target=read_stdin, daemon=True).start()
    return stop


def api_for(args: Namespace) -> Api:
    """Make the API that the command line describes. Raises ValueError where there can be none."""
    fields, holes = tuple(args.field or FIELDS), tuple(args.hole or ())
    dense = tuple(args.density_in or ())
    recipe = Recipe(args.first_id, args.last_id, args.density, args.seed, fields, holes, args.id, dense)
    parameters = args.cursor_parameter, args.limit_parameter, args.max_limit
    shape = Shape(*parameters, args.items, args.next, args.exclusive)
    demands = [demand for several in args.fault or () for demand in several]
    if not args.next and any(demand.kind.startswith("next-") for demand in demands):
        raise ValueError("--fault next-…: needs --next, the key of the next cursor")
    faults = Injector(demands, args.seed, args.fault_limit)
    api = Api(Records(recipe), shape, (args.latency, args.latency + args.jitter), faults)
    api.echo_header = args.echo_header
    api.limit = SlidingLimit(args.rate_limit) if args.rate_limit else None
    api.arrival_jitter = args.arrival_jitter
    return api


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until told to stop. Returns 1 if it cannot listen, and 2 for arguments that cannot be."""
    args = arguments(argv)
    try:
        api = api_for(args)
    except ValueError as error:
        return _complain(str(error), 2)
    try:
        asyncio.run(serve(api, args.host, args.port, until_stdin_closes=args.until_stdin_closes))
    except (OSError, OverflowError) as error:
        return _complain(f"cannot listen on {args.host}:{args.port}: {why(error)}", 1)
    return 0


def why(error: OSError | OverflowError) -> str:
    """Say why nothing can be listened to: what the system says of the number of an error, if there is one.

    asyncio writes the address and the number around it, in each version of Python in another way. Errors of
    names have numbers of their own, which are negative.

    >>> why(OSError(2, "error while attempting to bind: [errno 2] no such file or directory"))
    'No such file or directory'
    >>> why(OSError(-2, "Name or service not known")), why(OSError("could not bind")), why(OverflowError("port"))
    ('Name or service not known', 'could not bind', 'port')
    """
    number = getattr(error, "errno", None)
    if number is None:
        return str(error)
    return os.strerror(number) if number > 0 else str(getattr(error, "strerror", error))


def _complain(reason: str, exit_code: int) -> int:
    print(f"mocks.api: {reason}", file=sys.stderr)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
