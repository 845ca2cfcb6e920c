from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.promises.odd_server import Reply, odd_server, page

SPACE = {
    "items": "rows",
    "next": "next",
    "first_id": 1,
    "last_id": 100,
    "subsets": 1,
    "counters": {"values": {"field": "value"}},
}


def answering(query, *_):
    return Reply(page(range(1, 101), query))


@pytest.fixture
def webhook():
    """A server that keeps what is posted to it, as (path, document)."""
    posted = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", posted
        server.shutdown()


@pytest.mark.parametrize(
    ("on", "faults", "status"),
    [
        (["failed", "complete"], [], "complete"),
        (["failed"], [], None),
        (["failed"], ["--fault=status-401:1"], "failed"),
    ],
)
def test_who_wants_to_know_of_an_end_is_told_and_nobody_else(request, webhook, on, faults, status):
    crawls, start_api = (request.getfixturevalue(name) for name in ("crawls", "start_api"))
    url, posted = webhook
    with start_api(*faults, ids=100) as api:
        notify = {"url": url + "/hooks/${LIFESTATS_HOOK}", "on": on}
        crawls.configure(**api.space, notify=notify)
        done = crawls.run(LIFESTATS_HOOK="s3cret-t0ken")
    assert [document["status"] for _, document in posted] == [status] * (status is not None)
    assert "s3cret" not in done.stderr + done.stdout + json.dumps([document for _, document in posted])
    for path, document in posted:
        assert path == "/hooks/s3cret-t0ken"
        assert document["text"].startswith(f"lifestats test: {status}, ")
        assert document["run"] == crawls.report()["run"]["name"]


def test_a_webhook_that_does_not_answer_costs_a_warning_and_not_the_report(crawls, start_api):
    with start_api(ids=100) as api:
        notify = {"url": "http://127.0.0.1:9/${LIFESTATS_HOOK}"}
        crawls.configure(**api.space, notify=notify)
        done = crawls.run(LIFESTATS_HOOK="s3cret-t0ken")
    assert done.returncode == 0
    assert "POST to notify.url failed: " in done.stderr
    assert "s3cret" not in done.stderr


@pytest.mark.parametrize(
    ("body", "posted"),
    [
        (
            {"text": "{headline}"},
            {"text": "lifestats test: complete, 100 records counted, 100 of 100 ids crawled (finished)"},
        ),
        (
            {
                "chat": "${LIFESTATS_CHAT}",
                "blocks": [{"n": "{items}", "text": "{status}: {items} of {{items}}"}],
                "on": True,
            },
            {"chat": "{ids}", "blocks": [{"n": 100, "text": "complete: 100 of {items}"}], "on": True},
        ),
        ("{environment} {status}", b"test complete"),
    ],
    ids=["one key", "a variable and a number", "a text"],
)
def test_a_webhook_gets_the_body_that_the_configuration_says(crawls, body, posted):
    with odd_server(answering) as server:
        crawls.configure(url=server.url, **SPACE, notify={"url": f"{server.address}/hook", "body": body})
        done = crawls.run(LIFESTATS_CHAT="{ids}")
    assert done.returncode == 0, done.stderr
    (told,) = server.posted
    assert (told if isinstance(posted, bytes) else json.loads(told)) == posted


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        *(
            (
                Reply(b"", status, {"Location": "/hook/${LIFESTATS_HOOK}/"}),
                f"status {status}, the address has moved to /hook/***/. Put the new address into notify.url",
            )
            for status in (301, 302, 307, 308)
        ),
        (Reply({"error": "unknown key: run"}, 400), 'status 400. The server says: {"error": "unknown key: run"}'),
        (Reply(b"no s3cret-t0ken here", 403), "status 403. The server says: no *** here"),
        (Reply(b"<html>gone</html>", 410), "status 410"),
    ],
    ids=str,
)
def test_a_webhook_that_takes_no_message_is_posted_to_once_and_the_log_says_why(crawls, hook, said):
    moved = {name: value.replace("${LIFESTATS_HOOK}", "s3cret-t0ken") for name, value in hook.headers.items()}
    with odd_server(answering, hook=hook._replace(headers=moved)) as server:
        crawls.configure(url=server.url, **SPACE, notify={"url": server.address + "/${LIFESTATS_HOOK}"})
        done = crawls.run(LIFESTATS_HOOK="s3cret-t0ken")
    assert (done.returncode, len(server.posted)) == (0, 1)
    assert f"POST to notify.url failed: {said}. No one was notified of the end of this crawl" in done.stderr
    assert "s3cret" not in done.stderr


def test_a_webhook_whose_answer_cannot_be_read_has_taken_the_message(crawls):
    hook = Reply(b"ok", 200, {"Content-Encoding": "gzip"})
    with odd_server(answering, hook=hook) as server:
        crawls.configure(url=server.url, **SPACE, notify={"url": f"{server.address}/hook"})
        done = crawls.run()
    assert (done.returncode, len(server.posted), "notify" in done.stderr) == (0, 1, False)
