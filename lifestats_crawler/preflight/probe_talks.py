"""The questions by which a crawl checks an API, asked by the probe: the proof, audits, and the end. Pure."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from lifestats_crawler.api import answers
from lifestats_crawler.api.cursor import Cursor
from lifestats_crawler.api.dialect import Dialect, nothing
from lifestats_crawler.config.values import MAX_ID
from lifestats_crawler.crawl import audit, proof
from lifestats_crawler.crawl.reader import is_claim
from lifestats_crawler.crawl.talk import Heard, Question
from lifestats_crawler.exceptions import FaultyPageError
from lifestats_crawler.items import Answer
from lifestats_crawler.ranges import IdRange

if TYPE_CHECKING:
    from random import Random

    from lifestats_crawler.config.model import Config
    from lifestats_crawler.items import Tally


class Request(NamedTuple):
    """A request that the probe wants."""

    #: As it is sent: shifted for an API that is exclusive.
    cursor: int
    #: How many records at most; None: as many as a page has.
    limit: int | None = None
    on_new_connection: bool = False


_Result = TypeVar("_Result")
Asking: TypeAlias = Generator[Request, Answer, _Result]
_Talk: TypeAlias = Generator[Question, Heard, _Result]


@dataclass(slots=True)
class Found:
    """What came of the questions of a crawl."""

    #: Whether a record is shown where it is asked for; None where that could not be asked.
    proof: proof.Proof | None = None
    #: Of each page that was asked for again in parts.
    audits: list[audit.Verdict] = field(default_factory=list)
    #: What the answers near the end show, by the id that they were asked at.
    ends: dict[int, Tally] = field(default_factory=dict)

    @property
    def has_differed(self) -> bool:
        """Tell whether a part was not what the whole was, if only once."""
        return any(found.seen or found.whole for found in self.audits)


class Talks:
    """Holds the talks of a crawl, with what a crawl believes of an answer."""

    def __init__(self, config: Config, random: Random) -> None:
        """Read as a crawl does, but for the counted fields, which have checks of their own."""
        self._dialect = Dialect(config.model_copy(update={"counters": {}}))
        self._cursor = Cursor(config.inclusive)
        self._limit = config.results_per_page
        self._is_inclusive = config.inclusive
        self._random = random

    def shown(self, answer: Answer, cursor: int) -> audit.Shown | None:
        """Return what the answer to a cursor shows to a crawl; None where a crawl would not believe it."""
        first = self._cursor.first(cursor)
        try:
            return audit.Shown.of(first, self._look(answer, first))
        except FaultyPageError:
            return None

    def prove(self, page: audit.Shown, answer: Answer) -> Asking[proof.Proof | None]:
        """Prove the cursor; ``answer`` is that to the first question. None where a page has nothing to prove."""
        if proof.is_trivial(page, is_inclusive=self._is_inclusive):
            return None
        return (yield from self._hold(proof.prove(page, self._look, is_inclusive=self._is_inclusive), answer))

    def audit(self, page: audit.Shown) -> Asking[audit.Verdict]:
        """Ask for a page again in parts."""
        return (
            yield from self._hold(
                audit.audit(page, self._look, self._limit, self._random, is_inclusive=self._is_inclusive)
            )
        )

    def ask_ends(self, behind: int, last: int, answer: Answer) -> Asking[dict[int, Tally]]:
        """Return what the answer at the last id shows, and if that is an end, what is shown behind all records."""
        ends: dict[int, Tally] = {}
        self._note(ends, last, answer)
        if last in ends and is_claim(ends[last]) and behind < last:
            self._note(ends, behind, (yield Request(self._cursor.sent(behind))))
        return ends

    def _note(self, ends: dict[int, Tally], first: int, answer: Answer) -> None:
        try:
            ends[first] = self._look(answer, first)
        except FaultyPageError:
            return

    def _hold(self, talk: _Talk[_Result], *given: Answer) -> Asking[_Result]:
        """Hold a talk of a crawl; the first of its questions have the answers ``given``."""
        answers_given = iter(given)
        try:
            question = next(talk)
            while True:
                answer = next(answers_given, None)
                if answer is None:
                    cursor = self._cursor.sent(question.first)
                    answer = yield Request(cursor, question.limit, question.on_new_connection)
                question = talk.send(Heard(answer, 0.0))
        except StopIteration as over:
            result: _Result = over.value
            return result

    def _look(self, answer: Answer, first: int) -> Tally:
        """Read an answer as a crawl does that has had good answers. Raises FaultyPageError."""
        asked = IdRange(first, MAX_ID + 1)
        if answers.says_nothing(answer):
            return nothing(asked)
        return self._dialect.read(self._dialect.body(answer), asked)
