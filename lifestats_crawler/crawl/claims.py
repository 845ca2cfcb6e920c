"""Before it is believed that nothing follows some id: the witness, the question once more, and audits behind it.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from lifestats_crawler.crawl.talk import Question, looked
from lifestats_crawler.exceptions import FaultyPageError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from lifestats_crawler.crawl.talk import Heard, Look
    from lifestats_crawler.crawl.witness import Witnesses
    from lifestats_crawler.ranges import IdRange

#: Seconds after which an emptiness without a witness is asked again.
PATIENCE_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
_OTHERS = 2  # that a witness is replaced by before it counts as gone


class Outcome(Enum):
    """What is to be thought of a claim."""

    BELIEVED = auto()
    #: A record follows, or a cursor: the ids are to be walked.
    REFUTED = auto()
    #: There was no answer to one of the questions: to be asked again.
    OPEN = auto()
    #: The answer has only records from before its cursor: no such end is ever believed.
    ONLY_BEFORE = auto()
    #: The server does not show what is known to exist: it is not well.
    UNWELL = auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of a confirmation."""

    outcome: Outcome
    why: str = ""


def distances(claim: IdRange, page: float) -> Iterator[int]:
    """Yield where a claim is asked: where it begins, 1, 2, 4, 8 … pages on, and at its last id.

    ``page`` is how many ids a page has settled around there.
    """
    yield claim.begin
    away = max(1, round(page))
    while claim.begin + away < claim.end - 1:
        yield claim.begin + away
        away *= 2
    if len(claim) > 1:
        yield claim.end - 1


def still_shown(  # noqa: PLR0911  # a way out for each answer
    look: Look, witnesses: Witnesses
) -> Generator[Question, Heard, Verdict | None]:
    """Ask for the highest record that is known, and return what keeps it from being a witness; None for nothing.

    One that is not shown any more is replaced by two others, and asked for once more, before it counts as gone.
    One that cannot be had is asked for alone: it may be that what follows it makes the page fail.
    """
    while (highest := witnesses.highest) >= 0:
        tally = looked(look, (yield Question(highest, on_new_connection=True)), highest)
        if tally is None:
            tally = looked(look, (yield Question(highest, 1, on_new_connection=True)), highest)
        if tally is None:
            return Verdict(Outcome.OPEN, f"the record {highest}, which exists, could not be asked for")
        if highest in tally.ids:
            return None
        others = witnesses.some(_OTHERS, besides=highest)
        for other in others:
            tally = looked(look, (yield Question(other, 1, on_new_connection=True)), other)
            if tally is None:
                return Verdict(Outcome.OPEN, f"the record {other}, which exists, could not be asked for")
            if other not in tally.ids:
                return Verdict(Outcome.UNWELL, f"the records {highest} and {other}, which exist, are not shown")
        if not others:
            return Verdict(Outcome.UNWELL, f"the record {highest}, which exists, is not shown")
        tally = looked(look, (yield Question(highest, on_new_connection=True)), highest)
        if tally is None or highest in tally.ids:
            return Verdict(Outcome.OPEN, f"the record {highest}, which exists, is not always shown")
        witnesses.forget(highest)
    return None


def confirm(claim: IdRange, look: Look, witnesses: Witnesses, page: float) -> Generator[Question, Heard, Verdict]:
    """Ask all that a claim has to stand, and tell what is to be thought of it.

    A witness shows first that the server is well. Where no record was ever seen, time has to do: the question is
    asked again and again, with growing pauses. Then the claim is asked behind where it begins, at growing
    distances.
    """
    if verdict := (yield from still_shown(look, witnesses)):
        return verdict
    first, *others = distances(claim, page)
    for wait in PATIENCE_SECONDS if witnesses.highest < 0 else (0.0,):
        if verdict := _heard((yield Question(first, wait=wait)), first, look):
            return verdict
    for other in others:
        if verdict := _heard((yield Question(other)), other, look):
            return verdict
    return Verdict(Outcome.BELIEVED)


def _heard(heard: Heard, first: int, look: Look) -> Verdict | None:
    """Return what ends a confirmation; None for an answer that says once more that nothing follows."""
    try:
        tally = look(heard.answer, first)
    except FaultyPageError as fault:
        return Verdict(Outcome.OPEN, str(fault))
    if tally.ids and tally.ids[-1] < first:
        return Verdict(Outcome.ONLY_BEFORE, _only_before(first, tally.ids[-1]))
    if tally.ids or tally.next is not None:
        return Verdict(Outcome.REFUTED, f"a request at {first} shows that something follows")
    return None


def _only_before(first: int, highest: int) -> str:
    """Say why an end is not believed that shows only records from before its cursor."""
    return (
        f"the answer to a request at {first} shows only records from before it, up to {highest}. Such an answer"
        f" does not"
        f" prove that nothing follows; if {highest} is the last record, set last_id to it"
    )
