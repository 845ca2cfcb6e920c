"""How this API is asked, and how its pages are read. Pure: text and bytes in, tallies out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from lifestats_crawler.api.cursor import Cursor, fill_in, integer
from lifestats_crawler.api.expressions import column, finder
from lifestats_crawler.config import secrets
from lifestats_crawler.config.redaction import Secrets, cut
from lifestats_crawler.config.values import MAX_ID
from lifestats_crawler.exceptions import ContradictionError, FaultyPageError
from lifestats_crawler.items import Key, Tally
from lifestats_crawler.ranges import IdRange

if TYPE_CHECKING:
    from lifestats_crawler.config.model import Config

_MOST_CHARACTERS = 160  # of what is said of an answer
_INTEGERS, _PLAIN = {int}, {int, str}


class Dialect:
    """The way of one API: its url, where its records are, and what its cursor means (``api/cursor``)."""

    def __init__(self, config: Config) -> None:
        """Compile the expressions of a checked configuration."""
        self._url = config.url
        self._cursor = Cursor(config.inclusive)
        self._limit = config.results_per_page
        self._space = config.space
        self._secrets = Secrets(secrets.hidden(config))
        self._config = config
        self._items = finder(config.items)
        self._next = finder(config.next) if config.next else None
        self._ids = column(config.id)
        self._skips = [name for name, counter in config.counters.items() if counter.missing == "skip"]
        self._columns = {name: column(counter.field) for name, counter in config.counters.items()}
        self._labels = {
            name: column(counter.label) for name, counter in config.counters.items() if counter.label is not None
        }

    def url(self, cursor: int) -> str:
        """Where to ask for the first records whose id is at least ``cursor``."""
        return fill_in(self._url, self._cursor.sent(cursor), self._limit)

    def read(self, body: bytes, asked: IdRange) -> Tally:
        """Read the answer to a request at ``asked.begin`` on a chain that ends at ``asked.end``.

        Raises FaultyPageError if the answer does not make sense: then nothing of it is counted.
        """
        try:
            return self._read(body, asked)
        except FaultyPageError as fault:
            # What is quoted of an answer may be a secret that the server repeats.
            raise type(fault)(cut(self._secrets.hidden(str(fault)), _MOST_CHARACTERS)) from None
        except Exception as error:  # noqa: BLE001  # whatever an answer provokes, it is not believed
            reason = self._secrets.hidden(f"cannot be read: {type(error).__name__}: {error}")
            raise FaultyPageError(cut(reason, _MOST_CHARACTERS)) from None

    def shows(self, body: bytes, first: int, an_id: int) -> bool:
        """Tell whether the answer to a request at ``first`` has the record of an id. Raises FaultyPageError."""
        up_to, before = (self.read(body, IdRange(first, end)).records for end in (an_id + 1, an_id))
        return up_to - before == 1

    def _read(self, body: bytes, asked: IdRange) -> Tally:
        page = _decoded(body)
        records = self._records(page)
        ids = _checked_ids(self._ids(records), self._config.id)
        if not self._cursor.is_inclusive and self._cursor.sent(asked.begin) in ids:
            raise ContradictionError(f"contains id {asked.begin - 1}, the cursor itself: set inclusive: true")
        bounds = IdRange(min(ids), max(ids) + 1) if ids else IdRange(asked.begin, asked.begin)
        following = self._following(page, bounds, asked.begin)
        settles = self._settles(asked, following, bounds)
        inside = records
        if bounds.begin < settles.begin or bounds.end > settles.end:
            inside = [record for an_id, record in zip(ids, records, strict=True) if an_id in settles]
        keys = {name: self._checked_keys(name, read(inside)) for name, read in self._columns.items()}
        labels = {name: _labels(keys[name], read(inside)) for name, read in self._labels.items()}
        without = self._drop_absent(keys) if self._skips else {}
        return Tally(
            settles,
            keys,
            len(inside),
            next=following,
            without=without,
            labels=labels,
            highest=self._highest(ids, bounds),
        )

    def _highest(self, ids: list[int], bounds: IdRange) -> int | None:
        if bounds.end <= self._space.end:
            return bounds.end - 1 if ids else None
        return max((an_id for an_id in ids if an_id < self._space.end), default=None)

    def _checked_keys(self, counter: str, values: list[Any]) -> list[Any]:
        """Return what is counted for each value; null stays null where the counter skips such records."""
        types = set(map(type, values))
        if types <= {str}:
            return values
        keys = values if types <= _PLAIN else [self._key(counter, value) for value in values]
        numbers = keys if types == {int} else [key for key in keys if isinstance(key, int)]
        if numbers and (min(numbers) < -(2**63) or max(numbers) >= 2**63):
            raise self._faulty_field(counter, "does not fit into 64 bits")
        return keys

    def _key(self, counter: str, value: Any) -> Key | None:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, int | str):
            return value
        if value is not None:
            raise self._faulty_field(counter, f"is {_json(value)}, neither an integer nor text")
        if counter not in self._skips:
            raise self._faulty_field(counter, "is missing or null in a record")
        return None

    def _faulty_field(self, counter: str, what: str) -> FaultyPageError:
        field = self._config.counters[counter].field
        return FaultyPageError(f"counters.{counter}.field: {field} {what}")

    def _drop_absent(self, keys: dict[str, list[Any]]) -> dict[str, int]:
        """Take the records without a field out of the counters that skip them, and count them."""
        without = {}
        for name in self._skips:
            present = [key for key in keys[name] if key is not None]
            without[name] = len(keys[name]) - len(present)
            keys[name] = present
        return without

    def _records(self, page: Any) -> list[Any]:
        records = self._items(page)
        if not isinstance(records, list):
            raise FaultyPageError(f"items: {self._config.items} is {_json(records)}, not a list of records")
        if len(records) > self._limit:
            raise FaultyPageError(f"has {len(records)} records, but {self._limit} were requested")
        return records

    def _following(self, page: Any, shown: IdRange, cursor: int) -> int | None:
        """Return where the next page starts; None where the answer says that it is the last."""
        if self._next is None:
            return shown.end if shown.end > cursor else None
        claimed = self._next(page)
        if claimed is None:
            return None
        following = self._cursor.first(_checked_integer(claimed, "next", self._config.next))
        if following <= cursor:
            raise FaultyPageError(f"next is {claimed}, not after the cursor {self._cursor.sent(cursor)}")
        if shown.end > following:
            hint = ". If this is so on every page, set inclusive: false" if shown.end == following + 1 else ""
            raise FaultyPageError(f"next is {claimed}, but the page already has id {shown.end - 1}{hint}")
        # No id from there to the end of the id space: the same claim as null.
        return following if following <= self._space.end else None

    def _settles(self, asked: IdRange, following: int | None, shown: IdRange) -> IdRange:
        if following is None:
            following = max(asked.begin, shown.end)
        return IdRange(asked.begin, min(following, asked.end))


def _decoded(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise FaultyPageError(f"is not JSON: {error} in {body!r}") from None


def _checked_ids(values: list[Any], path: str) -> list[int]:
    ids = (
        values
        if set(map(type, values)) <= _INTEGERS
        else [_checked_integer(value, "id", path) for value in values]
    )
    if ids and (min(ids) < 0 or max(ids) > MAX_ID):
        raise FaultyPageError(f"id {min(ids) if min(ids) < 0 else max(ids)} must be from 0 to {MAX_ID}")
    if len(set(ids)) < len(ids):
        raise FaultyPageError("contains the same id twice")
    return ids


def _checked_integer(value: Any, key: str, path: str | None) -> int:
    """Return an integer, or digits in a string, as an integer; ``key`` has its place in the configuration."""
    number = integer(value)
    if number is None:
        raise FaultyPageError(f"{key}: {path} is {_json(value)}, not an integer")
    return number


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _labels(keys: list[Any], names: list[Any]) -> dict[Key, str]:
    """Return the names that are texts or numbers, the last one of each value; others are no names."""
    return {
        key: str(name)
        for key, name in zip(keys, names, strict=True)
        if key is not None and isinstance(name, str | int | float)
    }
