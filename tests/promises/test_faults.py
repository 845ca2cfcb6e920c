"""Every fault of an API, as a real crawl of the mock: docs/faults.md lists them."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from mocks.faults import HARMLESS, KINDS
from tests.conftest import FIRST

LAST = FIRST + 399
URL = "/foodstats?offset={cursor}&limit={limit}&token=${LIFESTATS_PLANTED_QUERY}"
SPACE = {
    "first_id": FIRST,
    "last_id": LAST,
    "results_per_page": 20,
    "subsets": 4,
    "counters": {"foods": {"field": "food_id", "top": 400}, "categories": {"field": "food__category_id"}},
    "headers": {"Authorization": "Bearer ${LIFESTATS_PLANTED}"},
}
# One that is longer than what is quoted of an answer, and one that a url writes in other ways.
SECRETS = {"LIFESTATS_PLANTED": "pl4nted-in-a-header" * 20, "LIFESTATS_PLANTED_QUERY": "pl4nted&in=the/query"}

# Kinds that end a crawl at once, and those whose answers are right; every other kind is asked again.
STOPPING = {"status-401", "status-403"}
FALSE_ENDS = {"next-null", "next-beyond"}
# Each of these holds the whole crawl for a second or two.
HOLDING = {kind for kind in KINDS if kind.startswith(("throttle", "busy"))}


@pytest.fixture
def crawl(crawls, start_api):
    """Crawl an API with faults; return the process, the report and the API's own truth and log."""

    def run(*faults: str, options: tuple[str, ...] = (), **changes):
        with start_api(f"--first-id={FIRST}", f"--last-id={LAST}", *faults) as api:
            crawls.configure(url=api.url + URL, **SPACE | changes)
            done = crawls.run(*options, **SECRETS)
            return done, api.get("/truth"), api.get("/log")["requests"], api.get("/faults")

    return run


def assert_true(report, truth):
    assert report["coverage"]["complete"] is True
    assert report["totals"]["items"] == truth["records"]
    counted = [[row["key"], row["count"]] for row in report["counters"]["foods"]["top"]]
    assert counted == truth["fields"]["food_id"]["counts"]


@pytest.mark.parametrize("kind", sorted(set(KINDS) - STOPPING))
def test_a_fault_now_and_then_costs_a_retry_and_no_record(crawl, crawls, kind):
    share, limit = (0.2, 1) if kind in HOLDING else (0.3, 3)
    options = ("-s", "DOWNLOAD_TIMEOUT=1") if kind == "stall" else ()
    done, truth, requests, met = crawl(f"--fault={kind}:{share}", f"--fault-limit={limit}", options=options)
    assert done.returncode == 0, done.stderr
    assert met[kind] > 0
    report = crawls.report()
    assert_true(report, truth)
    assert report["totals"]["requests"] == len(requests)
    # A false end is not always found out by the next answer: its range is then crawled again instead.
    least = 0 if kind in HARMLESS | FALSE_ENDS else met[kind]
    most = 0 if kind in HARMLESS else met[kind]
    assert least <= report["totals"]["retries"] <= most


@pytest.mark.parametrize("kind", sorted(STOPPING))
def test_a_closed_door_is_not_knocked_at_again(crawl, crawls, kind):
    done, _, requests, _ = crawl(f"--fault={kind}:1", "--fault-limit=0")
    assert done.returncode == 3
    assert len(requests) <= SPACE["subsets"]
    assert f"Stopping: the API answers {kind[-3:]}: check url and headers" in done.stderr
    assert crawls.report()["run"]["finish_reason"] == "refused"


@pytest.mark.parametrize("kind", ["status-500", "reset", "html", "redirect"])
def test_a_server_that_only_fails_is_left_alone_soon(crawl, crawls, kind):
    done, _, requests, _ = crawl(f"--fault={kind}:1", "--fault-limit=0", subsets=10, last_id=FIRST + 1999)
    assert done.returncode == 3
    assert len(requests) <= 30
    assert "Stopping: 22 of the last 22 answers failed, the last one with: " in done.stderr
    assert done.stderr.count("WARNING: Page at") == 1, "a line a minute of each kind"
    assert crawls.report()["run"]["finish_reason"] == "failing"


def test_nobody_listening_is_said_soon(crawls):
    crawls.configure(url="http://127.0.0.1:9" + URL, **SPACE | {"subsets": 10, "last_id": FIRST + 1999})
    done = crawls.run(**SECRETS)
    assert done.returncode == 3
    assert re.search(r"Stopping: 22 of the last 22 answers failed.*DownloadConnectionRefusedError", done.stderr)
    assert crawls.report()["totals"]["requests"] == 0, "what has no connection has not left"


@pytest.mark.parametrize(
    ("api", "inclusive", "reason"),
    [
        ((), False, r"the page at \d+ contains id \d+, the cursor itself: set inclusive: true"),
        (
            ("--exclusive", "--next="),
            True,
            r"the answer to a request at id \d+ lacks .*Set inclusive: false",
        ),
    ],
    ids=["inclusive", "exclusive"],
)
def test_a_configuration_that_every_answer_contradicts_is_said_soon(crawl, crawls, api, inclusive, reason):
    following = {"next": None} if "--next=" in api else {}
    done, _, requests, _ = crawl(*api, inclusive=inclusive, **following)
    assert done.returncode == 3
    assert len(requests) <= 20, "of four chains, while one asks three times"
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


@pytest.mark.parametrize("kind", ["field-missing", "field-null"])
def test_records_without_a_field_are_counted_apart_where_the_configuration_says_so(crawl, crawls, kind):
    counters = {"foods": {"field": "food_id", "missing": "skip"}, "categories": {"field": "food__category_id"}}
    done, truth, _, met = crawl(f"--fault={kind}:0.3", counters=counters)
    assert done.returncode == 0, done.stderr
    report = crawls.report()
    assert report["totals"]["retries"] == 0
    without = report["counters"]["foods"]["without"]
    # One request asks only whether its record is shown: what it shows is not counted.
    assert 0 < met[kind] - 1 <= without <= met[kind]
    assert report["counters"]["foods"]["items"] == truth["records"] - without
    assert report["counters"]["categories"]["items"] == truth["records"]


def test_a_throttled_crawl_leaves_the_server_alone_for_as_long_as_it_asked(crawl):
    _, _, requests, _ = crawl("--fault=throttle-seconds:0.2", "--fault-limit=1", subsets=1)
    at = [(request[0], request[4]) for request in requests]
    waits = [later - told for (told, fault), (later, _) in pairwise(at) if fault]
    assert waits
    assert min(waits) >= 1.0


def test_no_secret_is_in_any_output_whatever_the_server_says(crawl, crawls):
    done, truth, _, met = crawl(
        *("--fault=all:0.015", "--fault-limit=3", "--echo-header=Authorization"),
        options=("-L", "DEBUG", "-s", "DOWNLOAD_TIMEOUT=1"),
    )
    assert done.returncode == 0, done.stderr
    assert_true(crawls.report(), truth)
    assert sum(met.values()) > 5
    written = [path.read_bytes() for path in crawls.directory.rglob("*") if path.is_file()]
    for output in [done.stdout.encode(), done.stderr.encode(), *written]:
        assert b"pl4nted" not in output


def test_the_document_lists_every_fault(project):
    document = (project / "docs" / "faults.md").read_text()
    assert [kind for kind in KINDS if f"`{kind}`" not in document] == []
