"""Which signals are a wish to stop, and who hears them when."""

from __future__ import annotations

import os
import signal

import pytest

from lifestats_crawler import stopping
from lifestats_crawler.stopping import StopSignals

HUP, INT, TERM = signal.SIGHUP, signal.SIGINT, signal.SIGTERM


class Handlers:
    """What Scrapy does: one handler for the first signal, another for the second."""

    def __init__(self):
        self.calls = []

    def first(self, number, _):
        self.calls.append(("stop", number))
        signal.signal(TERM, self.second)

    def second(self, number, _):
        self.calls.append(("kill", number))
        signal.signal(TERM, signal.SIG_IGN)


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(stopping, "monotonic", lambda: now[0])
    usual = {number: signal.getsignal(number) for number in (HUP, INT, TERM)}
    yield now
    for number, handler in usual.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("sent", "calls"),
    [
        ([(0, TERM)], [("stop", TERM)]),
        ([(0, HUP)], [("stop", HUP)]),
        ([(0, HUP), (0.1, TERM), (0.9, INT)], [("stop", HUP)]),
        ([(0, INT), (1.0, INT)], [("stop", INT), ("kill", INT)]),
        ([(0, INT), (1.5, HUP), (1.6, HUP), (9, HUP)], [("stop", INT), ("kill", HUP)]),
    ],
)
def test_signals_within_a_second_are_one_wish_and_a_later_one_is_another(clock, sent, calls):
    handlers, signals = Handlers(), StopSignals()
    signals.listen()
    signal.signal(TERM, handlers.first)
    signals.pass_on()
    for after, number in sent:
        clock[0] = 100 + after
        os.kill(os.getpid(), number)
    assert handlers.calls == calls
    assert signals.is_wanted


def test_a_signal_that_came_before_anybody_could_handle_it_is_passed_on(clock):
    handlers, signals = Handlers(), StopSignals()
    signals.listen()
    os.kill(os.getpid(), HUP)
    signal.signal(TERM, handlers.first)
    signals.pass_on()
    assert handlers.calls == [("stop", HUP)]
    clock[0] += 2
    os.kill(os.getpid(), TERM)
    assert handlers.calls == [("stop", HUP), ("kill", TERM)]


@pytest.mark.usefixtures("clock")
def test_a_hangup_that_is_ignored_stays_ignored():
    signal.signal(HUP, signal.SIG_IGN)
    signals = StopSignals()
    signals.listen()
    os.kill(os.getpid(), HUP)
    assert signal.getsignal(HUP) is signal.SIG_IGN
    assert (signals.kept, signals.is_wanted) == (None, False)
