"""Reports as they could be: one with the keys that every report has, a realistic one, and one that does harm."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

from tests.conftest import FIRST

ATTACK = "<script>alert(1)</script><img src=x onerror=alert(1)>'\"{{ 7 * 7 }}</script>"
HOSTILE = [
    ATTACK,
    "a\nb\r\n\tc\0d",
    "\u202eevil\u2066",
    "\u2028\u2029",
    "שלום עולם 7",
    "👩‍👩‍👧 ✓",
    "&amp;&lt;",
    "",
    " ",
    "7",
    "x" * 5000,
    "a long text of many words " * 40,
]


def counted(rows: list[tuple[Any, int]], **more) -> dict[str, Any]:
    """A counter of a report, with these keys and counts as all that there is."""
    items = sum(count for _, count in rows)
    top = [
        {"rank": rank, "key": key, "count": count, "share": round(count / items, 6), "certain": rank == 1}
        for rank, (key, count) in enumerate(rows, 1)
    ]
    return {"field": "food_id", "items": items, "without": 0, "distinct": len(rows), "top": top} | more


def reported(*, missing=(), ids=73_827_800, **more) -> dict[str, Any]:
    """A report with the keys that every report has, and ``more``."""
    settled = ids - sum(end - begin for begin, end in missing)
    return {
        "schema": "lifestats.report/1",
        "run": {
            "name": "20261124T040000Z",
            "environment": "production",
            "started_at": "2026-11-24T04:00:00.000Z",
            "finished_at": "2026-11-24T06:03:04.500Z",
            "elapsed_seconds": 7384.5,
            "finish_reason": "shutdown" if missing else "finished",
        },
        "source": {
            "url": "https://api.example.com/v1/foodstats?offset={cursor}&limit={limit}",
            "first_id": FIRST,
            "last_id": FIRST + ids - 1,
            "results_per_page": 100,
            "rate_limit": 100.0,
        },
        "coverage": {
            "complete": not missing,
            "ids": ids,
            "settled": settled,
            "ratio": settled * 10**6 // ids / 10**6,
            "missing": [list(span) for span in missing],
        },
        "totals": {
            "items": 69_648_868,
            "pages": 735_419,
            "requests": 735_450,
            "retries": 31,
            "requests_per_second": 99.59,
        },
        "counters": {"foods": counted([(12274029, 13), (-5, 4), (2**63 - 1, 1)])},
    } | more


def realistic(**more) -> dict[str, Any]:
    """Two hours of crawling as they could be: the picture in the README."""
    chance = random.Random(7)
    names = ["Coffee, brewed", "Egg, whole", "Banana", "Milk, 2% fat", "Water", "Apple", "Chicken breast, grilled"]
    kinds = ["Beverages", "Dairy", "Fruits", "Vegetables", "Baked goods", "Poultry", "Cereals", "Snacks", "Sweets"]
    foods = ranked(
        chance, names, chance.sample(range(1, 16_000_000), 100), partial(falling, 1_203_441, 0.75), 9_182_733
    )
    categories = ranked(chance, kinds, chance.sample(range(1, 160), 10), partial(falling, 12_410_233, 1.0), 152)
    categories |= {"field": "food__category_id", "items": categories["items"] - 1204, "without": 1204}
    previous = {"name": "20261117T040000Z", "finished_at": "2026-11-17T06:03:11.000Z"}
    counters = {"foods": foods, "categories": categories}
    return reported(counters=counters, previous=previous, pace=paced(chance)) | more


def falling(most: int, exponent: float, rank: int) -> int:
    """The count at a rank: a line on two logarithmic axes, which bends where values are rare."""
    return max(1, int(most / rank**exponent / (1 + (rank / 20_000) ** 2)))


def ranked(chance, names, keys, count, distinct) -> dict[str, Any]:
    """A counter with a count for each rank, whose values have changed places a little."""
    counter = counted(
        [(key, count(rank)) for rank, key in enumerate(keys, 1)], distinct=distinct, items=69_648_868
    )
    ranks = sorted({*(int(10 ** (step / 20)) for step in range(140)), distinct})
    counter["frequency"] = [[rank, count(rank)] for rank in ranks if rank <= distinct]
    before = sorted(range(1, len(keys) + 1), key=lambda rank: rank + chance.gauss(0, 0.2 * rank**0.6))
    for row in counter["top"]:
        is_new = row["rank"] % 37 == 14
        change = None if is_new else before.index(row["rank"]) + 1 - row["rank"]
        row |= {"share": round(row["count"] / counter["items"], 6), "new": is_new, "rank_change": change}
    for row, name in zip(counter["top"], names, strict=False):
        row["label"] = name
    return counter


def paced(chance: random.Random) -> list[dict[str, Any]]:
    """Half a minute each, with a slow server for a while."""
    return [
        {
            "at": f"2026-11-24T{4 + step // 120:02}:{step // 2 % 60:02}:{step % 2 * 30:02}.000Z",
            "seconds": 30.0,
            "requests": int(30 * (99.6 - chance.random() - (25 * chance.random() if 120 < step < 127 else 0))),
        }
        for step in range(1, 247)
    ]


def hostile() -> dict[str, Any]:
    """Everything that a value could try, and little room for it."""
    foods = counted([(key, 2**60 - rank) for rank, key in enumerate(HOSTILE)])
    for row in foods["top"]:
        row |= {"label": row["key"], "rank_change": 1_000_000, "new": False}
    return reported(
        counters={ATTACK: foods, "y" * 300: foods},
        missing=[(FIRST, FIRST + 2)],
        previous={"name": ATTACK, "finished_at": ATTACK},
        source=reported()["source"] | {"url": "https://" + "z" * 400},
    )
