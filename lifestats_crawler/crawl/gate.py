"""Before the pace: no more requests at once than ``Concurrency`` allows."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lifestats_crawler.crawl.concurrency import Concurrency


class Gate:
    """Lets as many requests inside at once as ``Concurrency`` allows; others wait, first come, first served."""

    def __init__(self, concurrency: Concurrency) -> None:
        """Guard what ``concurrency`` counts."""
        self._concurrency = concurrency
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_open = False

    @asynccontextmanager
    async def inside(self, *, through: bool = False) -> AsyncIterator[None]:
        """Wait for room, and be inside for a while; one that goes ``through`` does not wait."""
        if not (through or self._is_open) and (self._waiting or not self._concurrency.has_room):
            await self._wait()
        else:
            self._concurrency.inside += 1
        try:
            yield
        finally:
            self._concurrency.inside -= 1
            self._admit()

    def open(self) -> None:
        """Let everything in, from now on: the crawl is being stopped, and each request is turned down inside."""
        self._is_open = True
        self._admit()

    async def _wait(self) -> None:
        admitted = asyncio.get_running_loop().create_future()
        self._waiting.append(admitted)
        try:
            await admitted
        except asyncio.CancelledError:
            if admitted.cancelled():
                self._waiting.remove(admitted)
            else:  # it was let in at the same moment
                self._concurrency.inside -= 1
                self._admit()
            raise

    def _admit(self) -> None:
        while self._waiting and (self._is_open or self._concurrency.has_room):
            admitted = self._waiting.popleft()
            if not admitted.done():
                self._concurrency.inside += 1
                admitted.set_result(None)
