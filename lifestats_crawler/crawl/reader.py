"""Reads answers for the walk, and takes note of what each of them shows. No clock, no network."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lifestats_crawler.api import answers
from lifestats_crawler.api.dialect import MOST_FAULTY, nothing
from lifestats_crawler.config.values import MAX_ID
from lifestats_crawler.crawl.outage import Health
from lifestats_crawler.crawl.witness import Witnesses
from lifestats_crawler.exceptions import ContradictionError, FaultyPageError, FaultyRecordsError
from lifestats_crawler.program import called
from lifestats_crawler.ranges import IdRange

if TYPE_CHECKING:
    from lifestats_crawler.crawl.state import Crawl
    from lifestats_crawler.items import Answer, Tally

logger = logging.getLogger(__name__)


class FalseEndError(FaultyPageError):
    """Raised for a page that shows nothing and says that nothing follows, although a higher id is known."""


class FaultyRecordError(FaultyPageError):
    """Raised for a good answer to a request for one record, which cannot be counted."""


class Reader:
    """What answers say of the API: pages, the records that are known to exist, and the server's health."""

    def __init__(self, crawl: Crawl) -> None:
        """Read for a crawl, from what its run has shown already."""
        self._crawl = crawl
        self.witnesses = Witnesses([crawl.settled.highest] if crawl.settled.highest >= 0 else [])
        self.health = Health(has_answered=bool(crawl.settled.pages))
        self._nulls = 0
        # Whether any record could be counted: then a page of which many cannot is no mistake of the configuration.
        self._has_records = bool(crawl.settled.records)

    def page(self, answer: Answer, asked: IdRange, *, is_narrowed: bool = False) -> Tally:
        """Read the answer to a request for a page at ``asked.begin``.

        A page that shows nothing from there on, and says that nothing follows, is an empty tally without a next
        cursor: a claim. Where a fault is narrowed down (``is_narrowed``), a page may have any share of records
        that cannot be counted. Raises FaultyPageError for what is no page, and FalseEndError for a claim that is
        false, FaultyRecordError for a record alone, ContradictionError where too many records of the page cannot
        be counted, and none of any page could so far.
        """
        try:
            return self._page(answer, asked, 1.0 if is_narrowed else MOST_FAULTY)
        except FaultyPageError as fault:
            self._note(answer, fault)
            raise

    def look(self, answer: Answer, first: int, end: int = MAX_ID + 1, most_faulty: float = 1.0) -> Tally:
        """Read the answer to any request at ``first``, for what it shows. Raises FaultyPageError."""
        try:
            return self._look(answer, IdRange(first, end), most_faulty)
        except FaultyPageError as fault:
            self._note(answer, fault)
            raise

    def _page(self, answer: Answer, asked: IdRange, most_faulty: float) -> Tally:
        try:
            tally = self._look(answer, asked, most_faulty)
        except FaultyRecordsError as fault:
            if self._has_records:
                raise
            raise ContradictionError(
                f"{fault}, nor could one of any page before. Correct the field, or set missing: skip for a counter"
                f" whose field not every record has; {called('probe')} shows such a record"
            ) from None
        self._has_records |= tally.records > 0
        if len(asked) == 1 and tally.faulty:
            raise FaultyRecordError(tally.faulty[asked.begin])
        if is_claim(tally) and self.witnesses.highest >= asked.begin:
            said = f"status {answer.status}, no page, says" if answers.says_nothing(answer) else "says"
            shown = ", and shows only records from before its cursor" if tally.ids else ""
            raise FalseEndError(f"{said} that nothing follows{shown}, but id {self.witnesses.highest} exists")
        return tally

    def _look(self, answer: Answer, asked: IdRange, most_faulty: float) -> Tally:
        if answers.says_nothing(answer) and self.health.has_answered:
            return nothing(asked)
        tally = self._crawl.dialect.read(self._crawl.dialect.body(answer), asked, most_faulty=most_faulty)
        if tally.ids:
            self.witnesses.note(tally.ids)
            self._crawl.frontier.show(tally.ids[-1])
        if tally.nulls:
            self._tell_nulls(tally.nulls)
        return tally

    def _note(self, answer: Answer, fault: FaultyPageError) -> None:
        if answer.status in answers.SUCCESSES and not answer.error:
            self._crawl.diary.disbelieved(str(fault))

    def distrust(self, answer: Answer) -> None:
        """See to it that the connection of an answer is not used again."""
        if answer.connection:
            self._crawl.distrusted.add(answer.connection)

    def _tell_nulls(self, nulls: int) -> None:
        if not self._nulls:
            logger.warning(
                "Null stands among the records of a page, and is passed over. Write items: %s to say so yourself",
                self._crawl.dialect.items_without_nulls,
            )
        self._nulls += nulls

    @property
    def nulls(self) -> int:
        """How many nulls were passed over."""
        return self._nulls


def is_claim(tally: Tally) -> bool:
    """Tell whether a page shows nothing from where it was asked on, and says that nothing follows."""
    return tally.next is None and not len(tally.settles)
