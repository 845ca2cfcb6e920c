from __future__ import annotations

from lifestats_crawler.report import comparison


def report(name, field="food_id", distinct=None, **ranks):
    top = [
        {"rank": rank, "key": key, "count": 100 - rank, "share": 0.1}
        for key, rank in sorted(ranks.items(), key=lambda pair: pair[1])
    ]
    return {
        "run": {"name": name, "environment": "test", "finished_at": "2026-01-01T00:00:00.000Z"},
        "coverage": {"complete": True},
        "counters": {"foods": {"field": field, "top": top, "distinct": distinct or len(top)}},
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


def test_what_may_be_beyond_the_rows_of_the_other_report_is_neither_new_nor_gone():
    short, long = report("one", distinct=9, a=1, b=2), report("two", distinct=9, c=1, a=2, d=3, b=4)
    kinds = [change.kind for change in comparison.compare(short, long)["foods"]]
    assert kinds == ["new", "fallen", "unlisted", "fallen"]
    kinds = {change.key: change.kind for change in comparison.compare(long, short)["foods"]}
    assert (kinds["c"], kinds["d"]) == ("gone", "unlisted")


def test_counters_of_different_fields_are_not_compared():
    assert comparison.compare(report("one", field="x", a=1), report("two", a=1)) == {}


def test_the_document_says_which_runs_it_compares():
    document = comparison.document(report("one", a=1), report("two", a=2))
    assert (document["before"]["name"], document["after"]["name"]) == ("one", "two")
    assert document["counters"]["foods"][0]["rank_change"] == -1
