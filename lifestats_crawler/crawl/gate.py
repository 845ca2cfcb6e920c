"""Before the pace: no more requests at once than ``Concurrency`` allows."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lifestats_crawler.crawl.concurrency import Concurrency


class Gate:
    """Lets as many requests inside at once as ``Concurrency`` allows; others wait, first come, first served."""

    def __init__(self, concurrency: Concurrency) -> None:
        """Guard what ``concurrency`` counts."""
        self._concurrency = concurrency
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_open = False

    async def enter(self, *, through: bool = False) -> None:
        """Wait for room; one that goes ``through`` does not wait. Whatever has entered is to ``leave``."""
        if through or self._is_open or (self._concurrency.has_room and not self._waiting):
            self._concurrency.inside += 1
        else:
            await self._wait()

    def leave(self) -> None:
        """Make room for the next one."""
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
                self.leave()
            raise

    def _admit(self) -> None:
        while self._waiting and (self._is_open or self._concurrency.has_room):
            admitted = self._waiting.popleft()
            if not admitted.done():
                self._concurrency.inside += 1
                admitted.set_result(None)
