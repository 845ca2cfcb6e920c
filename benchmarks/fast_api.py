"""The mock API without what makes it slow: the same records in the same bytes, but rendered beforehand.

mocks.api renders pages as they are asked for, behind a web framework, and has its core full before the
fastest client has: both would measure the server. Here a page is a slice of one long text.
"""

from __future__ import annotations

import asyncio
import sys
from argparse import ArgumentParser
from array import array
from bisect import bisect_left
from itertools import accumulate
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import orjson
import uvloop

from mocks.api import Api, RequestLog
from mocks.data import Page, Recipe, Records
from mocks.injector import Injector
from mocks.shape import Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

_CHUNK_RECORDS = 10_000  # that are rendered together
_HEAD = b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class RenderedRecords(Records):
    """Records that are made when the server starts, in some 70 bytes each."""

    def __init__(self, recipe: Recipe) -> None:
        """Render all records into one text, and note where each of them starts."""
        super().__init__(recipe)
        self._ids, lengths, chunks = array("q"), array("q", [0]), []
        cursor: int | None = recipe.first_id
        while cursor is not None:
            page = super().page(cursor, _CHUNK_RECORDS)
            self._ids += page.ids
            lengths.extend(len(record) + 1 for record in page.records)
            chunks += page.records
            cursor = page.following
        self._starts = array("q", accumulate(lengths))
        self._text = b",".join(chunks)

    def page(self, cursor: int, limit: int) -> Page:
        """Return the same page, its records joined already."""
        first = bisect_left(self._ids, cursor)
        end = min(first + limit, len(self._ids))
        following = self._ids[end] if end < len(self._ids) else None
        text = self._text[self._starts[first] : self._starts[end] - 1] if first < end else b""
        return Page([text], self._ids[first:end], following)


class Connection(asyncio.Protocol):
    """A kept-alive connection: requests without a body, answered in turn."""

    def __init__(self, api: Api, log: RequestLog) -> None:
        """Answer from an API, and note pages in the log that all connections share."""
        self._api = api
        self._log = log
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer what has arrived whole."""
        *heads, self._received = (self._received + data).split(b"\r\n\r\n")
        for head in heads:
            path, _, query = head.split(b" ", 2)[1].decode().partition("?")
            self._answer(path, dict(parse_qsl(query)))

    def _answer(self, path: str, query: Mapping[str, str]) -> None:
        arrival = monotonic()
        if path == "/log":
            self._send(200, orjson.dumps({"requests": self._log.rows()}))
            return
        asked, answer = self._api.page(query)
        self._log.add(arrival, asked, answer.status, None)
        self._send(*answer)

    def _send(self, status: int, body: bytes) -> None:
        self._transport.write(_HEAD % (status, len(body)) + body)  # type: ignore[attr-defined]  # TCP's


async def serve(api: Api) -> None:
    """Listen on any free port, print the URL as a line, and answer until stdin closes."""
    loop, log = asyncio.get_running_loop(), RequestLog()
    server = await loop.create_server(lambda: Connection(api, log), "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)  # noqa: T201  # its first line
    await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """Serve the ids that the command line names."""
    parser = ArgumentParser("benchmarks.fast_api")
    parser.add_argument("--first-id", type=int, required=True)
    parser.add_argument("--last-id", type=int, required=True)
    args = parser.parse_args()
    records = RenderedRecords(Recipe(args.first_id, args.last_id))
    uvloop.run(serve(Api(records, Shape(), (0, 0), Injector([]))))


if __name__ == "__main__":
    main()
