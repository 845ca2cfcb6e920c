"""Connections: a request takes its place in the pace when it has one, not before."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Container

    from aiohttp import ClientRequest, ClientTimeout
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

    #: Waits until a request may leave that has a connection; returns whether it has left. It has not if its
    #: connection, as the argument tells at any time, cannot be used any more.
    Depart = Callable[[Callable[[], bool]], Awaitable[bool]]
    _Connect = Callable[[], Awaitable[Connection]]


@dataclass(slots=True)
class Journey:
    """What is known of a request on its way."""

    depart: Depart
    #: Whether it is to leave on a connection that has carried no request before.
    on_new_connection: bool = False
    #: Until when its answer is waited for; no end before it leaves.
    deadline: asyncio.Timeout = field(default_factory=lambda: asyncio.timeout(None))
    #: When it left, in seconds of the monotonic clock; 0 before it does.
    left_at: float = 0.0
    #: The number of its connection; 0 before it has one.
    connection: int = 0


JOURNEY: ContextVar[Journey] = ContextVar("journey")

_END_OF_HEAD = b"\r\n\r\n"


class _HeadFirst(ResponseHandler):
    """Hands out the head of an answer before its body is read, so that a broken body does not cost the status.

    aiohttp reads what comes in one piece as a whole, and forgets the head if the body is not framed as it has to
    be. A body whose later part is broken it leaves without an end.
    """

    def data_received(self, data: bytes) -> None:
        """Read on in the answer."""
        begin = 0
        if self._payload is None or self._payload.is_eof():
            begin = data.find(_END_OF_HEAD) + len(_END_OF_HEAD)
            if len(_END_OF_HEAD) <= begin < len(data):
                super().data_received(data[:begin])
            else:
                begin = 0
        payload = self._payload
        super().data_received(data[begin:] if begin else data)
        broken = self.exception()
        if broken is not None and payload is not None and not payload.is_eof() and payload.exception() is None:
            failure = aiohttp.ClientPayloadError(str(broken))
            failure.__cause__ = broken
            payload.set_exception(failure)


class PacedConnector(aiohttp.TCPConnector):
    """Connects, and then waits for a departure.

    Between the departure and the request on the wire there is nothing left but writing it. Taken
    before, the time of a handshake would come between: what left evenly would arrive in a heap as
    soon as connections are there to be used again.

    Each connection has a number, from 1.
    """

    def __init__(self, depart: Depart, distrusted: Container[int], most: Callable[[], float]) -> None:
        """Wait for ``depart`` before each request; as many connections as there are requests.

        The connections whose numbers are in ``distrusted`` are not used again. ``most`` tells how many may stay
        open, idle ones included.
        """
        super().__init__(limit=0)
        # The one place at which aiohttp can be told of another reader of answers.
        self._factory = cast("partial[ResponseHandler]", partial(_HeadFirst, loop=asyncio.get_running_loop()))
        self._depart = depart
        self._distrusted = distrusted
        self._most = most
        self._numbers = count(1)
        self._open: dict[ResponseHandler, int] = {}
        self._in_use: set[ResponseHandler] = set()

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109  # aiohttp's signature
    ) -> Connection:
        """Connect, or take a connection that is free, and return it when its request may leave."""
        journey = JOURNEY.get()
        take = self._take_new if journey.on_new_connection else self._take
        while True:
            # aiohttp's own time limit ends before a proxy is asked for its tunnel.
            async with asyncio.timeout(timeout.sock_connect):
                connection, protocol, _ = await take(partial(super().connect, req, traces, timeout))
            journey.connection = self._open[protocol]
            try:
                has_left = await self._depart(partial(self._is_usable, protocol))
            except BaseException:
                connection.release()
                raise
            if has_left:
                return connection
            connection.close()

    def retire(self, number: int) -> None:
        """Use a connection no more: close it, or let it be closed after the answer that it waits for."""
        for protocol in [protocol for protocol, its in self._open.items() if its == number]:
            if protocol in self._in_use:
                protocol.force_close()
            else:
                protocol.close()

    async def _take(self, connect: _Connect) -> tuple[Connection, ResponseHandler, bool]:
        """Take a connection that is free and may be used, or a new one; return whether it is new, too."""
        while True:
            connection = await connect()
            protocol = connection.protocol
            if protocol is None:  # aiohttp's type; a connection has one until it is released
                continue
            is_new = protocol not in self._open
            if is_new:
                self._forget_closed()
                self._open[protocol] = next(self._numbers)
            self._in_use.add(protocol)
            connection.add_callback(partial(self._released, protocol))
            if self._is_usable(protocol):
                return connection, protocol, is_new
            connection.close()

    async def _take_new(self, connect: _Connect) -> tuple[Connection, ResponseHandler, bool]:
        """Take a new connection: where there is no room, in place of a free one; the other free ones stay."""
        passed_over: list[Connection] = []
        try:
            while True:
                self._forget_closed()
                if self._in_use.issuperset(self._open) and len(self._open) >= self._most() and passed_over:
                    passed_over.pop().close()
                connection, protocol, is_new = await self._take(connect)
                if is_new:
                    return connection, protocol, is_new
                passed_over.append(connection)
        finally:
            for connection in passed_over:
                connection.release()

    def _is_usable(self, protocol: ResponseHandler) -> bool:
        return (
            protocol.is_connected() and not protocol.should_close and self._open[protocol] not in self._distrusted
        )

    def _released(self, protocol: ResponseHandler) -> None:
        """Keep aiohttp from keeping a connection alive that is distrusted, or is one too many."""
        self._in_use.discard(protocol)
        if len(self._open) > self._most():
            self._forget_closed()
        if len(self._open) > self._most() or self._open.get(protocol) in self._distrusted:
            protocol.force_close()

    def _forget_closed(self) -> None:
        self._open = {
            protocol: number
            for protocol, number in self._open.items()
            if protocol.is_connected() or protocol in self._in_use
        }
