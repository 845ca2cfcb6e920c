"""Connections: a request takes its place in the pace when it has one, not before."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import ClientRequest, ClientTimeout
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace


class PacedConnector(aiohttp.TCPConnector):
    """Connects, and then waits for a departure.

    Between the departure and the request on the wire there is nothing left but writing it. Taken
    before, the time of a handshake would come between: what left evenly would arrive in a heap as
    soon as connections are there to be used again.
    """

    def __init__(self, depart: Callable[[], Awaitable[None]]) -> None:
        """Wait for ``depart`` before each request; as many connections as there are requests."""
        super().__init__(limit=0)
        self._depart = depart

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109  # aiohttp's signature
    ) -> Connection:
        """Connect, or take a connection that is free, and return it when its request may leave."""
        # aiohttp's own time limit ends before a proxy is asked for its tunnel.
        async with asyncio.timeout(timeout.sock_connect):
            connection = await super().connect(req, traces, timeout)
        try:
            await self._depart()
        except BaseException:
            connection.release()
            raise
        return connection
