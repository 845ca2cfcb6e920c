"""``scrapy probe``: what is wrong is named, what is right is believed, and no secret is shown."""

from __future__ import annotations

import json
import socket

from tests import schemas
from tests.promises.conftest import URL

MOST_REQUESTS = 25


def probe(crawls, *arguments: str, **variables: str):
    return crawls.scrapy(
        "probe", "-s", f"LIFESTATS_CONFIG={crawls.config}", "-s", "ENV=test", *arguments, **variables
    )


def failures(facts):
    return [(check["name"], check["keys"]) for check in facts["checks"] if check["outcome"] == "FAILED"]


def test_what_is_wrong_is_named_with_the_key_to_look_at(crawls, start_api):
    with start_api("--exclusive") as api:
        crawls.configure(**api.space)
        done = probe(crawls, "--json")
        asked = len(api.requests)
    facts = json.loads(done.stdout)
    schemas.check(facts)
    assert (done.returncode, facts["holds"], done.stderr) == (1, False, "")
    assert failures(facts) == [("inclusive", "inclusive")]
    assert facts["requests"] == asked <= MOST_REQUESTS
    assert facts["crawl"] is None


def test_questions_leave_at_the_configured_rate(crawls, start_api):
    with start_api() as api:
        crawls.configure(**api.space, rate_limit=8)
        done = probe(crawls)
        arrivals = [row[0] for row in api.requests]
    assert done.returncode == 0
    assert "No check failed: you can start a crawl" in done.stdout
    assert arrivals[-1] - arrivals[0] >= 0.95 * (len(arrivals) - 1) / 8


def test_two_pages_are_asked_again_in_parts_unless_audit_is_off(crawls, start_api):
    for audit in (True, False):
        with start_api() as api:
            crawls.configure(**api.space, audit=audit)
            facts = json.loads(probe(crawls, "--json").stdout)
            limits = [row[2] for row in api.requests]
        assert facts["holds"]
        assert (sum(limit < max(limits) for limit in limits) >= 2) is audit
        assert ("same page in parts" in [check["name"] for check in facts["checks"]]) is audit


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


def test_a_secret_that_the_api_repeats_is_never_shown(crawls, start_api):
    planted = 'q"uo/t\\e d+u'
    with start_api("--fault=wrong-shape:1", "--echo-header=X-Token") as api:
        headers = {"X-Token": "as is ${LIFESTATS_PLANTED}"}
        crawls.configure(url=api.url + URL + "&key=${LIFESTATS_PLANTED}", headers=headers)
        table = probe(crawls, LIFESTATS_PLANTED=planted)
        document = probe(crawls, "--json", LIFESTATS_PLANTED=planted)
    assert (table.returncode, document.returncode) == (1, 1)
    for text in (table.stdout, table.stderr, document.stdout, document.stderr):
        assert not any(part in text for part in (planted, "q%22uo", 'q\\"uo'))
    assert "***" in document.stdout
