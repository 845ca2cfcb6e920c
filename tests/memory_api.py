"""The mock API without a network or a process: a url in, an answer out."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from lifestats_crawler.items import Answer
from mocks.data import Recipe, Records
from mocks.faults import KINDS, Honest
from mocks.injector import Injector, demands
from mocks.shape import Shape
from tests.conftest import FIRST

if TYPE_CHECKING:
    from mocks.data import Truth


class MemoryApi:
    """Answers as the mock API would that has these records, this shape and these faults.

    A fault is written as the mock's ``--fault`` has it; those of the wire are given as ``error``.
    """

    def __init__(self, recipe: dict[str, Any], shape: dict[str, Any] | None = None, *faults: str, **limits: int):
        self.records = Records(Recipe(**{"first_id": FIRST, "last_id": FIRST + 2110} | recipe))
        self.shape = Shape(**shape or {})
        self.injector = Injector([demand for fault in faults for demand in demands(fault)], **limits)
        #: The cursors that were asked for, as they were sent.
        self.asked: list[int] = []

    def ask(self, url: str) -> Answer:
        """Answer one request."""
        asked = self.shape.asked(dict(parse_qsl(urlsplit(url).query)))
        self.asked.append(asked.cursor)
        page = self.records.page(asked.cursor + self.shape.exclusive, asked.limit)
        body = self.shape.body(asked, page)
        kind = self.injector.kind(asked.cursor)
        if kind is None:
            return Answer(200, body=body, seconds=0.01, at=time())
        answer = _at_once(KINDS[kind].answer(Honest(None, asked, body, self.shape, self.records)))
        return Answer(answer.status, dict(answer.headers), answer.body, 0.01, at=time())

    def truth(self, first_id: int | None = None, last_id: int | None = None) -> Truth:
        """Count the records."""
        return self.records.truth(first_id, last_id)


def _at_once(answering: Any) -> web.Response:
    """Return the result of a coroutine that waits for nothing."""
    try:
        answering.send(None)
    except StopIteration as done:
        return done.value
    except web.HTTPException as refused:
        return refused
    raise AssertionError("a fault that takes its time needs a wire")
