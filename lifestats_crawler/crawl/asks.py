"""What the walk hands out: requests to make, and what follows from an answer. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lifestats_crawler.crawl.frontier import Chain
    from lifestats_crawler.crawl.talk import Question, Talk
    from lifestats_crawler.items import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    """A request to make."""

    #: The first id that is wanted.
    first: int
    #: Seconds that it must not leave before.
    wait: float = 0.0
    #: How many records at most; None: as many as a page has.
    limit: int | None = None
    #: Whether it leaves although everything else is paused.
    is_through: bool = False
    #: Whether it leaves on a connection that has carried nothing before.
    on_new_connection: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAsk(_Ask):
    """A request for the page at a chain's cursor, or for what its narrowing wants."""

    chain: Chain


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkAsk(_Ask):
    """A question of a talk."""

    talk: Talk
    #: What follows from the talk's result, and the time.
    conclude: Conclude


Ask = PageAsk | TalkAsk


@dataclass(slots=True)
class Step:
    """What follows from an answer."""

    #: Asks to be sent at once, before anything is counted: counting may wait for the answer of one of them.
    begun: list[Ask] = field(default_factory=list)
    #: To be counted.
    tallies: list[Tally] = field(default_factory=list)
    #: The first asks of new chains, each made when it is taken (see ``Walk.begin``).
    starting: Iterable[Ask] = ()
    #: What the chain, or the talk, of the answer asks next; None at its end.
    following: Ask | None = None


Conclude = Callable[[Any, float], Step]


def page(chain: Chain, wait: float = 0.0) -> PageAsk:
    """Ask for what a chain wants next."""
    if chain.narrowing:
        first, limit = chain.narrowing.asks
        return PageAsk(first=first, wait=wait, limit=limit, chain=chain)
    return PageAsk(first=chain.cursor, wait=wait, limit=1 if chain.is_alone else None, chain=chain)


def asking(question: Question, talk: Talk, conclude: Conclude, wait: float = 0.0) -> TalkAsk:
    """Ask the question of a talk."""
    return TalkAsk(
        first=question.first,
        wait=max(wait, question.wait),
        limit=question.limit,
        is_through=question.is_through,
        on_new_connection=question.on_new_connection,
        talk=talk,
        conclude=conclude,
    )


def begin(talk: Talk, conclude: Conclude, now: float, wait: float = 0.0) -> Step:
    """Begin a talk: with its first question to follow, or with what follows from its result if it has none."""
    try:
        return Step(following=asking(next(talk), talk, conclude, wait))
    except StopIteration as over:
        return conclude(over.value, now)


def joined(*steps: Step) -> Step:
    """Make one step of several; of those that something follows, only the first goes on with the chain at hand."""
    made = Step()
    for step in steps:
        made.tallies += step.tallies
        made.begun += step.begun
        if step.following is not None and made.following is None:
            made.following = step.following
        elif step.following is not None:
            made.begun.append(step.following)
    return made
