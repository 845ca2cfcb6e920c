"""Work off the event loop, so that a slow disk or a long merge holds up neither pace nor signals."""

from __future__ import annotations

import asyncio
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


async def in_thread(function: Callable[..., Result], *args: Any) -> Result:
    """Call a function in a thread of its own, and return its result or raise its exception.

    Unlike asyncio's, the thread does not outlive the process: a second Ctrl-C ends it at once.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def work() -> None:
        try:
            result = function(*args)
        except BaseException as error:  # noqa: BLE001  # it is raised again where it is awaited
            _from_thread(loop, _fail, future, error)
        else:
            _from_thread(loop, _succeed, future, result)

    Thread(target=work, daemon=True).start()
    return await future


def _from_thread(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *args: Any) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call, *args)


def _succeed(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
