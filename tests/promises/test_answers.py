"""APIs whose answers are well-formed and wrong, or that are away for a while: real crawls of real servers."""

from __future__ import annotations

import gzip
import json
import zlib
from time import monotonic

import pytest

from tests.promises.odd_server import Reply, odd_server, page

IDS = range(1, 4001)
SPACE = {
    "items": "rows",
    "id": "id",
    "next": "next",
    "results_per_page": 50,
    "first_id": 1,
    "last_id": 4000,
    "subsets": 10,
    "rate_limit": None,
    "counters": {"values": {"field": "value"}},
}


@pytest.fixture
def crawl(crawls):
    """Crawl a server once, and return the process, the report and the server."""

    def run(answering, **changes):
        with odd_server(answering) as server:
            crawls.configure(**SPACE | {"url": server.url} | changes)
            done = crawls.run()
            return done, crawls.report(), server

    return run


def newest(query, _, __):
    above = [an_id for an_id in IDS if an_id >= int(query["from"])]
    return Reply({"rows": [{"id": an_id, "value": 1} for an_id in above[-int(query["limit"]) :]]})


def first_page(query, _, __):
    return Reply(page(IDS, query | {"from": "1"}))


def clamped(query, _, __):
    return Reply(page(IDS, query | {"from": str(min(int(query["from"]), 2000))}))


def pinned(query, _, __):
    told = page(IDS, query)
    told["rows"] = [{"id": 3333, "value": 1}, *(row for row in told["rows"][:-1] if row["id"] != 3333)]
    return Reply(told)


def as_texts(query, _, __):
    above = sorted(str(an_id) for an_id in IDS if str(an_id) >= query["from"])
    return Reply({"rows": [{"id": int(text), "value": 1} for text in above[: int(query["limit"])]]})


def filtered_late(query, _, __):
    told = page(IDS, query)
    told["rows"] = [row for row in told["rows"] if row["id"] % 500 > 400]
    return Reply(told)


LIARS = [(newest, 3), (first_page, 2), (clamped, 2), (pinned, 3), (as_texts, 3), (filtered_late, 2)]


@pytest.mark.parametrize(("answering", "status"), LIARS, ids=[answering.__name__ for answering, _ in LIARS])
def test_an_api_that_is_not_what_the_configuration_says_is_never_complete(crawl, crawls, answering, status):
    done, report, _ = crawl(answering, next=None, retries=1)
    assert (done.returncode, report["coverage"]["complete"]) == (status, False), done.stderr
    assert not (crawls.storage / "latest.json").exists()


def test_a_cursor_that_becomes_exclusive_in_the_middle_ends_the_crawl_and_what_is_not_proven_is_missing(crawl):
    since = 60

    def answering(query, number, _):
        return Reply(page(IDS, query, after=number >= since))

    done, report, _ = crawl(answering, next=None, spill_every=5, audit=False)
    assert done.returncode == 3
    assert report["run"]["finish_reason"] == "misconfigured"
    assert "Set inclusive: false" in done.stderr
    settled = 4000 - sum(end - begin for begin, end in report["coverage"]["missing"])
    assert report["totals"]["items"] == settled < 4000


def test_an_answer_of_another_request_loses_no_record(crawl):
    """Now and then a proxy hands out the answer to what was asked before on any connection."""
    before = [{"from": "3500", "limit": "50"}]

    def answering(query, number, _):
        before.append(query)
        return Reply(page(IDS, before[-2] if number % 17 == 16 else query))

    done, report, _ = crawl(answering, audit=False)
    assert done.returncode == 0, done.stderr
    assert report["totals"]["items"] == 4000


def test_a_connection_to_a_node_that_fell_ill_is_not_used_again(crawl):
    ill = set()

    def answering(query, number, connection):
        if number == 30:
            ill.add(connection)
        return Reply({}, 500) if connection in ill else Reply(page(IDS, query))

    done, report, _ = crawl(answering)
    assert (done.returncode, report["totals"]["items"]) == (0, 4000)
    assert report["totals"]["retries"] <= 2


@pytest.mark.parametrize("seconds", [1.0, None], ids=["shorter", "longer"])
def test_an_outage_is_waited_for_and_one_that_lasts_is_gone_on_from(crawls, seconds):
    begun = []

    def answering(query, number, _):
        if number < 40 or (begun and seconds and monotonic() - begun[0] > seconds) or healed:
            return Reply(page(IDS, query))
        begun.append(monotonic())
        return Reply({"error": "upgrading"}, 503)

    healed = []
    with odd_server(answering) as server:
        crawls.configure(
            **SPACE | {"url": server.url, "outage_seconds": (seconds and 60) or 1.5, "spill_every": 1}
        )
        done = crawls.run()
        healed.append(True)
        if seconds is None:
            report = crawls.report()
            assert (done.returncode, report["run"]["finish_reason"]) == (2, "outage")
            assert report["coverage"]["complete"] is False
            assert len(begun) < 30, "one request asks, and all others wait"
            done = crawls.run()
    assert done.returncode == 0, done.stderr
    assert crawls.report()["totals"]["items"] == 4000


def test_what_lies_behind_the_last_record_rests_on_a_claim_that_a_later_crawl_can_refute(crawls):
    ids = list(range(1, 1001))
    with odd_server(lambda query, _, __: Reply(page(ids, query))) as server:
        crawls.configure(**SPACE | {"url": server.url})
        done = crawls.run("-a", "run=r")
        report = crawls.of("r")
    assert done.returncode == 0, done.stderr
    assert report["totals"]["items"] == 1000
    assert (report["coverage"]["complete"], report["coverage"]["seen"]) == (True, True)
    assert report["audit"]["ranges"] >= 20
    assert report["audit"]["differing"] == 0


ENDS = {
    "404": Reply({"error": "not found"}, 404),
    "410": Reply({"error": "gone"}, 410),
    "416": Reply({"error": "out of range"}, 416),
    "a list that is an empty object": Reply({"rows": {}, "next": None}),
    "a list that is null": Reply({"rows": None, "next": None}),
    "no list": Reply({"next": ""}),
    "next is 0": Reply({"rows": [], "next": 0}),
    "next is false": Reply({"rows": [], "next": False}),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_an_end_may_be_said_in_many_ways(crawl, end):
    def answering(query, _, __):
        told = page(range(1, 1001), query)
        return Reply(told) if told["rows"] else end

    done, report, _ = crawl(answering, retries=1, audit=False)
    assert done.returncode == 0, done.stderr
    assert (report["totals"]["items"], report["coverage"]["complete"]) == (1000, True)


def test_one_bad_record_costs_one_record(crawl):
    def answering(query, _, __):
        told = page(IDS, query)
        for row in told["rows"]:
            if row["id"] == 1234:
                row["value"] = {"not": "a value"}
        return Reply(told)

    done, report, _ = crawl(answering, retries=1)
    assert done.returncode == 2
    assert report["coverage"]["missing"] == [[1234, 1235]]
    assert "neither an integer nor text" in report["coverage"]["reasons"][0][2]
    assert report["totals"]["items"] == 3999


def in_any_form(query, number, _):
    """Give each answer in another form that a lawful server may choose, with values that nobody counts."""
    body = json.dumps(page(range(1, 401), query)).encode()
    for at, refused in enumerate((b"NaN", b'"a\\ud83d"', b'"\xe9\t"', b"[" * 2000 + b"]" * 2000)):
        body = body.replace(b'"value": %d}' % at, b'"value": %d, "other": %s}' % (at, refused))
    gzipped = {"Content-Encoding": "gzip"}
    forms = [
        (b"\xef\xbb\xbf" + body, {}),
        (gzip.compress(body[:99]) + gzip.compress(body[99:]) + bytes(9), gzipped),
        (gzip.compress(gzip.compress(body)), {"Content-Encoding": "gzip, x-gzip"}),
        (zlib.compress(body), {"Content-Encoding": "deflate"}),
        (body, {"Content-Disposition": "attachment; filename=r\xe9ponse", "Content-Security-Policy": "x" * 9000}),
        (body, {f"X-Hop-{hop}": "1" for hop in range(200)}),
        (body, {"Set-Cookie": "sid=ab/c==", "Content-Type": "application/json; charset=iso-8859-1"}),
    ]
    content, headers = forms[number % len(forms)]
    return Reply(content, headers=headers)


def test_an_answer_in_any_lawful_form_is_read_by_crawl_and_probe_alike(crawls):
    with odd_server(in_any_form) as server:
        crawls.configure(**SPACE | {"url": server.url, "last_id": 400})
        done, probed = crawls.run(), crawls.command("probe")
    assert (done.returncode, probed.returncode) == (0, 0), done.stderr + probed.stdout
    report = crawls.report()
    assert (report["totals"]["items"], report["totals"]["retries"]) == (400, 0)
    assert {"gzip, deflate"} == {told["accept-encoding"] for told in server.headers}
    assert any(told.get("cookie") == "sid=ab/c==" for told in server.headers)
