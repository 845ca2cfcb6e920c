from __future__ import annotations

import asyncio
from threading import Event, current_thread, main_thread

import pytest

from lifestats_crawler.threads import in_thread


async def test_a_function_is_called_in_a_thread_of_its_own_that_does_not_keep_the_process():
    thread, arguments = await in_thread(lambda *arguments: (current_thread(), arguments), 1, "two")
    assert thread is not main_thread()
    assert thread.daemon
    assert arguments == (1, "two")


async def test_what_it_raises_is_raised_where_it_is_awaited():
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 / 0)


async def test_the_loop_goes_on_meanwhile():
    goes_on = Event()
    waiting = asyncio.ensure_future(in_thread(goes_on.wait, 10))
    await asyncio.sleep(0)
    assert not waiting.done()
    goes_on.set()
    assert await waiting is True


async def test_a_result_that_nobody_waits_for_any_more_is_let_go():
    goes_on = Event()
    waiting = asyncio.ensure_future(in_thread(goes_on.wait, 10))
    await asyncio.sleep(0)
    waiting.cancel()
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await in_thread(lambda: None)
