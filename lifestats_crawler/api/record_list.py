"""Where the list of records is in a document, and whether none is an empty one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jmespath

from lifestats_crawler.api.documents import compact
from lifestats_crawler.api.expressions import base, finder, plain_keys
from lifestats_crawler.exceptions import FaultyPageError

if TYPE_CHECKING:
    from collections.abc import Sequence


class RecordList:
    """The list of records, where the configuration's ``items`` says.

    Some APIs leave the list out of an empty page, or send null or ``{}`` for it. That is an empty list in these
    cases only:

    ===========================  ==================================================================================
    the list is                  an empty list
    ===========================  ==================================================================================
    null                         where the page says that nothing follows. An API without ``next`` says so by every
                                 empty page, so null is as good as ``[]`` there (Go writes an empty slice as null)
    ``{}``                       in the same case, below the body: a language whose lists and maps are the same
    (Lua)
                                 cannot tell an empty one of each
    absent, ``next`` is there    where no other list has objects in it: then ``items`` is misspelt
    absent below an object       where no other list has objects in it: ``{"data": {}}`` for ``data.rows``
    absent                       never: ``{"error": "busy"}`` is no page
    ===========================  ==================================================================================
    """

    def __init__(self, items: str, following: str | None) -> None:
        """Compile the expressions ``items`` and ``next`` of a configuration."""
        self._items = items
        self._find = finder(items)
        self._is_a_place = items == "@" or plain_keys(items) is not None
        #: Where the list is that ``items`` begins with; None where its expression does not tell.
        self._place = base(items)
        self._find_next = finder(following) if following else None
        self._place_of_next = plain_keys(following) if following else None

    def read(self, document: Any, *, is_end: bool) -> list[Any]:
        """Return the records of a document; ``is_end`` tells whether it says that nothing follows.

        Raises FaultyPageError where there is no list.
        """
        try:
            records = self._find(document)
        except jmespath.exceptions.JMESPathError:
            if not self._is_empty(document, is_end=is_end):
                raise
            return []
        if isinstance(records, list):
            return records
        if records == {} and is_end and self._items != "@":
            return []
        if records is None and self._is_empty(document, is_end=is_end):
            return []
        raise FaultyPageError(f"items: {self._complaint(document, records)}")

    def advice(self, document: Any) -> str | None:
        """Return how ``items`` reads a list that is an object of records; None where it is no such object."""
        place = self._place
        found = _at(document, place) if place is not None else None
        if not isinstance(found, dict) or not all(isinstance(value, dict) for value in found.values()):
            return None
        path = ".".join(compact(key) if not key.isidentifier() else key for key in place or ()) or "@"
        both = f"not_null({path}[*], {path}.*)"
        return f"To read its values, set items: values({path}), or {both} if other pages have a list"

    @property
    def without_nulls(self) -> str:
        """How ``items`` passes over records that are null by itself.

        >>> RecordList("rows", None).without_nulls, RecordList("a || b", None).without_nulls
        ('rows[?@]', 'a || b | [?@]')
        """
        return f"{self._items}[?@]" if self._is_a_place else f"{self._items} | [?@]"

    def _complaint(self, document: Any, found: Any) -> str:
        if advice := self.advice(document):
            return f"{self._items} is an object, not a list of records. {advice}"
        return f"{self._items} is {compact(found)}, not a list of records"

    def _is_empty(self, document: Any, *, is_end: bool) -> bool:
        """Tell whether a list that is not there, or null, is an empty one."""
        if self._place == []:
            return document is None and is_end
        parents = self._place[:-1] if self._place else []
        parent = _at(document, parents) if self._place else None
        if self._place and isinstance(parent, dict) and self._place[-1] in parent:
            return parent[self._place[-1]] is None and is_end
        is_of_its_shape = self._has_next(document) or (bool(parents) and isinstance(parent, dict))
        return is_of_its_shape and not _has_objects_in_a_list(document)

    def _has_next(self, document: Any) -> bool:
        if self._find_next is None:
            return False
        if self._place_of_next is None:
            return self._find_next(document) is not None
        *parents, key = self._place_of_next
        parent = _at(document, parents)
        return isinstance(parent, dict) and key in parent


def _at(document: Any, place: Sequence[str]) -> Any:
    """Return what is at a place, None if nothing is."""
    for key in place:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _has_objects_in_a_list(document: Any) -> bool:
    if isinstance(document, dict):
        return any(map(_has_objects_in_a_list, document.values()))
    return isinstance(document, list) and any(isinstance(item, dict) for item in document)
