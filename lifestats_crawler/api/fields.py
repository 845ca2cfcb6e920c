"""The counted fields and the labels of records. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lifestats_crawler.api.documents import RoundedError, compact
from lifestats_crawler.api.expressions import column, plain_keys
from lifestats_crawler.api.lenient import Unreadable
from lifestats_crawler.exceptions import FaultyPageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lifestats_crawler.config.model import CounterConfig
    from lifestats_crawler.items import Key

_PLAIN = {int, str}


class Values(NamedTuple):
    """What records add, as a ``Tally`` has it."""

    keys: dict[str, list[Key]]
    labels: dict[str, dict[Key, str]]
    without: dict[str, int]


class Fields:
    """Reads from records what a configuration's counters count and show."""

    def __init__(self, counters: Mapping[str, CounterConfig]) -> None:
        """Compile the expressions of checked counters."""
        self._counters = counters
        self._skips = [name for name, counter in counters.items() if counter.missing == "skip"]
        self._columns = {name: column(counter.field) for name, counter in counters.items()}
        self._labels = {
            name: column(counter.label) for name, counter in counters.items() if counter.label is not None
        }
        expressions = [text for counter in counters.values() for text in (counter.field, counter.label) if text]
        #: Whether an expression makes a value, and so may hide that it made it of a rounded integer.
        self.are_computed = any(plain_keys(expression) is None for expression in expressions)

    def read(self, records: list[Any], *, is_exact: bool) -> Values:
        """Return what these records add, all of them.

        Raises FaultyPageError for a value that cannot be counted, and RoundedError for a float, if the integers
        of the document are not exact.
        """
        keys = {name: self._keys(name, read(records), is_exact=is_exact) for name, read in self._columns.items()}
        labels = {
            name: _labels(keys[name], read(records), is_exact=is_exact) for name, read in self._labels.items()
        }
        without = self._drop_absent(keys) if self._skips else {}
        return Values(keys, labels, without)

    def faults(self, records: list[Any], *, is_exact: bool) -> Iterator[str | None]:
        """Yield why each record cannot be counted, None if it can."""
        for record in records:
            try:
                self.read([record], is_exact=is_exact)
            except FaultyPageError as fault:
                yield str(fault)
            except RoundedError:
                raise
            except Exception as error:  # noqa: BLE001  # an expression that fails on a record
                yield f"cannot be read: {type(error).__name__}: {error}"
            else:
                yield None

    def _keys(self, counter: str, values: list[Any], *, is_exact: bool) -> list[Any]:
        """Return what is counted for each value; null stays null where the counter skips such records."""
        types = set(map(type, values))
        if types <= {str}:
            return values
        if float in types and not is_exact:
            raise RoundedError
        keys: list[Any] = values if types <= _PLAIN else [self._key(counter, value) for value in values]
        numbers = keys if types == {int} else [key for key in keys if isinstance(key, int)]
        if numbers and (min(numbers) < -(2**63) or max(numbers) >= 2**63):
            number = min(numbers) if min(numbers) < -(2**63) else max(numbers)
            hint = f"Set field: to_string({self._counters[counter].field})"
            raise self._faulty(counter, f"is {number}, which does not fit into 64 bits. {hint}")
        return keys

    def _key(self, counter: str, value: Any) -> Key | None:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, int | str):
            return value
        if isinstance(value, Unreadable):
            raise self._faulty(counter, f"is {value!r}")
        if value is not None:
            raise self._faulty(counter, f"is {compact(value)}, neither an integer nor text")
        if counter not in self._skips:
            raise self._faulty(counter, "is missing or null in a record")
        return None

    def _faulty(self, counter: str, what: str) -> FaultyPageError:
        return FaultyPageError(f"counters.{counter}.field: {self._counters[counter].field} {what}")

    def _drop_absent(self, keys: dict[str, list[Any]]) -> dict[str, int]:
        """Take the records without a field out of the counters that skip them, and count them."""
        without = {}
        for name in self._skips:
            present = [key for key in keys[name] if key is not None]
            without[name] = len(keys[name]) - len(present)
            keys[name] = present
        return without


def _labels(keys: list[Any], names: list[Any], *, is_exact: bool) -> dict[Key, str]:
    """Return the names that are texts or numbers, the last one of each value; others are no names."""
    if not is_exact and float in set(map(type, names)):
        raise RoundedError
    return {
        key: str(name)
        for key, name in zip(keys, names, strict=True)
        if key is not None and isinstance(name, str | int | float)
    }
