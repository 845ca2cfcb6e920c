"""What the pages of a probe prove about the configuration. Pure."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import jmespath

from lifestats_crawler.api.cursor import integer
from lifestats_crawler.api.dialect import Dialect
from lifestats_crawler.api.documents import compact, encoded
from lifestats_crawler.api.expressions import column
from lifestats_crawler.api.lenient import Unreadable
from lifestats_crawler.api.record_list import RecordList
from lifestats_crawler.config.redaction import cut
from lifestats_crawler.crawl import audit, proof
from lifestats_crawler.crawl.density import Density
from lifestats_crawler.crawl.reader import is_claim
from lifestats_crawler.exceptions import FaultyPageError
from lifestats_crawler.preflight.plan import estimate
from lifestats_crawler.preflight.probe_questions import FAILED, NOTE, OK, SKIPPED, Check
from lifestats_crawler.program import called
from lifestats_crawler.ranges import IdRange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifestats_crawler.api.quoting import Redactor
    from lifestats_crawler.config.model import Config
    from lifestats_crawler.preflight.plan import Estimate
    from lifestats_crawler.preflight.probe_questions import Page, Pages

_MOST_OF_A_VALUE = 200  # characters
_MANY = 0.1  # of the records: with so many bad ones on a page, a crawl does not believe the page


class Verdicts:
    """The checks beyond the first page: each looks at what came, and asks nothing."""

    def __init__(self, config: Config, pages: Pages, redactor: Redactor) -> None:
        """Judge these pages; without a first one with records everything is skipped."""
        self._config = config
        self._pages = pages
        self._show = redactor
        self._cursor = pages.cursor(config)
        self._full = max((page.size for page in pages.all), default=0)
        self._nulls = sum(page.nulls for page in pages.all)
        self._highest = max((max(page.ids, default=0) for page in pages.all), default=0)
        self._has_failed = False

    def checks(self) -> Iterator[Check]:
        """Yield a check for each thing that has to hold, in the order of a reader's questions."""
        judges = {
            **{f"counter {name}": self._counter for name in self._config.counters},
            "page size": self._page_size,
            "inclusive": self._inclusive,
            "next": self._next,
            "cursor advances": self._advances,
            "same page twice": self._same_twice,
            "same page in parts": self._same_in_parts,
            "order": self._order,
            "density": self._density,
            "first and last id": self._ends,
            "end of the records": self._end,
            "read by the crawl": self._read,
        }
        if self._nulls:
            judges = {"null records": self._null_records} | judges
        if not self._config.audit:
            del judges["same page in parts"]
        first = self._pages.first
        for name, judge in judges.items():
            nothing = SKIPPED, "no page with records"
            outcome, seen, *where = judge(first, name) if first and first.ids else nothing
            self._has_failed |= outcome == FAILED
            yield Check(name, outcome, self._show.text(seen), *where)

    def estimate(self) -> Estimate | None:
        """Estimate the crawl from the density that the pages have shown; None without a page."""
        first = self._pages.first
        if not first or not first.ids:
            return None
        shown, config = Density(self._config.space), self._config
        for page in self._apart():
            ids = self._covered(page)
            shown.show(ids, sum(an_id in ids for an_id in page.ids))
        if self._is_capped:
            config = config.model_copy(update={"results_per_page": self._full})
        return estimate(config, [config.space], shown.records)

    def _null_records(self, _: Page, __: str) -> tuple[str, ...]:
        """Say how ``items`` passes over them by itself."""
        entries = self._nulls + sum(len(page.records) for page in self._pages.all)
        expression = RecordList(self._config.items, self._config.next).without_nulls
        seen = f"{self._nulls} of {entries} records are null and passed over"
        return NOTE, f"{seen}. To say so in the configuration, set items: {expression}", "items"

    def _counter(self, _: Page, name: str) -> tuple[str, ...]:
        name = name.removeprefix("counter ")
        counter = self._config.counters[name]
        records = [record for page in self._pages.all for record in page.records]
        key = f"counters.{name}.field"
        try:
            values = column(counter.field)(records)
        except jmespath.exceptions.JMESPathError as error:
            return FAILED, f"{counter.field} cannot be read: {error}", key, self._show.json(records[0])
        if wrong := _uncountable(counter.field, values):
            seen, at, many = wrong
            return self._bad_records(seen, key, (many, at), records)
        lacking = [at for at, value in enumerate(values) if value is None]
        seen = f"{counter.field} is missing or null in {len(lacking)} of {len(values)} records"
        if len(lacking) == len(values):
            return FAILED, seen, key, self._show.json(records[0])
        if lacking and counter.missing == "fault":
            advice = f"{key}, or counters.{name}.missing: skip"
            return self._bad_records(seen, advice, (len(lacking), lacking[0]), records)
        if lacking:
            return OK, f"{seen}; these records are skipped"
        return OK, f"{counter.field} is in all {len(values)} records, such as {self._show.json(values[0])}"

    def _bad_records(self, seen: str, keys: str, bad: tuple[int, int], records: list[Any]) -> tuple[str, ...]:
        """Say what a crawl makes of ``bad`` records (how many, and the first): few cost only their own ids."""
        many, at = bad
        if many < _MANY * len(records):
            return NOTE, f"{seen}: a crawl counts the other records, and lists the ids of these as missing", keys
        return FAILED, f"{seen} ({many / len(records):.1%})", keys, self._show.json(records[at])

    @property
    def _is_capped(self) -> bool:
        """Tell whether pages are smaller than was asked for although there are more records."""
        first, second = self._pages.first, self._pages.second
        is_short = self._full < self._config.results_per_page
        return bool(is_short and first and second and set(second.ids) - set(first.ids))

    def _page_size(self, _: Page, __: str) -> tuple[str, ...]:
        wanted, most = self._config.results_per_page, self._full
        if most > wanted:
            where = "results_per_page" if "{limit}" in self._config.url else "results_per_page, url ({limit})"
            return FAILED, f"the answer has {most} records, but {wanted} were requested", where
        if self._is_capped:
            seen = (
                f"{wanted} records were requested, but an answer has at most {most}: set results_per_page: {most}"
            )
            return NOTE, seen, "results_per_page"
        return OK, f"a page has up to {most} records, {wanted} were requested"

    def _inclusive(self, first: Page, _: str) -> tuple[str, ...]:
        known, found, an_id = self._pages.known, self._pages.inclusive, self._pages.known_id
        if known is None:
            return SKIPPED, "no answer to the request at the id of a record"
        if found is None:
            seen = f"the answer to a request at id {an_id} also has earlier records, so inclusive was not checked"
            return NOTE, seen, "inclusive"
        seen = f"the answer to a request at id {an_id} {'contains' if found else 'lacks'} this record"
        shown = self._show.json({"asked": an_id, "ids": known.ids[:1]})
        if found and not self._config.inclusive:
            return FAILED, f"{seen}: set inclusive: true; otherwise the crawl stops", "inclusive", shown
        return self._proven(first, known, seen, shown)

    def _proven(self, first: Page, known: Page, seen: str, shown: str) -> tuple[str, ...]:
        """Say what the proof of the cursor has come to, where ``inclusive`` may be right."""
        found, made, an_id = self._pages.inclusive, self._pages.found.proof, self._pages.known_id
        is_good = made is None or made.outcome is proof.Outcome.GOOD
        if found == self._config.inclusive and is_good:
            return OK, f"{seen}, so inclusive: {'true' if found else 'false'} is correct"
        if made and is_good:
            seen = f"{seen}, and a second answer contains it: the record is new, or one of several servers lags"
            return NOTE, seen, "url"
        if made and made.outcome is proof.Outcome.OPEN:
            seen = f"{seen}, and the first page could not be compared with it once more"
            return NOTE, f"{seen}, so inclusive was not checked: run {called('probe')} again", "inclusive"
        rest = sorted(an_other for an_other in first.ids if an_other > an_id)
        if self._config.inclusive and (made is None or (rest and sorted(known.ids)[: len(rest)] == rest)):
            return FAILED, f"{seen}: set inclusive: false; otherwise records are lost", "inclusive", shown
        return FAILED, made.why if made else seen, "url, inclusive", shown

    def _next(self, first: Page, _: str) -> tuple[str, ...]:
        path = self._config.next
        if path is None:
            return SKIPPED, "next is not configured: each request starts after the largest id of the page before"
        if wrong := self._wrong_next(first):
            return (
                FAILED,
                f"{path} is {self._show.json(first.claimed)}{wrong}",
                "next",
                self._show.json(first.document),
            )
        if first.is_end:
            return OK, f"{path} is {self._show.json(first.claimed)}: the first page is the only page"
        return OK, f"{path} is {first.following}, after the cursor {first.cursor} and after the ids of the page"

    def _wrong_next(self, first: Page) -> str | None:
        following, highest = first.following, max(first.ids)
        if first.is_end:
            seen = f" on the first page, but id {self._highest} exists after this page"
            return seen if self._highest > highest else None
        if following is None:
            return ", not an integer"
        if following <= first.cursor:
            return f", not after the cursor {first.cursor}"
        return f", but the page already has id {highest}" if self._cursor.first(following) <= highest else None

    def _advances(self, first: Page, _: str) -> tuple[str, ...]:
        second = self._pages.second
        if second is None:
            return SKIPPED, "no second page"
        again = set(second.ids) & set(first.ids)
        if again and len(again) == len(second.ids):
            seen = f"the answer to a request at {second.cursor} repeats the first page: {{cursor}} has no effect"
            return FAILED, seen, "url ({cursor}), next", self._show.json({"ids": second.ids})
        if again:
            seen = f"the answer to a request at {second.cursor} repeats {len(again)} records of the first page"
            return NOTE, f"{seen}; the crawl counts them once"
        begin = min(second.ids, default="no record")
        return (
            OK,
            f"the answer to a request at {second.cursor} begins with {begin} and repeats no id of the first page",
        )

    def _same_twice(self, first: Page, _: str) -> tuple[str, ...]:
        again = self._pages.again
        if again is None:
            return SKIPPED, "no answer to the second request"
        others = set(first.ids) ^ set(again.ids)
        if others:
            seen = (
                f"two identical requests at {first.cursor} gave different ids: {len(others)} ids are in one answer"
            )
            return FAILED, f"{seen} only, such as {min(others)}. Such data cannot be counted exactly", "url"
        return OK, f"two identical requests at {first.cursor} gave the same ids"

    def _same_in_parts(self, _: Page, __: str) -> tuple[str, ...]:
        """Say whether a range has the same records when it is asked for in parts."""
        audits = self._pages.found.audits
        if not audits:
            return SKIPPED, "correct the FAILED checks first"
        for found in audits:
            if found.outcome is audit.Outcome.DIFFERS:
                return FAILED, f"{found.seen}. A crawl would lose records", "url, inclusive, next"
        if self._pages.found.has_differed:
            seen = "a part had other records than its page, but not when both were requested once more"
            return NOTE, f"{seen}: records come and go, or one of several servers lags", "url"
        agreed = sum(found.outcome is audit.Outcome.AGREED for found in audits)
        if not agreed:
            return SKIPPED, "no part could be compared with its page"
        pages = "1 page" if agreed == 1 else f"{agreed} pages"
        return OK, f"parts of {pages}, requested with a smaller limit, have the same records as the whole"

    def _order(self, _: Page, __: str) -> tuple[str, ...]:
        if all(one < other for page in self._pages.all for one, other in pairwise(page.ids)):
            return OK, "the ids of each page ascend"
        return NOTE, "the ids of a page do not ascend; the crawl needs no order"

    def _density(self, _: Page, __: str) -> tuple[str, ...]:
        shown = [(ids, page) for page in self._apart() if len(ids := self._covered(page))]
        places = [f"{sum(i in ids for i in page.ids) / len(ids):.3f} at {ids.begin}" for ids, page in shown]
        return OK, f"records per id: {', '.join(places)}"

    def _ends(self, first: Page, _: str) -> tuple[str, ...]:
        config, last = self._config, self._pages.last
        seen = [f"first_id {config.first_id} {'is' if config.first_id in first.ids else 'is not'} a record"]
        beyond = 0
        if last:
            seen.append(f"last_id {config.last_id} {'is' if config.last_id in last.ids else 'is not'} a record")
            beyond = max(last.ids, default=0)
        if beyond > config.last_id:
            return NOTE, f"{', '.join(seen)}; records exist after last_id, up to {beyond} or more", "last_id"
        return OK, ", ".join(seen)

    def _end(self, _: Page, __: str) -> tuple[str, ...]:
        """Say whether a crawl would believe what the API says where no record follows."""
        ends = self._pages.found.ends
        if not ends:
            return SKIPPED, "no answer to the request at last_id"
        for first, tally in ends.items():
            if not is_claim(tally):
                continue
            if tally.ids:
                highest = tally.ids[-1]
                seen = f"the answer to a request at {first} has only records from before it, up to {highest}"
                advice = (
                    f"A crawl does not believe such an end. If {highest} is the last record, set last_id to it"
                )
                return FAILED, f"{seen}. {advice}", "last_id, url"
            if first <= self._highest:
                seen = (
                    f"the answer to a request at {first} says that nothing follows, but id {self._highest} exists"
                )
                return FAILED, seen, "next, url"
        if self._config.last_id in ends and not is_claim(ends[self._config.last_id]):
            return OK, "the answer to a request at last_id does not say that nothing follows"
        places = " and ".join(str(first) for first, tally in sorted(ends.items()) if is_claim(tally))
        return OK, f"no record, and nothing that follows, in the answer to a request at {places}"

    def _read(self, _: Page, __: str) -> tuple[str, ...]:
        """Read each page as the crawl does, which checks more than is asked above."""
        if self._has_failed:
            return SKIPPED, "correct the FAILED checks first"
        dialect = Dialect(self._config)
        for page in self._pages.all:
            asked = IdRange(self._cursor.first(page.cursor), self._config.space.end)
            try:
                dialect.read(encoded(page.document), asked)
            except FaultyPageError as fault:
                around = self._show.json(page.document)
                return FAILED, f"the page at {page.cursor} would not be counted: {fault}", "", around
        return OK, f"all {len(self._pages.all)} pages can be read"

    def _apart(self) -> list[Page]:
        pages = self._pages
        return [page for page in (pages.first, pages.second, *pages.elsewhere) if page]

    def _covered(self, page: Page) -> IdRange:
        """Return the ids that a page speaks for: to the next page, or to the end if it is the last."""
        begin, space, following = self._cursor.first(page.cursor), self._config.space, integer(page.claimed)
        beyond = max(page.ids, default=begin - 1) + 1
        is_last = page.size < self._full if self._config.next is None else page.is_end
        end = (
            space.end
            if is_last and max(page.ids, default=self._highest) >= self._highest
            else max(beyond, self._cursor.first(following or 0))
        )
        return IdRange(begin, min(end, space.end))


def _uncountable(field: str, values: list[Any]) -> tuple[str, int, int] | None:
    """Say which values cannot be counted, where the first of them is, and how many; None if there is none."""
    long = [at for at, value in enumerate(values) if isinstance(value, int) and not -(2**63) <= value < 2**63]
    if long:
        seen = f"{field} is {values[long[0]]} in {len(long)} of {len(values)} records"
        return f"{seen}, which does not fit into 64 bits. Set field: to_string({field})", long[0], len(long)
    bad = [at for at, value in enumerate(values) if isinstance(value, list | dict | float | Unreadable)]
    if bad:
        value = cut(compact(values[bad[0]]), _MOST_OF_A_VALUE)
        seen = f"{field} is {value} in {len(bad)} of {len(values)} records, neither an integer nor text"
        return seen, bad[0], len(bad)
    return None
