"""A small HTTP server for answers that the mock API does not give: a function from a query to an answer.

What is posted is taken for the message of a webhook.
"""

from __future__ import annotations

import json
import ssl
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from pathlib import Path


class Reply(NamedTuple):
    """An answer: the document of its body, or the body, and what else is said."""

    document: Any
    status: int = 200
    headers: Mapping[str, str] = {}


#: Answers the n-th request, from 0, on a connection with a number, from 0.
Answering = Callable[[Mapping[str, str], int, int], Reply]


class OddServer:
    """What a test may look at: the address, and every query that came."""

    def __init__(self, server: ThreadingHTTPServer, scheme: str) -> None:
        self.address = f"{scheme}://127.0.0.1:{server.server_port}"
        self.url = f"{self.address}/x?from={{cursor}}&limit={{limit}}"
        self.queries: list[Mapping[str, str]] = []
        #: The headers of every request, their names in lower case.
        self.headers: list[Mapping[str, str]] = []
        #: The bodies that were posted.
        self.posted: list[bytes] = []


@contextmanager
def odd_server(
    answering: Answering, tls: tuple[Path, Path] | None = None, hook: Reply | None = None
) -> Iterator[OddServer]:
    """Answer with a function, on a free port of the loopback, until the block ends.

    ``tls`` is a certificate and its key, ``hook`` the answer to what is posted.
    """
    lock, connections = threading.Lock(), [0]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            with lock:
                self.number = connections[0]
                connections[0] += 1

        def do_GET(self) -> None:
            query = dict(parse_qsl(urlsplit(self.path).query))
            with lock:
                self._note()
                odd.queries.append(query)
                reply = answering(query, len(odd.queries) - 1, self.number)
            self._answer(reply)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                self._note()
                odd.posted.append(body)
            self._answer(hook or Reply({"ok": True}))

        def _note(self) -> None:
            odd.headers.append({name.lower(): value for name, value in self.headers.items()})

        def _answer(self, reply: Reply) -> None:
            is_raw = isinstance(reply.document, bytes)
            body = reply.document if is_raw else json.dumps(reply.document).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        odd = OddServer(server, "https" if tls else "http")
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield odd
        server.shutdown()


def page(ids: Sequence[int], query: Mapping[str, str], *, after: bool = False) -> dict[str, Any]:
    """Return the page of an honest API: the records from a cursor on, or after it, and the next record's id."""
    begin = bisect_left(ids, int(query["from"]) + after)
    end = begin + int(query["limit"])
    return {
        "rows": [{"id": an_id, "value": an_id % 7} for an_id in ids[begin:end]],
        "next": ids[end] - after if end < len(ids) else None,
    }
