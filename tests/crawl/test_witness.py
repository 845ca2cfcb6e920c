from __future__ import annotations

from lifestats_crawler.crawl.witness import Witnesses


def test_the_highest_known_record_may_go():
    witnesses = Witnesses([5])
    witnesses.note([1, 2, 3])
    witnesses.note([7, 9])
    assert witnesses.highest == 9
    witnesses.forget(9)
    witnesses.forget(7)
    assert witnesses.highest == 5
    assert Witnesses().highest == -1


def test_what_has_answered_is_asked_first_and_others_are_from_everywhere():
    witnesses = Witnesses()
    for begin in range(0, 100_000, 1000):
        witnesses.note(range(begin, begin + 10))
    assert witnesses.some(1) == [99_005]
    some = witnesses.some(8)
    assert (min(some) < 5000, max(some) > 90_000) == (True, True)
    witnesses.has_answered(42)
    assert witnesses.some(2)[0] == 42
    assert 42 not in witnesses.some(100, besides=42)


def test_a_bounded_number_is_kept():
    witnesses = Witnesses()
    for begin in range(0, 100_000, 100):
        witnesses.note(range(begin, begin + 100))
    assert len(witnesses.some(1000)) <= 48
