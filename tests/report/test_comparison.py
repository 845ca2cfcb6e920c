from __future__ import annotations

from lifestats_crawler.report import comparison


def report(name, field="food_id", distinct=None, source=None, **ranks):
    top = [
        {"rank": rank, "key": key, "count": 100 - rank, "share": 0.1}
        for key, rank in sorted(ranks.items(), key=lambda pair: pair[1])
    ]
    return {
        "run": {"name": name, "environment": "test", "finished_at": "2026-01-01T00:00:00.000Z"},
        "coverage": {"complete": True},
        "source": {"url": "https://x.example", "first_id": 1, "last_id": 9} | (source or {}),
        "totals": {"items": 1000},
        "counters": {"foods": {"field": field, "top": top, "items": 1000, "distinct": distinct or len(top)}},
    }


def test_every_value_of_either_report_has_risen_fallen_stayed_come_or_gone():
    changes = comparison.compare(report("one", a=1, b=2, c=3, d=4), report("two", b=1, a=2, c=3, e=4))["foods"]
    assert [(change.key, change.kind, change.rank_change) for change in changes] == [
        ("b", "risen", 1),
        ("a", "fallen", -1),
        ("c", "same", 0),
        ("e", "new", None),
        ("d", "gone", None),
    ]


SHORT, LONG = report("one", distinct=9, a=1, b=2), report("two", distinct=9, c=1, a=2, d=3, b=4)


def test_what_may_be_beyond_the_rows_of_the_other_report_is_neither_new_nor_gone():
    changes = comparison.compare(SHORT, LONG)["foods"]
    assert [(change.kind, change.below, change.count_change) for change in changes] == [
        ("unlisted", 2, None),
        ("fallen", None, -1),
        ("unlisted", 2, None),
        ("fallen", None, -2),
    ]
    assert [change.kind for change in comparison.compare(LONG, SHORT)["foods"]][2:] == ["unlisted", "unlisted"]


def test_what_the_segments_say_of_a_value_that_a_report_does_not_list_tells_whether_it_is_new_or_gone():
    assert comparison.unlisted(SHORT, LONG) == ({"foods": ["c", "d"]}, {})
    assert comparison.unlisted(report("one", distinct=2, a=1, b=2), LONG) == ({}, {})
    found = {"foods": {"d": (6, 90)}}
    changes = {change.key: change for change in comparison.compare(SHORT, LONG, (found, None))["foods"]}
    assert changes["c"].kind == "new"
    assert changes["c"].count_change == 99
    d = changes["d"]
    assert (d.kind, d.rank_change, d.count_before, d.share_before, d.count_change) == ("risen", 3, 90, 0.09, 7)
    changes = {change.key: change for change in comparison.compare(LONG, SHORT, (None, found))["foods"]}
    assert (changes["c"].kind, changes["c"].count_change) == ("gone", -99)
    assert (changes["d"].kind, changes["d"].rank_change) == ("fallen", -3)


def test_a_value_that_only_others_have_moved_has_no_direction():
    before, after = report("one", a=1, b=2, c=3), report("two", x=1, a=2, b=3, c=4)
    after["counters"]["foods"]["top"][3]["share"] = 0.05
    directions = {change.key: change.direction for change in comparison.compare(before, after)["foods"]}
    assert directions == {"x": 1, "a": 0, "b": 0, "c": -1}


def test_of_a_run_with_itself_every_row_is_unchanged():
    changes = comparison.compare(LONG, LONG)["foods"]
    assert [(change.kind, change.count_change, change.direction) for change in changes] == [("same", 0, 0)] * 4


def test_that_two_reports_have_not_counted_the_same_is_said():
    other = report("two", field="other", source={"last_id": 12}, a=1)
    other["counters"]["more"] = other["counters"]["foods"]
    assert comparison.document(LONG, other)["differences"] == [
        "last_id is 9 before, and 12 after",
        "counter foods counts food_id before, and other after: it is left out",
        "counter more is only in the later one",
    ]


def test_counters_of_different_fields_are_not_compared():
    assert comparison.compare(report("one", field="x", a=1), report("two", a=1)) == {}


def test_the_document_says_which_runs_it_compares():
    document = comparison.document(report("one", a=1), report("two", a=2))
    assert (document["before"]["name"], document["after"]["name"]) == ("one", "two")
    assert document["counters"]["foods"][0]["rank_change"] == -1
