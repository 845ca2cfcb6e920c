"""Two reports of the same counters: values that rose or fell, new values, and values that are gone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lifestats_crawler.items import Key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifestats_crawler import shapes

_SPACE = ("url", "first_id", "last_id")

#: Rank and count of values that a report does not list, by counter and value, as its segments have them.
Found = Mapping[str, Mapping[Key, tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one value between two reports; None where one has not counted it, or does not list it."""

    key: Key
    label: str | None
    rank_before: int | None
    rank: int | None
    count_before: int | None
    count: int | None
    share_before: float | None
    share: float | None
    #: Of a value that one of the reports does not list, and may have counted: the rank that its own is below.
    below: int | None = None

    @property
    def rank_change(self) -> int | None:
        """How many ranks it has risen; None for a value of which only one rank is known."""
        if self.rank is None or self.rank_before is None:
            return None
        return self.rank_before - self.rank

    @property
    def count_change(self) -> int | None:
        """How much more often it occurs; None where that is not known."""
        if self.below is not None:
            return None
        return (self.count or 0) - (self.count_before or 0)

    @property
    def kind(self) -> Literal["new", "gone", "risen", "fallen", "same", "unlisted"]:
        """``new``, ``gone``, ``risen``, ``fallen``, ``same``, or ``unlisted``.

        That is a value which may well be in the report that does not list it, beyond its rows.
        """
        if self.rank is None or self.rank_before is None:
            return "unlisted" if self.below is not None else "new" if self.rank_before is None else "gone"
        change = self.rank_before - self.rank
        return "risen" if change > 0 else "fallen" if change < 0 else "same"

    @property
    def direction(self) -> Literal[-1, 0, 1]:
        """1 for a value that is more frequent and stands higher, -1 for the opposite, 0 for what others moved."""
        if self.kind in {"new", "gone"}:
            return 1 if self.kind == "new" else -1
        change, share = self.rank_change or 0, (self.share or 0.0) - (self.share_before or 0.0)
        return 1 if change > 0 and share > 0 else -1 if change < 0 and share < 0 else 0


def document(
    before: Mapping[str, Any], after: Mapping[str, Any], found: tuple[Found | None, Found | None] = (None, None)
) -> shapes.Diff:
    """Return the comparison of two reports as one JSON document.

    ``found`` has what the segments of either run say of values that its report does not list (see ``unlisted``);
    None where there are no segments.
    """
    compared = compare(before, after, found)
    return {
        "schema": "lifestats.diff/1",
        "before": _about(before),
        "after": _about(after),
        "differences": list(_differences(before, after)),
        "totals": {name: _totals(before["counters"][name], after["counters"][name]) for name in compared},
        "counters": {name: [_as_json(change) for change in changes] for name, changes in compared.items()},
    }


def _about(report: Mapping[str, Any]) -> shapes.Compared:
    about: shapes.RunFacts = report["run"]
    return {**about, "complete": report["coverage"]["complete"], "items": report["totals"]["items"]}


def _totals(before: Mapping[str, Any], after: Mapping[str, Any]) -> shapes.DiffTotals:
    return {
        "items_before": before["items"],
        "items": after["items"],
        "distinct_before": before["distinct"],
        "distinct": after["distinct"],
    }


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Say in what the two have counted something else."""
    for key in _SPACE:
        first, second = before["source"][key], after["source"][key]
        if first != second:
            yield f"{key} is {first} before, and {second} after"
    for name in {**before["counters"], **after["counters"]}:
        first, second = (report["counters"].get(name, {}).get("field") for report in (before, after))
        if first is None or second is None:
            yield f"counter {name} is only in the {'earlier' if second is None else 'later'} one"
        elif first != second:
            yield f"counter {name} counts {first} before, and {second} after: it is left out"


def unlisted(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, list[Key]], ...]:
    """Return the values by counter that each of two reports does not list, and the other one does.

    Counters of which a report lists every value are left out.
    """
    lacking: tuple[dict[str, list[Key]], ...] = ({}, {})
    for name in _common(before, after):
        counters = before["counters"][name], after["counters"][name]
        keys = [{row["key"] for row in counter["top"]} for counter in counters]
        for wanted, counter, own, others in zip(lacking, counters, keys, reversed(keys), strict=True):
            if len(own) < counter["distinct"] and others - own:
                wanted[name] = sorted(others - own, key=str)
    return lacking


def compare(
    before: Mapping[str, Any], after: Mapping[str, Any], found: tuple[Found | None, Found | None] = (None, None)
) -> dict[str, list[Change]]:
    """Compare the counters that two reports have in common: the same name, and the same field."""

    def of(counter: str) -> Iterator[Change]:
        first, second = (part.get(counter) if part else None for part in found)
        return changes(before["counters"][counter], after["counters"][counter], first, second)

    return {name: list(of(name)) for name in _common(before, after)}


def _common(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return [
        name
        for name, counter in after["counters"].items()
        if before["counters"].get(name, {}).get("field") == counter["field"]
    ]


def changes(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    found_before: Mapping[Key, tuple[int, int]] | None = None,
    found_after: Mapping[Key, tuple[int, int]] | None = None,
) -> Iterator[Change]:
    """Yield the values of the later report by rank, and then those that only the earlier one lists."""
    earlier = {row["key"]: row for row in before["top"]}
    for row in after["top"]:
        known = earlier.pop(row["key"], None) or _found(row["key"], before, found_before)
        yield _change(known, row, None if known else _below(before, found_before))
    for row in earlier.values():
        known = _found(row["key"], after, found_after)
        yield _change(row, known, None if known else _below(after, found_after))


def _found(
    key: Key, counter: Mapping[str, Any], found: Mapping[Key, tuple[int, int]] | None
) -> dict[str, Any] | None:
    if found is None or key not in found:
        return None
    rank, count = found[key]
    return {"rank": rank, "count": count, "share": round(count / counter["items"], 6)}


def _below(counter: Mapping[str, Any], found: Mapping[Key, tuple[int, int]] | None) -> int | None:
    """Return the rank below which a value may stand that a report does not list; None if it has none."""
    listed = len(counter["top"])
    return listed if found is None and listed < counter["distinct"] else None


def _change(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, below: int | None) -> Change:
    known = (after if after and "key" in after else before) or {}
    first, second = before or {}, after or {}
    return Change(
        key=known["key"],
        label=known.get("label"),
        rank_before=first.get("rank"),
        rank=second.get("rank"),
        count_before=first.get("count"),
        count=second.get("count"),
        share_before=first.get("share"),
        share=second.get("share"),
        below=below,
    )


def _as_json(change: Change) -> shapes.Change:
    return {
        "key": change.key,
        "label": change.label,
        "rank_before": change.rank_before,
        "rank": change.rank,
        "count_before": change.count_before,
        "count": change.count,
        "share_before": change.share_before,
        "share": change.share,
        "below": change.below,
        "rank_change": change.rank_change,
        "count_change": change.count_change,
        "kind": change.kind,
        "direction": change.direction,
    }
