"""What can be wrong with an answer, on demand: ``--fault KIND:SHARE`` of mocks.api."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from math import ceil
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mocks.data import Records
    from mocks.shape import Asked, Shape

_JSON = {"Content-Type": "application/json"}
_HUGE_BYTES = 200 * 1024 * 1024
_CHUNK = b" " * 65536
_SILENCE_SECONDS = 60.0  # of a stalled answer, at most
_LOOK_UP_SECONDS = 0.1  # between two looks whether the client has gone
_FAR_IDS = 10**12  # beyond the space
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Honest:
    """A request, and the right answer to it."""

    request: web.BaseRequest
    asked: Asked
    body: bytes
    shape: Shape
    records: Records
    #: What a fault repeats of the request, as a careless server does.
    echo: str = ""

    def changed(self, change: Callable[[list[Any], Honest], list[Any]]) -> bytes:
        """Return the body with its records changed."""
        document = orjson.loads(self.body)
        if self.shape.items == "@":
            return orjson.dumps(change(document, self))
        parent, key = _place(document, self.shape.items)
        parent[key] = change(parent[key], self)
        return orjson.dumps(document, option=orjson.OPT_PASSTHROUGH_SUBCLASS)

    def with_next(self, following: object) -> bytes:
        """Return the body with another next cursor."""
        document = orjson.loads(self.body)
        parent, key = _place(document, self.shape.following)
        parent[key] = following
        return orjson.dumps(document)

    def emptied(self, records: object = (), following: object = None) -> bytes:
        """Return the body of a page without records, which says that nothing follows.

        ``records`` stands where their list is, and nothing at all for ``_ABSENT``.
        """
        document = orjson.loads(self.body)
        if self.shape.following:
            parent, key = _place(document, self.shape.following)
            parent[key] = following
        if self.shape.items == "@":
            return orjson.dumps(None if records is _ABSENT else records)
        parent, key = _place(document, self.shape.items)
        parent[key] = records
        if records is _ABSENT:
            del parent[key]
        return orjson.dumps(document)

    @property
    def ids(self) -> list[int]:
        """The ids on the page."""
        return list(self.records.page(self.asked.cursor, self.asked.limit).ids)


class Kind(NamedTuple):
    """A kind of fault: what it is, how it answers, and whether the answer is right all the same."""

    about: str
    answer: Callable[[Honest], Awaitable[web.StreamResponse]]
    is_harmless: bool = False
    #: Whether ``--fault all`` includes it.
    in_all: bool = True


def _place(document: Any, path: str) -> tuple[Any, str]:
    *parents, key = path.split(".")
    for parent in parents:
        document = document[parent]
    return document, key


def _status(status: int, **headers: Callable[[], str]) -> Callable[[Honest], Awaitable[web.StreamResponse]]:
    async def answer(honest: Honest) -> web.StreamResponse:
        made = {name.replace("_", "-"): value() for name, value in headers.items()}
        return web.Response(status=status, text=f"status {status} {honest.echo}", headers=made)

    return answer


def _in_two_seconds() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)


def _long_ago() -> str:
    return format_datetime(datetime.now(UTC) - timedelta(minutes=1), usegmt=True)


def _moment_soon() -> str:
    return str(ceil(datetime.now(UTC).timestamp() + 1))


def _body(make: Callable[[Honest], bytes], **headers: str) -> Callable[[Honest], Awaitable[web.StreamResponse]]:
    async def answer(honest: Honest) -> web.StreamResponse:
        told = _JSON | {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=make(honest), headers=told)

    return answer


def _record(change: Callable[[Any, Honest], None]) -> Callable[[Honest], Awaitable[web.StreamResponse]]:
    """Answer with the first record changed."""

    def changed(records: list[Any], honest: Honest) -> list[Any]:
        change(_first(records), honest)
        return records

    return _body(lambda honest: honest.changed(changed))


def _first(records: list[Any]) -> Any:
    if not records:
        raise web.HTTPInternalServerError(text="there is no record to change")
    return records[0]


def _set_id(value: object) -> Callable[[Any, Honest], None]:
    def change(record: Any, honest: Honest) -> None:
        parent, key = _place(record, honest.records.recipe.id_name)
        parent[key] = value

    return change


def _drop_id(record: Any, honest: Honest) -> None:
    parent, key = _place(record, honest.records.recipe.id_name)
    del parent[key]


def _set_field(value: object) -> Callable[[Any, Honest], None]:
    def change(record: Any, honest: Honest) -> None:
        parent, key = _place(record, honest.records.fields[0])
        parent[key] = value

    return change


def _drop_field(record: Any, honest: Honest) -> None:
    parent, key = _place(record, honest.records.fields[0])
    del parent[key]


def _beyond_64_bits(place: str, value: int) -> Callable[[Honest], Awaitable[web.StreamResponse]]:
    """Answer with an integer that orjson does not write: as text first, then without its quotes."""
    change = _set_id(str(value)) if place == "id" else _set_field(str(value))

    def changed(records: list[Any], honest: Honest) -> list[Any]:
        change(_first(records), honest)
        return records

    return _body(lambda honest: honest.changed(changed).replace(b'"%d"' % value, b"%d" % value))


def _one_more(records: list[Any], honest: Honest) -> list[Any]:
    return (records * (honest.asked.limit + 1))[: honest.asked.limit + 1]


def _shuffled(records: list[Any], _: Honest) -> list[Any]:
    Random(len(records)).shuffle(records)
    return records


def _before_cursor(honest: Honest) -> bytes:
    """Return a right page, somewhat shorter, with records from before the cursor in front of it."""
    asked = honest.asked
    before = honest.records.page(max(0, asked.cursor - 9), 3)
    old = [record for an_id, record in zip(before.ids, before.records, strict=True) if an_id < asked.cursor]
    page = honest.records.page(asked.cursor + honest.shape.exclusive, max(1, asked.limit - 3))
    return honest.shape.body(asked, page._replace(records=old + page.records))


def _null_among(honest: Honest) -> bytes:
    """Return a right page with one record less, if it has two, and null among them."""
    asked = honest.asked
    page = honest.records.page(asked.cursor + honest.shape.exclusive, asked.limit - 1)
    if asked.limit == 1 or not page.records:
        return honest.body
    middle = len(page.records) // 2
    records = [*page.records[:middle], b"null", *page.records[middle:]]
    return honest.shape.body(asked, page._replace(records=records))


def _next_back(honest: Honest) -> bytes:
    return honest.with_next(honest.asked.cursor - 1)


async def _partial(honest: Honest) -> web.StreamResponse:
    return web.Response(status=206, body=honest.body, headers=_JSON)


async def _reset(honest: Honest) -> web.StreamResponse:
    transport: Any = honest.request.transport
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
    return web.Response()


async def _disconnect(honest: Honest) -> web.StreamResponse:
    transport: Any = honest.request.transport
    transport.close()
    return web.Response()


async def _begun(honest: Honest, size: int) -> web.StreamResponse:
    response = web.StreamResponse(headers=_JSON)
    response.content_length = size
    await response.prepare(honest.request)
    return response


async def _stall(honest: Honest) -> web.StreamResponse:
    response = await _begun(honest, len(honest.body))
    for _ in range(round(_SILENCE_SECONDS / _LOOK_UP_SECONDS)):
        if honest.request.transport is None or honest.request.transport.is_closing():
            break
        await asyncio.sleep(_LOOK_UP_SECONDS)
    return response


async def _cut_short(honest: Honest) -> web.StreamResponse:
    response = await _begun(honest, len(honest.body))
    await response.write(honest.body[: len(honest.body) // 2])
    return await _disconnect(honest)


async def _slow(honest: Honest) -> web.StreamResponse:
    await asyncio.sleep(2)
    return web.Response(body=honest.body, headers=_JSON)


async def _huge(honest: Honest) -> web.StreamResponse:
    response = await _begun(honest, _HUGE_BYTES)
    with suppress(ConnectionError):
        for _ in range(_HUGE_BYTES // len(_CHUNK)):
            await response.write(_CHUNK)
        await response.write_eof()
    return response


KINDS: dict[str, Kind] = {
    "throttle-seconds": Kind("429, Retry-After in seconds", _status(429, Retry_After=lambda: "1")),
    "throttle-date": Kind("429, Retry-After as a date", _status(429, Retry_After=_in_two_seconds)),
    "throttle-decimal": Kind("429, Retry-After with decimals", _status(429, Retry_After=lambda: "1.5")),
    "throttle-zero": Kind("429, Retry-After of 0", _status(429, Retry_After=lambda: "0")),
    "throttle-past": Kind("429, Retry-After as a date that is over", _status(429, Retry_After=_long_ago)),
    "throttle-epoch": Kind("429, Retry-After as a moment", _status(429, Retry_After=_moment_soon)),
    "throttle-reset-epoch": Kind(
        "429, X-RateLimit-Reset as a moment",
        _status(429, X_RateLimit_Remaining=lambda: "0", X_RateLimit_Reset=_moment_soon),
    ),
    "throttle-reset-delta": Kind(
        "429, RateLimit-Reset in seconds",
        _status(429, RateLimit_Remaining=lambda: "0", RateLimit_Reset=lambda: "1"),
    ),
    "throttle-bare": Kind("429 without Retry-After", _status(429)),
    "busy-seconds": Kind("503, Retry-After in seconds", _status(503, Retry_After=lambda: "1")),
    "busy-date": Kind("503, Retry-After as a date", _status(503, Retry_After=_in_two_seconds)),
    "busy-bare": Kind("503 without Retry-After", _status(503)),
    "busy-529": Kind("529, Retry-After in seconds", _status(529, Retry_After=lambda: "1")),
    "busy-reset": Kind("500 with X-RateLimit-Reset", _status(500, X_RateLimit_Reset=_moment_soon)),
    "status-500": Kind("500", _status(500)),
    "status-502": Kind("502", _status(502)),
    "status-504": Kind("504", _status(504)),
    "status-404": Kind("404", _status(404)),
    "status-204": Kind("204", _status(204)),
    "status-206": Kind("right, but with 206", _partial, is_harmless=True),
    "not-ready": Kind("202", _status(202)),
    "status-401": Kind("401", _status(401), in_all=False),
    "status-403": Kind("403", _status(403), in_all=False),
    "redirect": Kind("302 to another host", _status(302, Location=lambda: "http://another-host.invalid/")),
    "reset": Kind("the connection is reset", _reset),
    "disconnect": Kind("the connection is closed without an answer", _disconnect),
    "stall": Kind("headers, then silence", _stall),
    "cut-short": Kind("half of the body, then the end", _cut_short),
    "slow": Kind("right, but two seconds late", _slow, is_harmless=True),
    "not-json": Kind("plain text", _body(lambda honest: f"hello {honest.echo}".encode())),
    "html": Kind("a page of HTML", _body(lambda honest: f"<html>{honest.echo}</html>".encode())),
    "empty": Kind("no body", _body(lambda _: b"")),
    "bad-gzip": Kind(
        "plain text with Content-Encoding: gzip", _body(lambda _: b"not gzip at all", Content_Encoding="gzip")
    ),
    "good-gzip": Kind(
        "compressed", _body(lambda honest: gzip.compress(honest.body), Content_Encoding="gzip"), is_harmless=True
    ),
    "huge": Kind("200 MB of body", _huge),
    "half-json": Kind("JSON cut in the middle", _body(lambda honest: honest.body[: len(honest.body) // 2])),
    "wrong-shape": Kind("JSON of another shape", _body(lambda honest: orjson.dumps({"error": honest.echo}))),
    "next-repeats": Kind("next is the cursor", _body(lambda honest: honest.with_next(honest.asked.cursor))),
    "next-back": Kind("next is before the cursor", _body(_next_back)),
    "next-beyond": Kind(
        "next is far beyond the id space",
        _body(lambda honest: honest.with_next(honest.records.recipe.last_id + _FAR_IDS)),
    ),
    "next-text": Kind("next is a word", _body(lambda honest: honest.with_next("soon"))),
    "next-null": Kind("next is null in mid-space", _body(lambda honest: honest.with_next(None))),
    "next-empty": Kind("next is an empty text in mid-space", _body(lambda honest: honest.with_next(""))),
    "next-false": Kind("next is false in mid-space", _body(lambda honest: honest.with_next(following=False))),
    "next-zero": Kind("next is 0 in mid-space", _body(lambda honest: honest.with_next(0))),
    "next-minus": Kind("next is -1 in mid-space", _body(lambda honest: honest.with_next(-1))),
    "empty-page": Kind("no record and no next in mid-space", _body(lambda honest: honest.emptied())),
    "empty-echo": Kind(
        "no record in mid-space, and next is the cursor",
        _body(lambda honest: honest.emptied(following=honest.asked.cursor)),
    ),
    "list-null": Kind(
        "no next in mid-space, and null in place of the list", _body(lambda honest: honest.emptied(None))
    ),
    "list-absent": Kind("no next in mid-space, and no list", _body(lambda honest: honest.emptied(_ABSENT))),
    "next-short": Kind(
        "next is an id of the page",
        _body(lambda honest: honest.with_next(max(honest.ids, default=honest.asked.cursor))),
    ),
    "id-missing": Kind("a record without an id", _record(_drop_id)),
    "id-repeated": Kind(
        "a record twice",
        _body(
            lambda honest: honest.changed(lambda records, _: [_first(records), *records[: honest.asked.limit - 1]])
        ),
    ),
    "id-text": Kind("an id that is a word", _record(_set_id("abc"))),
    "id-negative": Kind("an id below 0", _record(_set_id(-5))),
    "id-huge": Kind("an id beyond 64 bits", _beyond_64_bits("id", 2**63 + 5)),
    "id-float": Kind("an id with a fraction", _record(_set_id(1.5))),
    "field-missing": Kind("a record without the first field", _record(_drop_field)),
    "field-null": Kind("the first field is null in a record", _record(_set_field(None))),
    "field-object": Kind("the first field is an object in a record", _record(_set_field({"a": 1}))),
    "field-huge": Kind("the first field is beyond 64 bits in a record", _beyond_64_bits("field", 2**70)),
    "too-many": Kind("more records than asked for", _body(lambda honest: honest.changed(_one_more))),
    "record-null": Kind("null among the records", _body(_null_among), is_harmless=True),
    "before-cursor": Kind("records from before the cursor in front", _body(_before_cursor), is_harmless=True),
    "unordered": Kind("records in any order", _body(lambda honest: honest.changed(_shuffled)), is_harmless=True),
}
HARMLESS = frozenset(kind for kind, about in KINDS.items() if about.is_harmless)
