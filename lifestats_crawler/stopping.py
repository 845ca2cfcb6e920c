"""Signals that stop a crawl: heard from the beginning, a hangup among them, and twice at once is one wish."""

from __future__ import annotations

import os
import signal
import threading
from time import monotonic
from typing import TYPE_CHECKING

from lifestats_crawler.ending import ExitStatus

if TYPE_CHECKING:
    from types import FrameType

_SAME_WISH_SECONDS = 1.0
_SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


class StopSignals:
    """Pass each signal that is a wish on to whoever handles SIGTERM.

    Until somebody does, the first signal is kept. Where a terminal is closed, SIGHUP and SIGTERM may come
    together: what comes within a second of the signal before is the same wish. A signal that is ignored already,
    as nohup does with SIGHUP, stays ignored.
    """

    def __init__(self) -> None:
        """Hear nothing yet."""
        #: The signal that came before anybody could handle it.
        self.kept: int | None = None
        #: Whether one has come.
        self.is_wanted = False
        self._deaf_until = 0.0
        self._handler: object = None
        self._heard: list[signal.Signals] = []

    def listen(self) -> None:
        """Hear the signals from now on: kept where nobody handles them, and even as process 1 of a container.

        The kernel passes on to process 1 only the signals that it has a handler for.
        """
        if threading.current_thread() is threading.main_thread():
            self._heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
            self._take_over()

    def pass_on(self) -> None:
        """Pass signals on, from now on, to the handler that SIGTERM has been given; also the one that was kept."""
        self._handler = signal.getsignal(signal.SIGTERM)
        self._take_over()
        if self.kept is not None:
            self._deliver(self.kept, None)

    def _take_over(self) -> None:
        for number in self._heard:
            signal.signal(number, self._hear)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        now = monotonic()
        if now < self._deaf_until:
            return
        self._deaf_until = now + _SAME_WISH_SECONDS
        is_second, self.is_wanted = self.is_wanted, True
        if self._handler is not None:
            self._deliver(number, frame)
        elif is_second:
            os._exit(ExitStatus.STOPPED)  # whatever holds up the start
        else:
            self.kept = number

    def _deliver(self, number: int, frame: FrameType | None) -> None:
        """Call the handler, which may put another one in its place for the next signal."""
        if callable(self._handler):
            self._handler(number, frame)
            self._follow()

    def _follow(self) -> None:
        """Take over from the handler that a handler has put in its place."""
        if (handler := signal.getsignal(signal.SIGTERM)) != self._hear:
            self._handler = handler
            self._take_over()


#: Those of this process.
signals = StopSignals()
