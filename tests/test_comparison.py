from __future__ import annotations

from lifestats_crawler import comparison


def report(name, field="food_id", **ranks):
    top = [
        {"rank": rank, "key": key, "count": 100 - rank, "share": 0.1}
        for key, rank in sorted(ranks.items(), key=lambda pair: pair[1])
    ]
    return {
        "run": {"name": name, "environment": "test", "finished_at": "2026-01-01T00:00:00.000Z"},
        "coverage": {"complete": True},
        "counters": {"foods": {"field": field, "top": top}},
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


def test_counters_of_different_fields_are_not_compared():
    assert comparison.compare(report("one", field="x", a=1), report("two", a=1)) == {}


def test_the_document_says_which_runs_it_compares():
    document = comparison.document(report("one", a=1), report("two", a=2))
    assert (document["before"]["name"], document["after"]["name"]) == ("one", "two")
    assert document["counters"]["foods"][0]["rank_change"] == -1
