"""How this API is asked, and how its pages are read. Pure: text and bytes in, tallies out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifestats_crawler.api import answers, documents
from lifestats_crawler.api.cursor import Cursor, fill_in, integer, is_none
from lifestats_crawler.api.documents import RoundedError, compact
from lifestats_crawler.api.expressions import column, finder, plain_keys
from lifestats_crawler.api.fields import Fields, Values
from lifestats_crawler.api.quoting import Redactor
from lifestats_crawler.api.record_list import RecordList
from lifestats_crawler.config import secrets
from lifestats_crawler.config.redaction import Secrets, cut
from lifestats_crawler.config.values import MAX_ID
from lifestats_crawler.exceptions import ContradictionError, FaultyPageError, FaultyRecordsError
from lifestats_crawler.items import Tally
from lifestats_crawler.ranges import IdRange

if TYPE_CHECKING:
    from lifestats_crawler.config.model import Config
    from lifestats_crawler.items import Answer

_MOST_CHARACTERS = 240  # of what is said of an answer
_INTEGERS = {int}
#: A page with a larger share of faulty records is faulty itself: a misspelt field is in all of them.
MOST_FAULTY = 0.1


class Dialect:
    """The way of one API: its url, where its records are, and what its cursor means (``api/cursor``)."""

    def __init__(self, config: Config) -> None:
        """Compile the expressions of a checked configuration."""
        self._url, _ = secrets.without_login(config.url)  # the client sends it as a header
        self._cursor = Cursor(config.inclusive)
        self._limit = config.results_per_page
        self._space = config.space
        self._hidden = Secrets(secrets.hidden(config)).hidden
        self._redactor = Redactor(secrets.hidden(config))
        self._config = config
        self._items = RecordList(config.items, config.next)
        #: How ``items`` passes over records that are null by itself.
        self.items_without_nulls = self._items.without_nulls
        self._next = finder(config.next) if config.next else None
        self._ids = column(config.id)
        self._fields = Fields(config.counters)
        #: Whether a rounded integer may be met as something else than a float.
        self._is_computed = self._fields.are_computed or None in (plain_keys(config.items), plain_keys(config.id))
        #: Whether a request says how many records it wants.
        self.has_limit = "{limit}" in config.url

    def url(self, cursor: int, limit: int | None = None) -> str:
        """Where to ask for the first records whose id is at least ``cursor``.

        ``limit`` is how many, ``results_per_page`` without it. A server that sends more of them, up to
        ``results_per_page``, is not wrong.
        """
        return fill_in(self._url, self._cursor.sent(cursor), self._limit if limit is None else limit)

    def body(self, answer: Answer) -> bytes:
        """Return the body of an answer; raises what ``answers.body`` raises, with what the API says, redacted."""
        return answers.body(answer, self._redactor)

    def read(self, body: bytes, asked: IdRange, *, most_faulty: float = MOST_FAULTY) -> Tally:
        """Read the answer to a request at ``asked.begin`` on a chain that ends at ``asked.end``.

        Raises FaultyPageError if the answer does not make sense, or if more than ``most_faulty`` of its records
        (a share) cannot be counted: then nothing of it is counted.
        """
        try:
            return self._read(body, asked, most_faulty)
        except FaultyPageError as fault:
            raise type(fault)(self._shown(str(fault))) from None
        except Exception as error:  # noqa: BLE001  # whatever an answer provokes, it is not believed
            raise FaultyPageError(self._shown(f"cannot be read: {type(error).__name__}: {error}")) from None

    def shows(self, body: bytes, first: int, an_id: int) -> bool:
        """Tell whether the answer to a request at ``first`` has the record of an id. Raises FaultyPageError."""
        return an_id in self.read(body, IdRange(first, an_id + 1)).ids

    def _shown(self, reason: str) -> str:
        """Return what may be said of an answer: what is quoted of it may be a secret that the server repeats."""
        return cut(self._hidden(reason), _MOST_CHARACTERS)

    def _read(self, body: bytes, asked: IdRange, most_faulty: float) -> Tally:
        if self._is_computed:
            return self._tally(documents.exact(body), asked, most_faulty, is_exact=True)
        try:
            return self._tally(documents.decoded(body), asked, most_faulty, is_exact=False)
        except RoundedError:
            return self._tally(documents.exact(body), asked, most_faulty, is_exact=True)

    def _tally(self, page: Any, asked: IdRange, most_faulty: float, *, is_exact: bool) -> Tally:
        claimed = self._next(page) if self._next else None
        named = self._named(claimed, asked.begin)
        records, nulls = self._records(page, is_end=named is None or named <= asked.begin)
        ids = _integers(self._ids(records), self._config.id)
        shown = sorted(ids)
        _check_ids(shown)
        if not self._cursor.is_inclusive and self._cursor.sent(asked.begin) in ids:
            raise ContradictionError(f"contains id {asked.begin - 1}, the cursor itself: set inclusive: true")
        bounds = IdRange(shown[0], shown[-1] + 1) if shown else IdRange(asked.begin, asked.begin)
        if self._next is None:
            following = self._derived(bounds, asked.begin, nulls)
        else:
            following = self._following(claimed, named, bounds, asked.begin, is_empty=not records and not nulls)
        settles = IdRange(asked.begin, min(following or max(asked.begin, bounds.end), asked.end))
        values, faults, count = self._values(records, ids, bounds, settles, is_exact=is_exact)
        if len(faults) > most_faulty * len(records):
            first, many = next(iter(faults.values())), f"{len(faults)} of {len(records)} records cannot be counted"
            raise FaultyRecordsError(f"{first}: {many}")
        return Tally(
            settles,
            values.keys,
            count,
            next=following,
            without=values.without,
            labels=values.labels,
            highest=self._highest(shown),
            ids=shown,
            faulty={an_id: self._shown(faults[an_id]) for an_id in sorted(faults) if an_id in settles},
            nulls=nulls,
        )

    def _values(
        self, records: list[Any], ids: list[int], bounds: IdRange, settles: IdRange, *, is_exact: bool
    ) -> tuple[Values, dict[int, str], int]:
        """Return what the records in a range add, all that cannot be counted, and how many in the range can."""
        inside = records
        if bounds.begin < settles.begin or bounds.end > settles.end:
            inside = [record for an_id, record in zip(ids, records, strict=True) if an_id in settles]
        try:
            return self._fields.read(inside, is_exact=is_exact), {}, len(inside)
        except RoundedError:
            raise
        except Exception:  # noqa: BLE001  # an expression can fail in any way
            faults = zip(ids, self._fields.faults(records, is_exact=is_exact), strict=True)
            reasons = {an_id: reason for an_id, reason in faults if reason is not None}
        inside = [
            record for an_id, record in zip(ids, records, strict=True) if an_id in settles and an_id not in reasons
        ]
        return self._fields.read(inside, is_exact=is_exact), reasons, len(inside)

    def _records(self, page: Any, *, is_end: bool) -> tuple[list[Any], int]:
        """Return the records of a page, and how many entries of their list are null."""
        try:
            records = self._items.read(page, is_end=is_end)
        except FaultyPageError as fault:
            is_told = isinstance(page, dict) and self._items.advice(page) is None
            said = answers.said(documents.encoded(page), self._redactor) if is_told else ""
            raise FaultyPageError(f"{fault}. The API says: {said}" if said else str(fault)) from None
        if len(records) > self._limit:
            raise FaultyPageError(f"has {len(records)} records, but {self._limit} were requested")
        if None not in records:
            return records, 0
        present = [record for record in records if record is not None]
        return present, len(records) - len(present)

    def _highest(self, shown: list[int]) -> int | None:
        if shown and shown[-1] < self._space.end:
            return shown[-1]
        return max((an_id for an_id in shown if an_id < self._space.end), default=None)

    def _named(self, claimed: Any, cursor: int) -> int | None:
        """Return the id where the next page starts as the answer has it; None where it names no cursor."""
        number = integer(claimed)
        if number is not None and self._cursor.first(number) > cursor:
            return self._cursor.first(number)
        if is_none(claimed):
            return None
        return self._cursor.first(_checked_integer(claimed, "next", self._config.next))

    def _following(
        self, claimed: Any, named: int | None, shown: IdRange, cursor: int, *, is_empty: bool
    ) -> int | None:
        """Return where the next page starts; None where the answer says that it is the last."""
        if named is None or (named <= cursor and is_empty):
            return None  # an empty page that names its own cursor leads nowhere, either
        if named <= cursor:
            raise FaultyPageError(f"next is {claimed}, not after the cursor {self._cursor.sent(cursor)}")
        if shown.end > named:
            hint = ". If this is so on every page, set inclusive: false" if shown.end == named + 1 else ""
            raise FaultyPageError(f"next is {claimed}, but the page already has id {shown.end - 1}{hint}")
        # No id from there to the end of the id space: the same claim as null.
        return named if named <= self._space.end else None

    def _derived(self, shown: IdRange, cursor: int, nulls: int) -> int | None:
        """Return where the next page starts if no answer says it: after the largest id."""
        if nulls and not len(shown):
            raise FaultyPageError("has only records that are null, so that the next cursor is unknown")
        return shown.end if shown.end > cursor else None


def nothing(asked: IdRange) -> Tally:
    """Return the tally of an answer whose status says that there is nothing: it claims as an empty last page."""
    return Tally(IdRange(asked.begin, asked.begin))


def _integers(values: list[Any], path: str) -> list[int]:
    if set(map(type, values)) <= _INTEGERS:
        return values
    return [_checked_integer(value, "id", path) for value in values]


def _check_ids(ascending: list[int]) -> None:
    if ascending and (ascending[0] < 0 or ascending[-1] > MAX_ID):
        wrong = ascending[0] if ascending[0] < 0 else ascending[-1]
        raise FaultyPageError(f"id {wrong} must be from 0 to {MAX_ID}")
    if len(set(ascending)) < len(ascending):
        raise FaultyPageError("contains the same id twice")


def _checked_integer(value: Any, key: str, path: str | None) -> int:
    """Return an integer, or digits in a string, as an integer; ``key`` has its place in the configuration."""
    number = integer(value)
    if number is None:
        raise FaultyPageError(f"{key}: {path} is {compact(value)}, not an integer")
    return number
