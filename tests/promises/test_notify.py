from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest


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
