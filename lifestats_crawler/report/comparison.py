"""Two reports of the same counters: values that rose or fell, new values, and values that are gone. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lifestats_crawler.items import Key

SCHEMA = "lifestats.diff/1"


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one value between two reports; None where a report does not list it."""

    key: Key
    label: str | None
    rank_before: int | None
    rank: int | None
    count_before: int | None
    count: int | None
    share_before: float | None
    share: float | None
    #: Whether its rank is beyond the rows of the report that does not list it.
    is_beyond: bool = False

    @property
    def rank_change(self) -> int | None:
        """How many ranks it has risen; None for a value that only one of the reports lists."""
        if self.rank is None or self.rank_before is None:
            return None
        return self.rank_before - self.rank

    @property
    def kind(self) -> str:
        """``new``, ``gone``, ``risen``, ``fallen``, ``same``, or ``unlisted``.

        That is a value which may well be in the report that does not list it, beyond its rows.
        """
        if self.rank is None or self.rank_before is None:
            return "unlisted" if self.is_beyond else "new" if self.rank_before is None else "gone"
        change = self.rank_before - self.rank
        return "risen" if change > 0 else "fallen" if change < 0 else "same"


def document(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the comparison of two reports as one JSON document."""
    return {
        "schema": SCHEMA,
        "before": before["run"] | {"complete": before["coverage"]["complete"]},
        "after": after["run"] | {"complete": after["coverage"]["complete"]},
        "counters": {
            name: [_as_json(change) for change in found] for name, found in compare(before, after).items()
        },
    }


def _as_json(change: Change) -> dict[str, Any]:
    facts = asdict(change)
    del facts["is_beyond"]
    return facts | {"rank_change": change.rank_change, "kind": change.kind}


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Change]]:
    """Compare the counters that two reports have in common: the same name, and the same field."""
    return {
        name: list(changes(before["counters"][name], counter))
        for name, counter in after["counters"].items()
        if before["counters"].get(name, {}).get("field") == counter["field"]
    }


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Yield the values of the later report by rank, and then those that only the earlier one lists."""
    earlier = {row["key"]: row for row in before["top"]}
    for row in after["top"]:
        yield _change(earlier.pop(row["key"], None), row, is_beyond=_is_beyond(row, before))
    for row in earlier.values():
        yield _change(row, None, is_beyond=_is_beyond(row, after))


def _is_beyond(row: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether a report has more values than rows, and fewer rows than a row's rank."""
    return bool(len(other["top"]) < min(row["rank"], other["distinct"]))


def _change(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, *, is_beyond: bool) -> Change:
    known = after or before or {}
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
        is_beyond=is_beyond,
    )
