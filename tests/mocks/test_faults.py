from __future__ import annotations

from random import Random

from lifestats_crawler.ranges import IdRange
from mocks.faults import HARMLESS, KINDS
from mocks.injector import Demand, Injector, demands

CURSORS = range(1000)


def faults(injector, cursors):
    """Ask twice at each cursor."""
    met = {}
    for cursor in cursors:
        met[cursor] = (injector.kind(cursor), injector.kind(cursor))
    return met


def test_the_same_seed_gives_the_same_faults_in_whatever_order_the_cursors_come():
    shuffled = Random(1).sample(CURSORS, len(CURSORS))
    first = faults(Injector(demands("all:0.01"), seed=7), CURSORS)
    assert first == faults(Injector(demands("all:0.01"), seed=7), shuffled)
    assert first != faults(Injector(demands("all:0.01"), seed=8), CURSORS)


def test_the_share_of_the_requests_that_get_a_fault_is_the_one_asked_for():
    injector = Injector(demands("html:0.1"), limit=0)
    assert 150 < sum(kind == "html" for pair in faults(injector, CURSORS).values() for kind in pair) < 250
    assert injector.met.keys() == {"html"}


def test_a_cursor_has_no_more_faults_than_the_limit():
    injector = Injector(demands("reset:1"), limit=3)
    assert [injector.kind(5) for _ in range(5)] == ["reset"] * 3 + [None] * 2


def test_a_window_leaves_the_other_cursors_alone():
    injector = Injector([Demand("empty", 1.0, IdRange(10, 20))])
    assert [injector.kind(cursor) for cursor in (9, 10, 19, 20)] == [None, "empty", "empty", None]


def test_all_means_every_fault_but_the_closed_doors():
    assert KINDS.keys() - {kind for kind, *_ in demands("all:0.01")} == {"status-401", "status-403"}
    assert KINDS.keys() > HARMLESS
