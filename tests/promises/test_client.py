"""The HTTP client, against servers on loopback that do one thing each."""

from __future__ import annotations

import asyncio
import gzip
import json
from base64 import b64encode
from contextlib import asynccontextmanager
from time import monotonic, time

import pytest
from aiohttp import web
from multidict import CIMultiDict

from lifestats_crawler.downloader.client import Client
from lifestats_crawler.exceptions import Cause, NoAnswerError


class Server:
    """Answers every request as it is told, and keeps what was asked."""

    def __init__(self, answer) -> None:
        self.asked: list[web.BaseRequest] = []
        self._answer = answer
        self.url = ""
        #: For each request, its connection: the first one is 1.
        self.connections: list[int] = []
        self._known: dict[object, int] = {}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request)
        self.connections.append(self._known.setdefault(request.transport, len(self._known) + 1))
        return await self._answer(request)


@asynccontextmanager
async def serving(answer):
    server = Server(answer)
    runner = web.ServerRunner(web.Server(server.handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


def client(timeout: float = 5.0, **options) -> Client:
    return Client(
        options.pop("variables", {}), {"Accept": "text/plain"}, timeout=timeout, **{"most_bytes": 1000} | options
    )


def text(body: str, **more):
    async def answer(_) -> web.Response:
        return web.Response(text=body, **more)

    return answer


async def silence(_) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def hang_up(request) -> web.Response:
    request.transport.close()
    return web.Response()


async def half(request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_length = 100
    await response.prepare(request)
    await response.write(b"x" * 50)
    request.transport.close()
    return response


async def test_an_answer_is_what_came_whatever_its_status():
    async with serving(text("gone", status=410, headers={"Retry-After": "7"})) as server, client() as asking:
        answer = await asking.ask(f"{server.url}/?a=1")
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (410, b"gone", "7")
    assert 0 < answer.seconds < 5
    (asked,) = server.asked
    assert (asked.path_qs, dict(asked.headers)["Accept"]) == ("/?a=1", "text/plain")
    assert "User-Agent" not in asked.headers


SHOWN = json.dumps({"error": "limit must not be above 50"}).encode()


def answered(*lines: str, body: bytes = b"", status: str = "200 OK"):
    """Answer with these bytes and nothing of a library's; the connection stays open."""

    async def answer(request) -> web.StreamResponse:
        head = "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1")
        request.transport.write(head + body)
        await asyncio.Event().wait()
        raise AssertionError

    return answer


def sized(body: bytes, *lines: str, status: str = "200 OK"):
    return answered(f"Content-Length: {len(body)}", *lines, body=body, status=status)


@pytest.mark.parametrize(
    "answer",
    [
        sized(b"[1]", 'Content-Disposition: attachment; filename="r\xe9ponse.json"'),
        sized(b"[1]", f"Content-Security-Policy: {'x' * 9000}"),
        sized(b"[1]", f"X-Trace: {'x' * 100_000}"),
        sized(b"[1]", *(f"X-Hop-{number}: {number}" for number in range(200))),
        sized(b"[1]", "X-Empty:", "x_under.score: 1"),
        sized(b"[1]", status="200 "),
        sized(b"[1]", status="200 d\xe9j\xe0 vu"),
        answered("Transfer-Encoding: chunked", body=b"2\r\n[1\r\n1\r\n]\r\n0\r\n\r\n"),
        answered("Transfer-Encoding: chunked", body=b'003;a=b;c="d;e"\r\n[1]\r\n000\r\nX-Sum: 1\r\n\r\n'),
        answered("Link: </a>", "", "HTTP/1.1 200 OK", "Content-Length: 3", body=b"[1]", status="103 Early Hints"),
        sized(gzip.compress(b"[") + gzip.compress(b"1]") + bytes(9), "Content-Encoding: x-gzip"),
        sized("[1]".encode("utf-16"), "Content-Type: application/json; charset=utf-16"),
        sized(b"\xef\xbb\xbf[1]"),
    ],
    ids=range(13),
)
async def test_a_lawful_answer_is_read_however_it_is_written(answer):
    async with serving(answer) as server, client() as asking:
        got = await asking.ask(server.url)
    assert (got.status, got.body) == (200, b"[1]")
    for value in got.headers.values():
        value.encode()


async def test_an_answer_without_a_length_ends_with_its_connection():
    async def answer(request) -> web.Response:
        request.transport.write(b"HTTP/1.0 200 OK\r\n\r\n[1]")
        request.transport.close()
        return web.Response()

    async with serving(answer) as server, client() as asking:
        assert (await asking.ask(server.url)).body == b"[1]"


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (sized(b"not gzip", "Content-Encoding: gzip", "Retry-After: 7", status="429 X"), b""),
        (sized(gzip.compress(b"x" * 2000), "Content-Encoding: gzip", "Retry-After: 7", status="429 X"), b""),
        (sized(b"x" * 2000, "Retry-After: 7", status="429 X"), b""),
        (answered("Transfer-Encoding: chunked", "Retry-After: 7", body=b"zz\r\n", status="429 X"), b""),
        (sized(gzip.compress(SHOWN), "Content-Encoding: gzip", "Retry-After: 7", status="429 X"), SHOWN),
        (sized(SHOWN.decode().encode("utf-16"), "Retry-After: 7", status="429 X"), SHOWN),
    ],
    ids=["not gzip", "a bomb", "too large", "not in chunks", "gzip", "UTF-16"],
)
async def test_a_status_counts_even_if_its_body_cannot_be_read(answer, body):
    async with serving(answer) as server, client() as asking:
        got = await asking.ask(server.url)
    assert (got.status, got.headers["Retry-After"], got.body[:30]) == (429, "7", body[:30])


async def test_a_failure_with_a_body_that_never_ends_is_told_before_the_time_of_a_page_is_over(monkeypatch):
    monkeypatch.setattr("lifestats_crawler.downloader.client._REASON_SECONDS", 0.01)
    waiting = answered("Content-Length: 9", "Retry-After: 7", body=b"busy", status="503 X")
    async with serving(waiting) as server, client(timeout=60) as asking:
        got = await asking.ask(server.url)
    assert (got.status, got.headers["Retry-After"], got.body) == (503, "7", b"busy")


@pytest.mark.parametrize(
    ("answer", "cause", "message"),
    [
        (sized(b"not gzip", "Content-Encoding: gzip"), Cause.UNREADABLE, "Content-Encoding: gzip says"),
        (sized(gzip.compress(b"x" * 2000), "Content-Encoding: gzip"), Cause.TOO_LARGE, "larger than 1,000 bytes"),
        (sized(b"\xff\xfe[\x00]"), Cause.UNREADABLE, "UTF-16"),
        (
            answered("Transfer-Encoding: chunked", body=b"zz\r\n"),
            Cause.CUT_SHORT,
            "framed as it says: Invalid",
        ),
        (answered("bad line"), Cause.OTHER, "the answer is not HTTP"),
        (sized(b"[1]", f"X: {'x' * 200_000}"), Cause.OTHER, "the answer is not HTTP"),
        (half, Cause.CUT_SHORT, "the body ends too early"),
    ],
    ids=range(7),
)
async def test_what_cannot_be_read_is_told_without_a_status_that_no_server_sent(answer, cause, message):
    async with serving(answer) as server, client() as asking:
        with pytest.raises(NoAnswerError) as error:
            await asking.ask(server.url)
    assert error.value.cause is cause
    assert message in str(error.value)
    assert "400" not in str(error.value)
    assert "\n" not in str(error.value)


async def test_a_success_counts_for_who_wants_no_page_even_if_its_body_cannot_be_read():
    async with serving(sized(b"x", "Content-Encoding: gzip")) as server, client(whole=()) as asking:
        assert (await asking.ask(server.url)).status == 200


@pytest.mark.parametrize("target", ["/x?sig=ab%2Bc%2F%3D%3D&at=%7Ex%3A1&f=a+b", "/a%2Fb/../c%7e?x=[1]"])
async def test_a_url_leaves_as_it_is_written(target):
    async with serving(text("")) as server, client() as asking:
        await asking.ask(server.url + target)
    assert server.asked[0].raw_path == target


@pytest.mark.parametrize(
    ("login", "headers", "sent"),
    [
        ("us%40er:p%3Ass%20w%25rd@", [], "Basic " + b64encode(b"us@er:p:ss w%rd").decode()),
        ("me:p\u00e4ss\u4e2d@", [], "Basic " + b64encode("me:p\u00e4ss\u4e2d".encode()).decode()),
        ("${KEY}:@", [], "Basic " + b64encode(b"a/b c+d:").decode()),
        ("me:pw@", [("authorization", "Bearer x")], "Bearer x"),
        ("", [], None),
    ],
)
async def test_a_login_in_a_url_is_sent_as_a_header(login, headers, sent):
    async with serving(text("")) as server, client(variables={"${KEY}": "a/b c+d"}) as asking:
        await asking.ask(server.url.replace("://", f"://{login}") + "/x?y=1", headers=headers)
    assert server.asked[0].headers.get("Authorization") == sent
    assert server.asked[0].raw_path == "/x?y=1"
    assert "@" not in server.asked[0].headers["Host"]


async def test_cookies_are_kept_by_a_client_that_is_to_keep_them_and_sent_back_as_they_came():
    cookies = ('a="b c=/+"; Path=/', "d=e/f==; HttpOnly", 'g={"k":[1]}', "h[i]=%7B", "f=g; Path=/z")
    headers = CIMultiDict(("Set-Cookie", cookie) for cookie in cookies)
    async with serving(text("", headers=headers)) as server:
        for keeps in (True, False):
            async with client(keeps_cookies=keeps) as asking:
                await asking.ask(server.url)
                await asking.ask(server.url)
    sent = [asked.headers.get("Cookie") for asked in server.asked]
    assert sent == [None, 'a="b c=/+"; d=e/f==; g={"k":[1]}; h[i]=%7B', None, None]


async def test_a_cookie_that_no_header_can_hold_is_passed_over():
    bad = sized(b"", "Set-Cookie: a=\xe9", "Set-Cookie: b=c")
    async with serving(bad) as server, client(keeps_cookies=True) as asking:
        for _ in range(2):
            assert (await asking.ask(server.url, on_new_connection=True)).status == 200
    assert server.asked[1].headers["Cookie"] == "b=c"


async def test_a_text_is_posted_as_one():
    async with serving(text("")) as server, client() as asking:
        await asking.ask(server.url, method="POST", text="d\u00f6ne")
    (asked,) = server.asked
    assert asked.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert int(asked.headers["Content-Length"]) == 5


async def test_a_redirect_is_not_followed_and_says_where_it_points_to():
    async with serving(text("", status=302, headers={"Location": "/elsewhere"})) as server, client() as asking:
        answer = await asking.ask(server.url)
    assert (answer.status, answer.location, len(server.asked)) == (302, "/elsewhere", 1)


async def test_variables_are_filled_in_quoted_below_everything_that_logs():
    variables = {"${KEY}": "a/b c+d"}
    async with serving(text("")) as server, client(variables=variables) as asking:
        await asking.ask(f"{server.url}/x?key=${{KEY}}&at=1")
        await asking.ask(f"{server.url}/x?key=${{KEY}}&at=2")
    assert [asked.query["key"] for asked in server.asked] == ["a/b c+d"] * 2


async def test_a_document_is_posted_and_no_cookie_is_kept():
    async with serving(text("", headers={"Set-Cookie": "a=b"})) as server, client() as asking:
        await asking.ask(server.url, method="POST", json={"text": "done"}, headers=[("X-Own", "1")])
        await asking.ask(server.url)
    first, second = server.asked
    assert (first.method, first.content_type, first.headers["X-Own"]) == ("POST", "application/json", "1")
    assert "Cookie" not in second.headers


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (silence, Cause.NOT_IN_TIME),
        (hang_up, Cause.LOST),
        (half, Cause.CUT_SHORT),
        (text("x" * 1001), Cause.TOO_LARGE),
    ],
    ids=["silence", "hang up", "half", "too large"],
)
async def test_no_whole_answer_is_told_with_its_cause_and_nothing_is_asked_twice(answer, cause):
    async with serving(answer) as server, client(timeout=0.2) as asking:
        for many in (1, 2):
            with pytest.raises(NoAnswerError) as error:
                await asking.ask(server.url)
            assert error.value.cause is cause
            assert str(error.value)
            assert len(server.asked) == many


async def test_a_kept_alive_connection_that_has_died_is_not_asked_on_a_second_time():
    answers = [text("first"), hang_up]

    async def one_after_another(request):
        return await answers.pop(0)(request)

    async with serving(one_after_another) as server, client() as asking:
        assert (await asking.ask(server.url)).body == b"first"
        with pytest.raises(NoAnswerError) as error:
            await asking.ask(server.url)
    assert (error.value.cause, len(server.asked)) == (Cause.LOST, 2)


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("http://127.0.0.1:9/", Cause.NO_CONNECTION),
        ("http://no-such-host.invalid/", Cause.UNKNOWN_HOST),
        ("http://[bad/", Cause.OTHER),
    ],
)
async def test_a_server_that_cannot_be_reached_is_told_with_its_cause(url, cause):
    async with client() as asking:
        with pytest.raises(NoAnswerError) as error:
            await asking.ask(url)
    assert error.value.cause is cause


async def test_a_request_leaves_when_it_may_and_its_time_begins_then():
    left = []

    async def depart(is_usable) -> bool:
        await asyncio.sleep(0.4)
        left.append(is_usable())
        return True

    async with serving(text("late")) as server, client(timeout=0.2, depart=depart) as asking:
        answer = await asking.ask(server.url)
    assert (answer.body, left) == (b"late", [True])
    assert answer.seconds < 0.2


async def test_who_is_in_a_hurry_waits_no_longer_for_what_is_under_way():
    async with serving(silence) as server, client(timeout=60) as asking:
        waiting = asyncio.ensure_future(asking.ask(server.url))
        while not server.asked:
            await asyncio.sleep(0)
        asking.hurry(0.05)
        with pytest.raises(NoAnswerError) as error:
            await waiting
    assert error.value.cause is Cause.NOT_IN_TIME


async def test_an_answer_says_when_it_left_and_came_and_on_which_connection():
    async with serving(text("")) as server, client() as asking:
        before = monotonic(), time()
        first, second = await asking.ask(server.url), await asking.ask(server.url)
        after = monotonic(), time()
    assert before[0] <= first.left_at <= second.left_at <= after[0]
    assert before[1] <= first.at <= second.at <= after[1]
    assert (first.connection, second.connection, server.connections) == (1, 1, [1, 1])


@pytest.mark.parametrize("answer", [silence, hang_up, half], ids=["silence", "hang up", "half"])
async def test_an_error_says_it_too_and_its_connection_is_not_used_again(answer):
    async with serving(answer) as server, client(timeout=0.2) as asking:
        before = monotonic(), time()
        for number in (1, 2):
            with pytest.raises(NoAnswerError) as caught:
                await asking.ask(server.url)
            error = caught.value
            assert before[0] <= error.left_at <= monotonic()
            assert before[1] <= error.at <= time()
            assert (error.connection, server.connections[-1]) == (number, number)


async def test_a_request_that_never_left_says_that():
    async with client() as asking:
        with pytest.raises(NoAnswerError) as caught:
            await asking.ask("http://127.0.0.1:9/")
    assert (caught.value.left_at, caught.value.connection) == (0.0, 0)


@pytest.mark.parametrize(("status", "connections"), [(500, [1, 2, 3]), (503, [1, 2, 3]), (429, [1, 1, 1])])
@pytest.mark.parametrize("size", [0, 500_000], ids=["small", "large"])
async def test_a_connection_that_gave_a_5xx_is_not_used_again(status, size, connections):
    async with serving(text("x" * size, status=status)) as server, client(most_bytes=10**6) as asking:
        numbers = [(await asking.ask(server.url)).connection for _ in range(3)]
    assert numbers == server.connections == connections


async def test_a_connection_that_is_distrusted_is_not_used_again():
    distrusted = set()
    async with serving(text("")) as server, client(distrusted=distrusted) as asking:
        await asking.ask(server.url)
        distrusted.add(1)
        assert (await asking.ask(server.url)).connection == 2
        assert (await asking.ask(server.url)).connection == 2
    assert server.connections == [1, 2, 2]


async def test_a_request_can_be_sent_on_a_new_connection_and_the_others_stay():
    async with serving(text("")) as server, client() as asking:
        await asyncio.gather(*(asking.ask(server.url) for _ in range(3)))
        assert (await asking.ask(server.url, on_new_connection=True)).connection == 4
        await asyncio.gather(*(asking.ask(server.url) for _ in range(4)))
    assert sorted(server.connections) == [1, 1, 2, 2, 3, 3, 4, 4]


async def test_no_more_connections_stay_open_than_may_and_a_new_one_takes_the_place_of_another():
    most = 100
    async with serving(slowly) as server, client(most_connections=lambda: most) as asking:
        await asyncio.gather(*(asking.ask(server.url) for _ in range(6)))
        most = 2
        for _ in range(6):
            await asking.ask(server.url)
        await asyncio.sleep(0.01)
        assert open_at(server) == 2
        await asking.ask(server.url, on_new_connection=True)
        await asyncio.sleep(0.01)
        assert open_at(server) == 2
        assert len(set(server.connections)) == 7


@pytest.mark.parametrize("is_distrusted", [False, True], ids=["it was closed", "it is distrusted"])
async def test_a_connection_that_dies_while_its_request_waits_to_leave_is_replaced(
    is_distrusted,
):
    waiting, going, places = asyncio.Event(), asyncio.Event(), []
    distrusted = set()

    async def depart(is_usable) -> bool:
        waiting.set()
        await going.wait()
        if is_usable():
            places.append(True)
        return is_usable()

    async with serving(text("")) as server, client(distrusted=distrusted) as asking:
        await asking.ask(server.url)
        asked = asyncio.ensure_future(asking.ask(server.url, depart=depart))
        await waiting.wait()
        if is_distrusted:
            distrusted.add(1)
        else:
            server.asked[0].transport.close()
            await asyncio.sleep(0.05)
        going.set()
        answer = await asked
    assert (answer.status, answer.connection, server.connections, places) == (200, 2, [1, 2], [True])


async def slowly(_) -> web.Response:
    await asyncio.sleep(0.02)
    return web.Response()


def open_at(server: Server) -> int:
    """Count the connections that are open at a server."""
    transports = {id(asked.transport): asked.transport for asked in server.asked if asked.transport}
    return sum(not transport.is_closing() for transport in transports.values())
