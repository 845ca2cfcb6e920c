"""Conversations beside the pages: questions out, answers in, and what they come to. Pure.

A talk is a generator: it yields a ``Question``, is sent what was heard, and returns its result. Whoever walks
sends the questions when their waits are over, within the pace, and knows nothing else of them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lifestats_crawler.api import answers
from lifestats_crawler.exceptions import FaultyPageError

if TYPE_CHECKING:
    from lifestats_crawler.items import Answer, Tally


@dataclass(frozen=True, slots=True)
class Question:
    """A request that is not for the page at a chain's cursor."""

    #: The first id that is wanted.
    first: int
    #: How many records at most; None: as many as a page has.
    limit: int | None = None
    #: Seconds that it must not leave before.
    wait: float = 0.0
    #: Whether it leaves although everything else is paused.
    is_through: bool = False
    #: Whether it leaves on a connection that has carried nothing before.
    on_new_connection: bool = False


class Heard(NamedTuple):
    """The answer to a question."""

    answer: Answer
    #: When it came, in seconds of the pacer's clock.
    now: float


#: Reads the answer to a question at an id. Raises FaultyPageError.
Look = Callable[["Answer", int], "Tally"]

Talk = Generator[Question, Heard, object]


def looked(look: Look, heard: Heard, first: int) -> Tally | None:
    """Read an answer; None for one that is no page."""
    try:
        return look(heard.answer, first)
    except FaultyPageError:
        return None


def compared(look: Look, heard: Heard, first: int) -> Tally | None:
    """Read an answer that is to be compared with another; None also where a status says that nothing is there."""
    return None if answers.says_nothing(heard.answer) else looked(look, heard, first)
