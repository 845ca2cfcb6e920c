"""The audits alone of crawls that are too long to be walked here: how many crawls find an API out.

python -m tests.simulation --audits 100
"""

from __future__ import annotations

import sys
from math import ceil, log
from random import Random
from typing import TYPE_CHECKING

from lifestats_crawler.api.dialect import Dialect
from lifestats_crawler.crawl.audit import Outcome, Shown, audit
from lifestats_crawler.crawl.checking import LEAST_AUDITS, MOST_DIFFERING, SHARE
from lifestats_crawler.crawl.talk import Heard
from lifestats_crawler.exceptions import FaultyPageError
from lifestats_crawler.ranges import IdRange
from tests.simulation.liars import LIARS, LIMIT, LiarWorld, config_of
from tests.simulation.world import BEGIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lifestats_crawler.items import Answer, Tally
    from tests.simulation.liars import Answering

PAGES = 200_000  # of a crawl
_PAGES_OF_WORLD = 500  # what is audited is drawn from these
_SAMPLED, _AUDITS_OF_ONE = 200, 10
#: What has to be found in 99 of 100 crawls: parts that differ on this share of the pages, in this share of audits.
_LEAST_DIFFERING, _LEAST_FOUND = 0.1, 0.5
_LEAST_CRAWLS = 0.99


class Audited:
    """An API whose pages are audited one by one, at random cursors."""

    def __init__(self, seed: int, answering: Answering) -> None:
        self.random = Random(seed)
        self.space = IdRange(1, 1 + LIMIT * _PAGES_OF_WORLD)
        self.world = LiarWorld(self.random, self.space, answering)
        self.dialect = Dialect(config_of(self.space, 1))

    def pages(self) -> Iterator[Shown]:
        """Yield pages at random cursors, without those that show nothing."""
        while True:
            cursor = self.random.randrange(self.space.begin, self.space.end)
            try:
                tally = self._look(self._answer(cursor, LIMIT), cursor)
            except FaultyPageError:
                continue
            shown = Shown.of(cursor, tally)
            if shown.ids:
                yield shown

    def audit(self, page: Shown) -> Outcome:
        """Audit a page as a crawl does."""
        talk = audit(page, self._look, LIMIT, self.random, is_inclusive=True)
        try:
            question = next(talk)
            while True:
                question = talk.send(Heard(self._answer(question.first, question.limit or LIMIT), 0.0))
        except StopIteration as over:
            return over.value.outcome

    def crawl(self) -> bool:
        """Return whether a crawl of 200,000 pages finds it out, by a difference or as replicas that lag."""
        pages = self.pages()
        doubted = audited = 0
        for _ in range(LEAST_AUDITS + chosen(self.random)):
            outcome = self.audit(next(pages))
            audited += outcome is not Outcome.UNHEARD
            doubted += outcome is Outcome.AGREED_LATER
            if outcome is Outcome.DIFFERS or (doubted >= MOST_DIFFERING and 2 * doubted > audited):
                return True
        return False

    def measured(self) -> tuple[float, float]:
        """Return on which share of the pages audits have differed, and in which share of the audits of these."""
        differing = found = 0
        pages = self.pages()
        for _ in range(_SAMPLED):
            page = next(pages)
            times = sum(self.audit(page) is Outcome.DIFFERS for _ in range(_AUDITS_OF_ONE))
            differing += times > 0
            found += times
        return differing / _SAMPLED, found / (differing * _AUDITS_OF_ONE) if differing else 0.0

    def _answer(self, cursor: int, limit: int) -> Answer:
        return self.world.answer(cursor, limit, BEGIN)

    def _look(self, answer: Answer, first: int) -> Tally:
        return self.dialect.read(self.dialect.body(answer), IdRange(first, self.space.end))


def chosen(random: Random) -> int:
    """Draw how many pages of a crawl are chosen at random: the steps between them are geometric."""
    at = many = 0
    while (at := at + ceil(log(1 - random.random()) / log(1 - SHARE))) <= PAGES:
        many += 1
    return many


def tell(crawls: int) -> int:
    """Print how often each liar is found; 1 if one that has to be found is not, in 99 of 100 crawls."""
    write = sys.stdout.write
    write(f"{'API':52} {'differs on':>10} {'an audit finds':>14} {f'found of {crawls}':>14}\n")
    is_bad = False
    for name, answering in LIARS.items():
        pages, audits = Audited(0, answering).measured()
        found = sum(Audited(seed, answering).crawl() for seed in range(1, crawls + 1))
        is_due = pages >= _LEAST_DIFFERING and audits >= _LEAST_FOUND
        is_bad |= is_due and found < _LEAST_CRAWLS * crawls
        write(f"{name:52} {pages:10.1%} {audits:14.1%} {found:14}\n")
    return 1 if is_bad else 0
