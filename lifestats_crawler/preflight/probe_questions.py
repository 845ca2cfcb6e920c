"""The few requests that show whether the configuration reads this API. Pure: answers are arguments."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any

import jmespath

from lifestats_crawler.api import answers, documents
from lifestats_crawler.api.cursor import Cursor, integer, is_none
from lifestats_crawler.api.expressions import column, finder
from lifestats_crawler.api.record_list import RecordList
from lifestats_crawler.crawl import proof
from lifestats_crawler.exceptions import FaultyPageError
from lifestats_crawler.preflight.probe_talks import Found, Request, Talks

if TYPE_CHECKING:
    from random import Random

    from lifestats_crawler.api.quoting import Redactor
    from lifestats_crawler.config.model import Config
    from lifestats_crawler.crawl.audit import Shown
    from lifestats_crawler.items import Answer
    from lifestats_crawler.preflight.probe_talks import Asking

OK, NOTE, FAILED, SKIPPED = "ok", "note", "FAILED", "skipped"

_PLACE_SHARES = (0.25, 0.5, 0.75)  # of the id space


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to hold, and whether it does."""

    name: str
    outcome: str
    seen: str
    #: The keys of the configuration to look at.
    keys: str = ""
    #: The part of the answer in question, as JSON.
    json: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer with records that have ids."""

    #: As it was sent: not shifted for an API that is exclusive.
    cursor: int
    document: Any
    records: list[Any]
    ids: list[int]
    #: The next cursor, whatever the answer has in its place.
    claimed: Any
    #: How many entries of the list are null: passed over.
    nulls: int = 0
    #: What it shows to a crawl; None where a crawl would not believe it.
    shown: Shown | None = None

    @property
    def following(self) -> int | None:
        """The next cursor if it can be one."""
        return integer(self.claimed)

    @property
    def size(self) -> int:
        """How many entries the list has."""
        return len(self.records) + self.nulls

    @property
    def is_end(self) -> bool:
        """Whether it says, in the place of the next cursor, that nothing follows."""
        return _says_end(self.claimed, self.cursor, is_empty=not self.size)


@dataclass(slots=True)
class Pages:
    """The pages that were asked for, by what they were asked for; None where no page came."""

    first: Page | None = None
    #: The same once more.
    again: Page | None = None
    #: At the id of a record in the middle of the first page.
    known: Page | None = None
    known_id: int = -1
    second: Page | None = None
    #: Here and there in the id space.
    elsewhere: list[Page] = field(default_factory=list)
    last: Page | None = None
    #: Where the first record of the page ``known`` shows it; None where it does not tell.
    inclusive: bool | None = None
    #: What came of the questions that a crawl asks to check the API.
    found: Found = field(default_factory=Found)

    def cursor(self, config: Config) -> Cursor:
        """Return what a cursor means: as the API has shown it, whatever the configuration says."""
        return Cursor(config.inclusive if self.inclusive is None else self.inclusive)

    @property
    def all(self) -> list[Page]:
        """Every page."""
        ends = [page for page in (self.first, self.again, self.known, self.second) if page]
        return [*ends, *self.elsewhere, *([self.last] if self.last else [])]


class Probe:
    """The conversation: yields requests, takes answers, and notes what keeps an answer from being a page."""

    def __init__(self, config: Config, redactor: Redactor, random: Random) -> None:
        """Talk to the API that a configuration describes; ``random`` chooses the parts that are asked again."""
        self._config = config
        self._redactor = redactor
        self._list, self._ids = RecordList(config.items, config.next), column(config.id)
        self._find_next = finder(config.next) if config.next else None
        self._talks = Talks(config, random)
        self.pages = Pages()
        self.checks: list[Check] = []

    def talk(self) -> Asking[None]:
        """Ask, and take the answer, 25 times at most; once if the first answer is no page.

        Nine questions are for pages, up to three more for the proof of the cursor, up to twelve for audits of two
        pages, and one for the end. Where all is well, that is 14 at most.
        """
        pages, space = self.pages, self._config.space
        first = pages.first = yield from self._ask(self._cursor.sent(space.begin))
        if first is None or not first.ids:
            return
        pages.again = yield from self._ask(first.cursor)
        yield from self._ask_known(first)
        beyond = max(first.ids) + 1
        following = first.following
        is_usable = following is not None and self._cursor.first(following) >= beyond
        pages.second = yield from self._ask(following if following and is_usable else self._cursor.sent(beyond))
        for place in self._places(beyond - space.begin):
            page = yield from self._ask(self._cursor.sent(place))
            pages.elsewhere += [page] if page else []
        answer = yield Request(self._cursor.sent(space.end - 1))
        pages.last = self._noted(self._cursor.sent(space.end - 1), answer)
        if pages.inclusive in (None, self._config.inclusive):
            yield from self._ask_as_a_crawl(first, answer)

    def _ask_known(self, first: Page) -> Asking[None]:
        """Ask at the id of a record in the middle of the first page, and prove the cursor as a crawl does.

        The first question of that proof is the same: where the cursor is exclusive it is sent with the id of the
        record before the one that must be shown.
        """
        pages, ids = self.pages, sorted(first.ids)
        is_before = not self._config.inclusive and len(ids) > 1
        pages.known_id = ids[len(ids) // 2 - is_before]
        answer = yield Request(pages.known_id)
        pages.known = self._noted(pages.known_id, answer)
        pages.inclusive = _is_inclusive(pages.known, pages.known_id)
        if pages.known and first.shown and first.shown.ids:
            pages.found.proof = yield from self._talks.prove(first.shown, answer)

    def _ask_as_a_crawl(self, first: Page, at_the_end: Answer) -> Asking[None]:
        """Ask for the first page and one elsewhere again in parts, and ask whether the end is believable."""
        pages, space, found = self.pages, self._config.space, self.pages.found
        if found.proof and found.proof.outcome is proof.Outcome.REFUTED:
            return
        if self._config.audit:
            apart = pages.elsewhere[len(pages.elsewhere) // 2] if pages.elsewhere else pages.second
            for page in (first, apart):
                if page and page.shown and page.shown.ids and not found.has_differed:
                    found.audits.append((yield from self._talks.audit(page.shown)))
        highest = max(max(page.ids, default=-1) for page in pages.all)
        found.ends = yield from self._talks.ask_ends(highest + 1, space.end - 1, at_the_end)

    @property
    def _cursor(self) -> Cursor:
        return self.pages.cursor(self._config)

    def _places(self, width: int) -> list[int]:
        """Return where else to look at the density: not where the first two pages have shown it."""
        space = self._config.space
        places = [space.begin + ceil(len(space) * part) for part in _PLACE_SHARES] + [space.end - width]
        return [place for place in places if place >= space.begin + 2 * width]

    def _ask(self, cursor: int) -> Asking[Page | None]:
        """Ask for a page."""
        answer = yield Request(cursor)
        return self._noted(cursor, answer)

    def _noted(self, cursor: int, answer: Answer) -> Page | None:
        """Note each step from an answer to a page for the first one, and failures for the others."""
        steps: list[Check] = []
        page = self._opened(cursor, answer, steps)
        is_first = not self.checks
        if not is_first and answers.says_nothing(answer):
            seen = f'status {answer.status}: the crawl reads this as "nothing follows"'
            self.checks.append(Check(f"page at {cursor}", NOTE, seen))
        elif page is None and not is_first:
            failed = steps[-1]
            name = f"page at {cursor}"
            self.checks.append(Check(name, FAILED, f"{failed.name}: {failed.seen}", failed.keys, failed.json))
        elif is_first:
            self.checks += steps
        return page

    def _opened(self, cursor: int, answer: Answer, steps: list[Check]) -> Page | None:
        config, show = self._config, self._redactor
        steps.append(_reachable(answer, show))
        if steps[-1].outcome == FAILED:
            return None
        try:
            document = show.document(documents.shallow(answer.body))
        except FaultyPageError:
            begin = show.text(answer.body.decode(errors="replace"))
            seen = f"the body is not JSON: {begin}" if begin else "the body is empty"
            steps.append(Check("JSON", FAILED, seen, "url, headers"))
            return None
        steps.append(Check("JSON", OK, f"{len(answer.body):,} bytes"))
        claimed = self._find_next(document) if self._find_next else None
        try:
            found = self._list.read(document, is_end=_says_end(claimed, cursor, is_empty=True))
        except (FaultyPageError, jmespath.exceptions.JMESPathError) as error:
            steps.append(Check("items", FAILED, self._no_list(document, error), "items", show.json(document)))
            return None
        records = [record for record in found if record is not None]
        steps.append(Check("items", OK, f"{len(records)} records at {config.items}"))
        values = self._ids(records)
        bad = [at for at, value in enumerate(values) if integer(value) is None]
        if bad:
            value = show.json(values[bad[0]])
            seen = f"{config.id} is {value} in {len(bad)} of {len(records)} records: not an integer"
            steps.append(Check("id", FAILED, seen, "id", show.json(records[bad[0]])))
            return None
        ids = [int(value) for value in values]
        steps.append(_shown_ids(ids, cursor))
        shown = self._talks.shown(answer, cursor)
        return Page(cursor, document, records, ids, claimed, len(found) - len(records), shown)

    def _no_list(self, document: Any, error: Exception) -> str:
        """Say what is in the place of the list, and how it is read if it is an object of records."""
        items = self._config.items
        if advice := self._list.advice(document):
            return f"{items} is an object, not a list of records. {advice}"
        if isinstance(error, FaultyPageError):
            return f"{items} is {self._redactor.json(finder(items)(document))}, not a list of records"
        return f"{items} cannot be read: {self._redactor.text(str(error))}"


def _reachable(answer: Answer, show: Redactor) -> Check:
    if answer.error:
        return Check("reachable", FAILED, show.text(answer.error), "url")
    seen = f"status {answer.status} after {answer.seconds * 1000:.0f} ms"
    if answers.is_page(answer):
        return Check("reachable", OK, seen)
    if answer.status in answers.REDIRECTS:
        target = show.text(answer.location.partition("?")[0])
        return Check(
            "reachable", FAILED, f"{seen}: redirects are not followed, and this one points to {target}", "url"
        )
    keys = "headers, url" if answer.status in answers.REFUSALS else "url"
    keys = "rate_limit" if answer.status == answers.TOO_MANY_REQUESTS else keys
    said = show.text(answer.body[:10_000].decode(errors="replace"))
    return Check("reachable", FAILED, f"{seen}: {said}" if said else seen, keys)


def _says_end(claimed: Any, cursor: int, *, is_empty: bool) -> bool:
    """Tell whether what is in the place of the next cursor says that nothing follows, as the crawl reads it."""
    following = integer(claimed)
    if following is not None and following > cursor:
        return False
    return is_none(claimed) or (is_empty and following is not None)


def _shown_ids(ids: list[int], cursor: int) -> Check:
    if not ids:
        seen = f"the answer to a request at {cursor} has no record, so nothing else can be checked"
        return Check("id", FAILED, seen, "first_id, items, url")
    if len(set(ids)) < len(ids):
        return Check("id", FAILED, f"the same id occurs twice: {len(ids)} records, {len(set(ids))} ids", "id")
    return Check("id", OK, f"integers from {min(ids)} to {max(ids)}")


def _is_inclusive(known: Page | None, an_id: int) -> bool | None:
    """Tell whether an answer at an id includes it; None if it has records from before that, too."""
    if known is None or an_id not in known.ids:
        return None if known is None else False
    return None if min(known.ids) < an_id else True
