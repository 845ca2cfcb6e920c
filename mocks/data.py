"""Made-up records: the same for the same seed, made when asked for, and counted exactly. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from lifestats_crawler.ranges import IdRange, missing
from mocks.template import MAX_INTEGER, nested, template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

CHUNK_IDS = 1024  # made together: chunk n starts at id n * CHUNK_IDS
_CACHED_CHUNKS = 2048  # up to 240 MB of rendered records
# Knuth's multiplicative hash: a prime above any cardinality, and so coprime to all of them.
_SCATTER = 2_654_435_761
_MAX_CARDINALITY = 2**31
_FEW_VALUES = 1000  # a field of no more values than these is spread like categories, not like foods

Row = tuple[int, ...]


class Field(NamedTuple):
    """A field of every record, with values from 1 to ``cardinality``; dots in its name nest it."""

    name: str
    cardinality: int

    @property
    def skew(self) -> int:
        """The power of a uniform number that makes few values frequent and most of them rare."""
        return 3 if self.cardinality > _FEW_VALUES else 2


FIELDS = (Field("food_id", 16_000_000), Field("food__category_id", 150))


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to make up: ids from ``first_id`` to ``last_id``, both inclusive.

    ``density`` is the share of the ids outside the holes that exist. Which ones depends on the
    seed and on the id alone: bounds and holes hide records, they do not change them.
    """

    first_id: int
    last_id: int
    density: float = 0.95
    seed: int = 0
    fields: tuple[Field, ...] = FIELDS
    holes: tuple[IdRange, ...] = ()
    id_name: str = "id"
    #: Ranges with a density of their own.
    dense: tuple[tuple[IdRange, float], ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be made."""
        if not 0 <= self.first_id <= self.last_id < MAX_INTEGER:
            raise ValueError(
                f"ids {self.first_id} to {self.last_id} must ascend, and be from 0 to {MAX_INTEGER - 1}"
            )
        if not 0 < self.density <= 1:
            raise ValueError(f"density {self.density} must be above 0, and at most 1")
        for name, cardinality in self.fields:
            if not 1 <= cardinality < _MAX_CARDINALITY:
                raise ValueError(f"field {name}: cardinality {cardinality} must be from 1 to 2^31 - 1")


class Page(NamedTuple):
    """Records as JSON, their ids, and the first existing id after them, None at the end."""

    records: list[bytes]
    ids: array[int]
    following: int | None


class Truth:
    """How many records there are, and how often each value of a field occurs."""

    def __init__(self, fields: Iterable[str]) -> None:
        """Start at nothing."""
        self.records = 0
        self.counts: dict[str, Counter[int]] = {field: Counter() for field in fields}

    def add(self, rows: list[Row]) -> None:
        """Count rows: (id, the value of each field)."""
        self.records += len(rows)
        for at, counter in enumerate(self.counts.values(), start=1):
            counter.update([row[at] for row in rows])


class _Chunk(NamedTuple):
    ids: array[int]
    records: list[bytes]


class Records:
    """The records of a recipe, made a chunk at a time and only when asked for."""

    def __init__(self, recipe: Recipe) -> None:
        """Start at once, whatever the size of the id space."""
        self.recipe = recipe
        self._template, self._fields = _record_template(recipe)
        self.fields = [field.name for field in self._fields]
        whole = IdRange(recipe.first_id, recipe.last_id + 1)
        self._solid = list(missing(whole, recipe.holes))
        self._ends = [part.end for part in self._solid]
        self._chunk = lru_cache(_CACHED_CHUNKS)(self._rendered)

    def page(self, cursor: int, limit: int) -> Page:
        """Return the first ``limit`` records whose id is at least ``cursor``."""
        ids, records = array("q"), list[bytes]()
        for number in self._numbers(cursor):
            chunk = self._chunk(number)
            start = bisect_left(chunk.ids, cursor)
            stop = start + limit - len(ids) + 1  # one more than asked for: the next page starts there
            ids += chunk.ids[start:stop]
            records += chunk.records[start:stop]
            if len(ids) > limit:
                return Page(records[:limit], ids[:limit], ids[limit])
        return Page(records, ids, None)

    def truth(self, first_id: int | None = None, last_id: int | None = None) -> Truth:
        """Count the records from ``first_id`` to ``last_id``, both inclusive; all by default."""
        truth = Truth(self.fields)
        for rows in self.rows(first_id, last_id):
            truth.add(rows)
        return truth

    def rows(self, first_id: int | None = None, last_id: int | None = None) -> Iterator[list[Row]]:
        """Yield the same records as rows, (id, the value of each field), chunk by chunk."""
        first = self.recipe.first_id if first_id is None else first_id
        last = self.recipe.last_id if last_id is None else last_id
        for number in self._numbers(first):
            if number * CHUNK_IDS > last:
                break
            yield [row for row in self._existing(number) if first <= row[0] <= last]

    def _numbers(self, cursor: int) -> Iterator[int]:
        """Yield the chunks that may hold an id from ``cursor`` on, in order; none inside a hole."""
        number = cursor // CHUNK_IDS
        for solid in islice(self._solid, bisect_right(self._ends, cursor), None):
            numbers = range(max(number, solid.begin // CHUNK_IDS), (solid.end - 1) // CHUNK_IDS + 1)
            yield from numbers
            number = max(number, numbers.stop)

    def _rendered(self, number: int) -> _Chunk:
        rows = self._existing(number)
        return _Chunk(array("q", [row[0] for row in rows]), [self._template % row for row in rows])

    def _existing(self, number: int) -> list[Row]:
        ids = range(number * CHUNK_IDS, (number + 1) * CHUNK_IDS)
        rows = self._made(number, ids)
        solid = self._solid[bisect_right(self._ends, ids.start)]
        if solid.begin <= ids.start and ids.stop <= solid.end:
            return rows
        return [row for row in rows if self._is_solid(row[0])]

    def _made(self, number: int, ids: range) -> list[Row]:
        """Make a chunk as if there were neither bounds nor holes, from a random stream of its own."""
        random = Random((self.recipe.seed << 64) + number).random
        existing = self._drawn(ids, random)
        columns = [
            [1 + int(cardinality * random() ** skew) * _SCATTER % cardinality for _ in existing]
            for cardinality, skew in ((field.cardinality, field.skew) for field in self._fields)
        ]
        return list(zip(existing, *columns, strict=True))

    def _drawn(self, ids: range, random: Callable[[], float]) -> list[int]:
        """Draw which ids exist, one number for each, whatever its density is."""
        usual = self.recipe.density
        dense = [
            (part, density)
            for part, density in self.recipe.dense
            if part.begin < ids.stop and ids.start < part.end
        ]
        if not dense:
            return [an_id for an_id in ids if random() < usual]
        density = {an_id: other for part, other in dense for an_id in ids if an_id in part}
        return [an_id for an_id in ids if random() < density.get(an_id, usual)]

    def _is_solid(self, an_id: int) -> bool:
        at = bisect_right(self._ends, an_id)
        return at < len(self._solid) and an_id in self._solid[at]


def _record_template(recipe: Recipe) -> tuple[bytes, list[Field]]:
    """Return the template of a record, whose first place is the id, and its fields in their order."""
    _, *fields = _leaves(nested([(recipe.id_name, None), *((field.name, field) for field in recipe.fields)]))
    places = [(name, "%d") for name in (recipe.id_name, *(field.name for field in recipe.fields))]
    return template(nested(places)), fields


def _leaves(tree: dict[str, Any]) -> Iterator[Any]:
    for value in tree.values():
        if isinstance(value, dict):
            yield from _leaves(value)
        else:
            yield value
