"""``scrapy probe``: what is wrong is named, what is right is believed, and no secret is shown."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.conftest import FIRST
from tests.promises.conftest import URL

MOST_REQUESTS = 9


def probe(crawls, *arguments: str, **variables: str):
    return crawls.scrapy(
        "probe", "-s", f"LIFESTATS_CONFIG={crawls.config}", "-s", "ENV=test", *arguments, **variables
    )


def failures(facts):
    return [(check["name"], check["keys"]) for check in facts["checks"] if check["outcome"] == "FAILED"]


FOODS = {"foods": {"field": "food_id"}}
WRONG = [
    # what is wrong, API's arguments, configuration, the check and the keys that are named, what is shown
    ("items", [], {"items": "answer"}, ("items", "items"), "answer is null"),
    ("items that are no list", [], {"items": "meta"}, ("items", "items"), "not a list"),
    ("id", [], {"id": "identity"}, ("id", "id"), "identity is null in 10 of 10 records"),
    ("a word as id", ["--fault=id-text:1"], {}, ("id", "id"), 'id is "abc" in 1 of 10'),
    ("next", [], {"next": "meta.next"}, ("next", "next"), "null on the first page, but id"),
    ("the cursor as next", [], {"next": "meta.offset"}, ("next", "next"), f"not after the cursor {FIRST}"),
    ("a status as next", [], {"next": "meta.code"}, ("next", "next"), "meta.code is 200"),
    ("an object as next", [], {"next": "meta"}, ("next", "next"), "not an integer"),
    ("inclusive", ["--exclusive"], {}, ("inclusive", "inclusive"), "set inclusive: false"),
    ("exclusive", [], {"inclusive": False}, ("inclusive", "inclusive"), "set inclusive: true"),
    (
        "inclusive without next",
        ["--exclusive", "--next="],
        {"next": None},
        ("inclusive", "inclusive"),
        "set inclusive: false",
    ),
    (
        "a field",
        [],
        {"counters": {"foods": {"field": "food"}}},
        ("counter foods", "counters.foods.field"),
        "null in 79 of 79",
    ),
    (
        "a field that some records are without",
        ["--fault=field-missing:1:658330693:658332700"],
        {"counters": FOODS},
        ("counter foods", "counters.foods.field, or counters.foods.missing: skip"),
        "food_id is missing or null in",
    ),
    (
        "a field that is an object",
        ["--fault=field-object:1:658330693:658332700"],
        {"counters": FOODS},
        ("counter foods", "counters.foods.field"),
        "neither an integer nor text",
    ),
    (
        "no limit in the url",
        ["--max-limit=50"],
        {"url": "/foodstats?offset={cursor}"},
        ("page size", "results_per_page, url ({limit})"),
        "50",
    ),
    (
        "a cursor that is not heeded",
        [],
        {"url": f"/foodstats?offset={FIRST}&x={{cursor}}&limit={{limit}}"},
        ("cursor advances", "url ({cursor}), next"),
        "no effect",
    ),
    (
        "an id space without records",
        [],
        {"last_id": 10**12, "first_id": 10**11},
        ("id", "first_id, items, url"),
        "",
    ),
    ("the address", ["--fault=status-404:1"], {}, ("reachable", "url"), "status 404"),
    ("the token", ["--fault=status-401:1"], {}, ("reachable", "headers, url"), "status 401"),
    ("the rate", ["--fault=throttle-bare:1"], {}, ("reachable", "rate_limit"), "status 429"),
    ("HTML", ["--fault=html:1"], {}, ("JSON", "url, headers"), "<html>"),
    ("nothing", ["--fault=empty:1"], {}, ("JSON", "url, headers"), "the body is empty"),
    ("a redirect", ["--fault=redirect:1"], {}, ("reachable", "url"), "points to http://another-host.invalid/"),
    ("a server that hangs up", ["--fault=disconnect:1"], {}, ("reachable", "url"), "disconnected"),
]


@pytest.mark.parametrize("wrong", WRONG, ids=[row[0] for row in WRONG])
def test_what_is_wrong_is_named_with_the_key_to_look_at(crawls, start_api, wrong):
    _, arguments, changes, failure, shown = wrong
    with start_api(*arguments) as api:
        crawls.configure(**changes | {"url": api.url + changes.get("url", URL)})
        done = probe(crawls, "--json")
        asked = len(api.get("/log")["requests"])
    facts = json.loads(done.stdout)
    assert (done.returncode, facts["holds"], done.stderr) == (1, False, "")
    assert failures(facts) == [failure]
    (seen,) = [check["seen"] for check in facts["checks"] if check["outcome"] == "FAILED"]
    assert shown in seen
    assert facts["requests"] == asked <= MOST_REQUESTS
    assert facts["crawl"] is None


RIGHT = [
    ("as configured", [], {}),
    ("exclusive", ["--exclusive"], {"inclusive": False}),
    ("without next", ["--next="], {"next": None}),
    ("a list as body", ["--items=@", "--next="], {"items": "@", "next": None}),
    ("fewer ids than a page", [f"--last-id={FIRST + 4}"], {"last_id": FIRST + 4}),
    ("one id", [f"--last-id={FIRST}", "--density=1"], {"last_id": FIRST}),
    ("a hole to the end", [f"--hole={FIRST + 90}:{FIRST + 3000}"], {}),
    ("no order", ["--fault=unordered:1", "--fault-limit=0"], {}),
    ("fewer records than were asked for", ["--max-limit=7"], {"results_per_page": 50}),
    ("a field skipped", ["--fault=field-null:1:658330693:658332700"], {"skip": True}),
    ("strings as ids", ["--id=key.id"], {"id": "key.id"}),
]


@pytest.mark.parametrize(("arguments", "changes"), [row[1:] for row in RIGHT], ids=[row[0] for row in RIGHT])
def test_what_a_crawl_can_read_holds_and_no_more_than_a_dozen_requests_show_it(
    crawls, start_api, arguments, changes
):
    settings = {key: value for key, value in changes.items() if key != "skip"}
    if "skip" in changes:
        settings["counters"] = {"foods": {"field": "food_id", "missing": "skip"}}
    with start_api(*arguments) as api:
        crawls.configure(**{"url": api.url + URL} | settings)
        done = probe(crawls, "--json")
        asked = len(api.get("/log")["requests"])
    facts = json.loads(done.stdout)
    assert (done.returncode, failures(facts), done.stderr) == (0, [], "")
    assert 4 <= asked <= MOST_REQUESTS
    assert facts["crawl"]["requests"] >= 1


def test_the_estimate_comes_near_what_a_crawl_takes(crawls, start_api):
    last = FIRST + 30_000
    with start_api(f"--last-id={last}", f"--density-in={FIRST}:{FIRST + 12_000}:0.2") as api:
        crawls.configure(url=api.url + URL, last_id=last)
        likely = json.loads(probe(crawls, "--json").stdout)["crawl"]
        assert crawls.run().returncode == 0
    assert crawls.report()["totals"]["requests"] == pytest.approx(likely["requests"], rel=0.2)


def test_questions_leave_at_the_configured_rate(crawls, start_api):
    with start_api() as api:
        crawls.configure(url=api.url + URL, rate_limit=8)
        assert probe(crawls).returncode == 0
        arrivals = [row[0] for row in api.get("/log")["requests"]]
    assert arrivals[-1] - arrivals[0] >= 0.95 * (len(arrivals) - 1) / 8


def test_nobody_listening_is_one_failed_check(crawls):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        crawls.configure(url=f"http://127.0.0.1:{taken.getsockname()[1]}{URL}")
        done = probe(crawls)
    assert done.returncode == 1
    assert "Cannot connect to host" in done.stdout
    assert "look at: url" in done.stdout
    assert (done.stderr, "\x1b" in done.stdout) == ("", False)


def test_the_mock_of_an_environment_is_started_and_stopped(crawls):
    crawls.configure(mock=True)
    done = probe(crawls)
    assert (done.returncode, done.stderr) == (0, "")
    assert "No check failed: you can start a crawl" in done.stdout


SECRETS = ["s3cret-and-a-rather-long-one-" * 4, 'q"uo/t\\e d+u', "8675309"]


@pytest.mark.parametrize(
    ("fault", "secret"),
    [*zip(["status-401", "html", "wrong-shape"], SECRETS, strict=True), ("not-json", SECRETS[0])],
)
def test_a_secret_that_the_api_repeats_is_never_shown(crawls, start_api, fault, secret):
    with start_api(f"--fault={fault}:1", "--echo-header=X-Token") as api:
        headers = {"X-Token": "as is ${LIFESTATS_PLANTED}"}
        crawls.configure(url=api.url + URL + "&key=${LIFESTATS_PLANTED}", headers=headers)
        table = probe(crawls, LIFESTATS_PLANTED=secret)
        document = probe(crawls, "--json", LIFESTATS_PLANTED=secret)
    assert (table.returncode, document.returncode) == (1, 1)
    for text in (table.stdout, table.stderr, document.stdout, document.stderr):
        assert not any(part in text for part in (secret[:12], "s3cret", "q%22uo", 'q\\"uo', "8675309"))
    assert "***" in document.stdout


def test_a_redirect_shows_where_to_but_not_its_query(crawls):
    class Redirect(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(301)
            self.send_header("Location", f"https://elsewhere.invalid{self.path}")
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Redirect) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        crawls.configure(url=f"http://127.0.0.1:{server.server_port}{URL}&key=${{LIFESTATS_PLANTED}}")
        done = probe(crawls, LIFESTATS_PLANTED="s3cret")
    assert done.returncode == 1
    assert "points to https://elsewhere.invalid/foodstats" in done.stdout
    assert "s3cret" not in done.stdout
