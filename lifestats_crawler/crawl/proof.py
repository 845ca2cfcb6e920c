"""The proof that a record is shown where it is asked for: of what ``inclusive`` says, and of the cursor. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from lifestats_crawler.api import answers
from lifestats_crawler.crawl.audit import Shown
from lifestats_crawler.crawl.talk import Question, compared
from lifestats_crawler.exceptions import ContradictionError, FaultyPageError
from lifestats_crawler.program import called

if TYPE_CHECKING:
    from collections.abc import Generator

    from lifestats_crawler.crawl.talk import Heard, Look

_TRIES = 2


class Outcome(Enum):
    """What a proof has come to."""

    GOOD = auto()
    #: No answer, or the record is gone: nothing is proven.
    OPEN = auto()
    REFUTED = auto()


@dataclass(frozen=True, slots=True)
class Proof:
    """The end of a proof."""

    outcome: Outcome
    #: Why it is refuted.
    why: str = ""


def is_trivial(page: Shown, *, is_inclusive: bool) -> bool:
    """Tell whether a page proves itself, or nothing: its one record is where it was asked for, or behind."""
    return len(page.ids) == 1 and (page.ids[0] == page.first or not is_inclusive)


def prove(
    page: Shown, look: Look, limit: int | None = None, *, is_inclusive: bool
) -> Generator[Question, Heard, Proof]:
    """Ask at a record in the middle of a page, which the answer must show.

    Where the cursor is exclusive it is asked after a record, with its own id, for the next one of the page. A
    record that is lacking may be gone, or not yet be on every replica: the page is asked again before that is
    believed, and two proofs have to fail. The advice is named only if it is sure: an answer that is the page's
    rest without the record. ``limit`` is how many records the answer may have, None for a page of them.
    """
    at = len(page.ids) // 2
    if at == len(page.ids) - 1 and is_inclusive and page.ids[0] != page.first:
        at = 0  # a record with another one behind it tells more
    record = page.ids[at]
    first = record if is_inclusive or at == 0 else page.ids[at - 1] + 1
    is_sure, why = is_inclusive, ""
    for _ in range(_TRIES):
        heard = yield Question(first, limit)
        try:
            tally = look(heard.answer, first)
        except ContradictionError as contradiction:
            why = f"the answer to a request at {first} {contradiction}"
            continue
        except FaultyPageError:
            return Proof(Outcome.OPEN)
        if answers.says_nothing(heard.answer):
            return Proof(Outcome.OPEN)
        if record in tally.ids:
            return Proof(Outcome.GOOD)
        rest = [an_id for an_id in page.ids if an_id > record]
        is_sure &= bool(rest) and list(tally.ids[: len(rest)]) == rest
        whole = compared(look, (yield Question(page.first, on_new_connection=True)), page.first)
        if whole is None or record not in whole.ids:
            return Proof(Outcome.OPEN)
        page = Shown.of(page.first, whole)
    advice = ". Set inclusive: false: with the present value the crawl would lose records" if is_sure else ""
    why = why or f"a request at {page.first} shows record {record}, and one at {first} lacks it{advice}"
    return Proof(Outcome.REFUTED, f"{why}. {called('probe')} shows the answers")
