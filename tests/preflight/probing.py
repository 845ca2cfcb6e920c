"""A probe of the mock API in memory: the questions, the answers and the verdicts, without a network."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, NamedTuple

from lifestats_crawler.api.cursor import fill_in
from lifestats_crawler.api.quoting import Redactor
from lifestats_crawler.config import secrets
from lifestats_crawler.preflight.probe_questions import FAILED, Check, Probe
from lifestats_crawler.preflight.probe_verdicts import Verdicts
from tests.configurations import configured
from tests.conftest import FIRST

if TYPE_CHECKING:
    from collections.abc import Callable

    from lifestats_crawler.config.model import Config
    from lifestats_crawler.items import Answer
    from lifestats_crawler.preflight.plan import Estimate
    from lifestats_crawler.preflight.probe_talks import Request

FOODS = {"foods": {"field": "food_id"}, "categories": {"field": "food__category_id"}}


class Probed(NamedTuple):
    """What a probe has asked and found."""

    asked: list[Request]
    checks: list[Check]
    estimate: Estimate | None

    @property
    def cursors(self) -> list[int]:
        return [request.cursor for request in self.asked]

    @property
    def failures(self) -> list[Check]:
        return [check for check in self.checks if check.outcome == FAILED]

    def check(self, name: str) -> Check:
        (found,) = [check for check in self.checks if check.name == name]
        return found


def first_users(**changes) -> Config:
    """The configuration of the first user's API, as the mock has it, with small pages."""
    read = {"items": "response", "next": "meta.next_offset", "counters": FOODS, "results_per_page": 10}
    url = "http://127.0.0.1/foodstats?offset={cursor}&limit={limit}"
    return configured(**read | {"url": url, "first_id": FIRST, "last_id": FIRST + 2110} | changes)


def probe(ask: Callable[[str], Answer], config: Config, seed: int = 0) -> Probed:
    """Hold the conversation of a probe, and judge it."""
    redactor = Redactor(secrets.hidden(config))
    questions = Probe(config, redactor, Random(seed))
    talk, asked = questions.talk(), []
    request = next(talk, None)
    while request is not None:
        asked.append(request)
        limit = config.results_per_page if request.limit is None else request.limit
        try:
            request = talk.send(ask(fill_in(config.url, request.cursor, limit)))
        except StopIteration:
            break
    verdicts = Verdicts(config, questions.pages, redactor)
    return Probed(asked, [*questions.checks, *verdicts.checks()], verdicts.estimate())
