"""Every fault of an API, as a real crawl of the mock: docs/faults.md lists them."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import pytest

from mocks.faults import HARMLESS, KINDS
from tests.conftest import FIRST
from tests.promises.conftest import URL, assert_exact

SECRET_URL = URL + "&token=${LIFESTATS_PLANTED_QUERY}"
SPACE = {
    "results_per_page": 20,
    "subsets": 4,
    "counters": {"foods": {"field": "food_id", "top": 4000}, "categories": {"field": "food__category_id"}},
    "headers": {"Authorization": "Bearer ${LIFESTATS_PLANTED}"},
}
# One that is longer than what is quoted of an answer, and one that a url writes in other ways.
SECRETS = {"LIFESTATS_PLANTED": "pl4nted-in-a-header" * 20, "LIFESTATS_PLANTED_QUERY": "pl4nted&in=the/query"}

# Kinds that end a crawl at once; every other one is asked again, or its answer is right.
STOPPING = {"status-401", "status-403"}
# Not always found out by the next answer: their range is then crawled again instead.
FALSE_ENDS = {
    *("next-null", "next-beyond", "next-empty", "next-false", "next-zero", "next-minus"),
    *("empty-page", "empty-echo", "list-null", "list-absent"),
}
# Kinds that a crawl can meet side by side, each within ids of its own. A false end and a hold concern everybody.
FAMILIES = {
    "throttled": {kind for kind in KINDS if kind.startswith(("throttle", "busy"))},
    "statuses": {kind for kind in KINDS if kind.startswith("status")} - STOPPING | {"redirect", "not-ready"},
    "connections": {"reset", "disconnect", "cut-short", "stall", "huge"},
    "bodies": {"not-json", "html", "empty", "bad-gzip", "good-gzip", "half-json", "wrong-shape", "slow"},
    "false ends": FALSE_ENDS,
    "nexts": {kind for kind in KINDS if kind.startswith("next")} - FALSE_ENDS,
    "ids": {kind for kind in KINDS if kind.startswith("id")},
    "records": {kind for kind in KINDS if kind.startswith("field")}
    | {"too-many", "before-cursor", "unordered", "record-null"},
}
WINDOW = 60  # ids of a kind, and of a border behind them: an honest page between two that are not


@pytest.fixture
def crawl(crawls, start_api):
    """Crawl an API with faults; return the process and the API's truth, its log, and how often it was wrong."""

    def run(*faults: str, ids: int = 400, options: tuple[str, ...] = (), **changes):
        with start_api(*faults, ids=ids) as api:
            crawls.configure(**api.space | {"url": api.url + SECRET_URL} | SPACE | changes)
            done = crawls.run(*options, **SECRETS)
            return done, api.truth, api.requests, api.get("/faults")

    return run


def test_every_kind_is_of_a_family():
    assert sorted(kind for family in FAMILIES.values() for kind in family) == sorted(KINDS.keys() - STOPPING)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_fault_now_and_then_costs_a_retry_and_no_record(crawl, crawls, family):
    kinds = sorted(FAMILIES[family])
    wide = 20 if family == "throttled" else 40  # ids: one page, or two; a hold takes a second or two
    begins = {kind: FIRST + 100 + WINDOW * number for number, kind in enumerate(kinds)}
    done, truth, requests, met = crawl(
        *(f"--fault={kind}:1:{begin}:{begin + wide}" for kind, begin in begins.items()),
        *("--fault-limit=1", "--density=1"),  # every 20 ids a page
        ids=200 + WINDOW * len(kinds),
        options=("-L", "DEBUG", *(["-s", "DOWNLOAD_TIMEOUT=1"] if "stall" in kinds else [])),
        subsets=2,  # both begin, and the cursor is proven, where no answer is wrong
    )
    assert done.returncode == 0, done.stderr
    assert [kind for kind in kinds if not met.get(kind)] == []
    assert_exact(crawls.report(), truth)
    totals = crawls.report()["totals"]
    assert totals["requests"] == len(requests)
    if family != "false ends":
        harmful = {kind: many for kind, many in met.items() if kind not in HARMLESS}
        # What a question beside the pages has met costs no retry.
        assert totals["retries"] <= sum(harmful.values())
        told = {int(cursor) for cursor in re.findall(r"Page at (\d+), try", done.stderr)}
        wrong = {cursor for _, cursor, _, _, fault in requests if fault and fault not in HARMLESS}
        assert told - wrong == set()


@pytest.mark.parametrize("kind", sorted(STOPPING))
def test_a_closed_door_is_not_knocked_at_again(crawl, crawls, kind):
    done, _, requests, _ = crawl(f"--fault={kind}:1", "--fault-limit=0")
    assert done.returncode == 3
    assert len(requests) <= SPACE["subsets"]
    assert f"Stopping: the API answers {kind[-3:]}: check url and headers" in done.stderr
    assert crawls.report()["run"]["finish_reason"] == "refused"


@pytest.mark.parametrize("kind", ["status-500", "reset"])
def test_a_server_that_only_fails_is_left_alone_soon(crawl, crawls, kind):
    done, _, requests, _ = crawl(f"--fault={kind}:1", "--fault-limit=0", ids=2000, subsets=10)
    assert done.returncode == 2, "whoever supervises it starts it again"
    assert len(requests) <= 40
    assert re.search(r"Stopping: none of 2\d requests had a good answer, the last one: ", done.stderr)
    assert done.stderr.count("WARNING: Page at") == 1, "a line a minute of each kind"
    assert crawls.report()["run"]["finish_reason"] == "outage"


def test_nobody_listening_is_said_soon(crawls):
    space = {"subsets": 10, "last_id": FIRST + 1999}
    crawls.configure(url="http://127.0.0.1:9" + SECRET_URL, **SPACE | space)
    done = crawls.run(**SECRETS)
    assert done.returncode == 2
    assert re.search(r"Stopping: none of 2\d requests had .*DownloadConnectionRefusedError", done.stderr)
    assert crawls.report()["totals"]["requests"] == 0, "what has no connection has not left"


@pytest.mark.parametrize(
    ("api", "inclusive", "reason"),
    [
        (
            (),
            False,
            r"the (page|answer to a request) at \d+ contains id \d+, the cursor itself: set inclusive: true",
        ),
        (
            ("--exclusive", "--next="),
            True,
            r"a request at \d+ shows record \d+, and one at \d+ lacks it. Set inclusive: false",
        ),
    ],
    ids=["inclusive", "exclusive"],
)
def test_a_configuration_that_every_answer_contradicts_is_said_soon(crawl, crawls, api, inclusive, reason):
    following = {"next": None} if "--next=" in api else {}
    done, _, requests, _ = crawl(*api, inclusive=inclusive, **following)
    assert done.returncode == 3
    assert len(requests) <= 60, "of four chains, while a proof asks four times, and audits ask"
    assert crawls.report()["totals"]["items"] == 0, "nothing counts before it is proven"
    assert re.search(f"Stopping: {reason}", done.stderr)
    assert crawls.report()["run"]["finish_reason"] == "misconfigured"


def test_a_region_that_never_answers_is_missing_and_holds_up_nothing_else(crawl, crawls):
    begin, end = FIRST + 130, FIRST + 150
    done, truth, _, _ = crawl(f"--fault=status-500:1:{begin}:{end}", "--fault-limit=0", retries=2)
    assert done.returncode == 2
    report = crawls.report()
    missing = report["coverage"]["missing"]
    assert missing
    assert all(FIRST + 100 <= low < high <= FIRST + 190 for low, high in missing)
    assert sum(high - low for low, high in missing) <= 60
    assert report["totals"]["items"] < truth["records"]
    assert "to be tried last" in done.stderr
    assert "Gave up on ids" in done.stderr


def test_the_report_says_what_was_answered_how_long_nothing_left_and_what_the_log_has_as_errors(crawl, crawls):
    faults = (
        f"--fault=status-500:1:{FIRST + 120}:{FIRST + 160}",
        f"--fault=throttle-seconds:1:{FIRST + 200}:{FIRST + 220}",
        f"--fault=not-json:1:{FIRST + 240}:{FIRST + 290}",
        f"--fault=reset:1:{FIRST + 320}:{FIRST + 360}",
    )
    done, _, requests, _ = crawl(*faults, "--fault-limit=2", retries=1)
    report = crawls.report()
    answers = report["answers"]
    assert sum(answers.values()) == len(requests) == report["totals"]["requests"]
    met = Counter(fault for *_, fault in requests)
    names = {"status 500": "status-500", "status 429": "throttle-seconds", "connection lost": "reset"}
    assert {kind: answers[kind] for kind in names} == {kind: met[fault] for kind, fault in names.items()}
    assert sum(report["faults"].values()) == met["not-json"]
    assert all(met.values())
    assert report["paused"]["status 429"] >= 1
    errors = [line for line in done.stderr.splitlines() if "] ERROR: " in line]
    assert [line.partition(" ")[2] for line in report["errors"]] == [
        line.partition("ERROR: ")[2] for line in errors
    ][-10:]


def test_of_many_ranges_of_one_kind_there_is_a_line_now_and_then_and_their_sum_at_the_end(crawl, crawls):
    begins = [FIRST + 130, FIRST + 330]
    faults = [
        f"--fault=status-50{number}:1:{begin}:{begin + 20}" for number, begin in zip((0, 2), begins, strict=True)
    ]
    done, _, _, _ = crawl(*faults, "--fault-limit=0", retries=2)
    missing = crawls.report()["coverage"]["missing"]
    assert len(missing) == len(begins)
    assert len(re.findall("Gave up on ids", done.stderr)) == 1
    many = sum(high - low for low, high in missing)
    assert f"Gave up on {many} ids in 2 ranges in all, the first: " in done.stderr


def test_records_without_a_field_are_counted_apart_where_the_configuration_says_so(crawl, crawls):
    counters = {"foods": {"field": "food_id", "missing": "skip"}, "categories": {"field": "food__category_id"}}
    faults = "--fault=field-missing:0.2", "--fault=field-null:0.2"
    done, truth, _, met = crawl(*faults, counters=counters, audit=False)
    assert done.returncode == 0, done.stderr
    report = crawls.report()
    assert report["totals"]["retries"] == 0
    without, faults = report["counters"]["foods"]["without"], sum(met.values())
    # Proofs ask only whether a record is shown: what else they show is not counted.
    assert 0 < faults - 3 <= without <= faults
    assert report["counters"]["foods"]["items"] == truth["records"] - without
    assert report["counters"]["categories"]["items"] == truth["records"]


def test_a_throttled_crawl_leaves_the_server_alone_for_as_long_as_it_asked(crawl):
    # Slow enough for nothing else to be under way when it is refused.
    faults = "--fault=throttle-seconds:1", "--fault-limit=1"
    _, _, requests, _ = crawl(*faults, ids=40, subsets=1, rate_limit=10)
    at = [(request[0], request[4]) for request in requests]
    waits = [later - told for (told, fault), (later, _) in pairwise(at) if fault]
    assert waits
    assert min(waits) >= 1.0


def test_no_secret_is_in_any_output_whatever_the_server_says(crawl, crawls):
    done, truth, _, met = crawl(
        *("--fault=all:0.015", "--fault-limit=1", "--echo-header=Authorization"),
        options=("-L", "DEBUG", "-s", "DOWNLOAD_TIMEOUT=1"),
        audit=False,  # an API whose pages and parts are of every kind of fault is not believed
    )
    assert done.returncode == 0, done.stderr
    assert_exact(crawls.report(), truth)
    assert sum(met.values()) > 5
    written = [path.read_bytes() for path in crawls.directory.rglob("*") if path.is_file()]
    for output in [done.stdout.encode(), done.stderr.encode(), *written]:
        assert b"pl4nted" not in output


def test_the_document_lists_every_fault(project):
    document = (project / "docs" / "faults.md").read_text()
    assert [kind for kind in KINDS if f"`{kind}`" not in document] == []
