"""The main job: real crawls of the mock API, compared with what it knows to be true."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from math import inf
from pathlib import Path

import duckdb
import pytest

from lifestats_crawler.downloader.pacer import SLACKS
from lifestats_crawler.storage import segments
from tests.conftest import FIRST
from tests.promises.conftest import assert_exact

SPACES = [
    # what,                          ids, API's arguments, config; more of them are walked in tests/crawl
    ("as in production, in small", 3000, ["--density=0.94"], {}),
    ("an exclusive cursor", 1000, ["--exclusive"], {"inclusive": False}),
    ("next from the largest id", 1000, ["--next="], {"next": None}),
    ("AutoThrottle, paced", 300, [], {"rate_limit": 400}),
]


def test_at_a_size_like_productions_every_key_has_its_true_count(crawls, start_api):
    with start_api("--density=0.95", ids=800_000) as api:
        crawls.configure(**api.space, results_per_page=100, subsets=100, spill_every=1000)
        done = crawls.run()
        truth = api.truth
    assert done.returncode == 0, done.stderr
    report = crawls.report()
    assert report["totals"]["items"] == truth["records"]
    segments = f"{crawls.directory}/runs/test/{report['run']['name']}/segments/*.parquet"
    for name, counter in report["counters"].items():
        expected = truth["fields"][counter["field"]]
        assert (counter["items"], counter["distinct"]) == (expected["records"], expected["distinct"])
        assert counter["top"] == first_rows(truth, counter["field"], len(counter["top"]))
        counted = duckdb.execute(
            "SELECT key, sum(count)::BIGINT FROM read_parquet(?) WHERE counter = ? GROUP BY ALL", [segments, name]
        )
        assert dict(counted.fetchall()) == dict(expected["counts"])


def first_rows(truth, field, top):
    fields = truth["fields"][field]
    return [
        {"rank": rank, "key": key, "count": count, "share": round(count / fields["records"], 6), "certain": True}
        for rank, (key, count) in enumerate(fields["counts"][:top], 1)
    ]


@pytest.mark.parametrize(
    ("ids", "arguments", "changes"), [row[1:] for row in SPACES], ids=[row[0] for row in SPACES]
)
def test_a_crawl_counts_every_record_once_and_reports_the_truth(crawls, start_api, ids, arguments, changes):
    counters = {
        "foods": {"field": "food_id", "top": 10_000},
        "categories": {"field": "food__category_id", "top": 5},
    }
    with start_api(*arguments, ids=ids) as api:
        crawls.configure(**api.space, counters=counters, **changes)
        done = crawls.run()
        truth = api.truth
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    report = crawls.report()
    whole = {"complete": True, "ids": ids, "settled": ids, "ratio": 1.0, "missing": [], "reasons": []}
    assert report["coverage"] == whole | {"seen": bool(truth["records"])}
    assert report["totals"]["items"] == truth["records"]
    for counter in report["counters"].values():
        expected = truth["fields"][counter["field"]]
        assert (counter["items"], counter["distinct"]) == (expected["records"], expected["distinct"])
        assert counter["top"] == first_rows(truth, counter["field"], counters_top(counters, counter))


def counters_top(counters, counter):
    return next(own["top"] for own in counters.values() if own["field"] == counter["field"])


def test_a_server_that_counts_strictly_refuses_few_bursts_and_is_remembered(crawls, start_api):
    with start_api("--rate-limit=100", "--arrival-jitter=0.02", "--density=1", ids=8000) as api:
        crawls.configure(**api.space, rate_limit=100, results_per_page=20, audit=False, spill_every=50)
        crawls.change(counters={"foods": {"field": "food_id", "top": 8000}})
        done = crawls.run()
        requests, truth = api.requests, api.truth
    assert done.returncode == 0, done.stderr
    assert_exact(crawls.report(), truth)
    refused = [at for at, _, _, status, _ in requests if status == 429]
    bursts = sum(later - earlier > 0.5 for earlier, later in pairwise([-inf, *refused]))
    assert 1 <= bursts <= 4, "two, where the machine itself stalls for less than 20 ms"
    assert len(re.findall(r"it counts more strictly.*strict_rate", done.stderr)) == 1
    *_, last = sorted(crawls.storage.glob("*/segments/*.parquet"))
    assert segments.footer(last).slack in SLACKS[1:]


def test_a_real_server_sees_the_rate_that_is_configured(crawls, start_api):
    with start_api("--density=1", ids=1000) as api:
        crawls.configure(**api.space, rate_limit=50, subsets=20)
        assert crawls.run().returncode == 0
        at = [request[0] for request in api.requests]
    # Wide, because a busy machine sees requests late, and not too slow, which a busy machine is:
    # test_pacer and test_at_the_limit are exact, and `make bench` measures. Without a pace there are hundreds.
    most = max(sum(1 for other in at if start <= other < start + 1) for start in at)
    assert most <= 65
    assert len(at) / (at[-1] - at[0]) < 55


def test_a_slow_server_gets_more_chains_than_the_crawl_began_with(crawls, start_api):
    with start_api("--latency=1", ids=1200) as api:
        crawls.configure(**api.space, subsets=2, rate_limit=50)
        assert crawls.run().returncode == 0
        truth, at = api.truth, [request[0] for request in api.requests]
    assert crawls.report()["totals"]["items"] == truth["records"]
    assert max(sum(1 for other in at if start <= other < start + 0.9) for start in at) > 20


def test_an_environment_of_ones_own_in_a_file_of_ones_own(crawls, tmp_path):
    (tmp_path / "other.yml").write_text(
        f"""
        staging:
          url: "http://127.0.0.1:0/v2/people?since={{cursor}}&max={{limit}}"
          items: data.rows
          id: key.number
          next: paging.after
          first_id: 5
          last_id: 700
          results_per_page: 20
          rate_limit: null
          counters:
            towns: {{field: address.town, top: 3}}
          storage: {tmp_path}/elsewhere
          mock: true
        """
    )
    done = crawls.run("-s", f"LIFESTATS_CONFIG={tmp_path}/other.yml", "-s", "ENV=staging")
    assert done.returncode == 0, done.stderr
    latest = json.loads((tmp_path / "elsewhere" / "staging" / "latest.json").read_text())
    assert latest["coverage"]["complete"]
    assert latest["counters"]["towns"]["items"] == latest["totals"]["items"] > 600
    written = [Path(line).name for line in done.stdout.splitlines()[-3:-1]]
    assert written == ["report.json", "report.html"]


def test_the_environment_is_read_from_the_process_environment_too(crawls):
    crawls.configure(mock=True, url="http://127.0.0.1:0/x?offset={cursor}", last_id=FIRST + 50)
    arguments = ["crawl", "lifestats"]
    done = crawls.scrapy(*arguments, ENV="test", LIFESTATS_CONFIG=str(crawls.config))
    assert done.returncode == 0, done.stderr
    assert crawls.report()["run"]["environment"] == "test"
    overruled = crawls.scrapy(*arguments, "-s", "ENV=nowhere", ENV="test", LIFESTATS_CONFIG=str(crawls.config))
    assert overruled.stderr.splitlines()[-1].endswith("has no environment 'nowhere'; it has test")


def test_a_bad_configuration_ends_in_one_line_with_status_1_before_any_request(crawls):
    crawls.configure(headers={"A": "${LIFESTATS_UNSET}"})
    done = crawls.run()
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"lifestats: {crawls.config}, environment test: ")
    assert "headers.A needs the environment variable LIFESTATS_UNSET" in done.stderr
    assert not (crawls.directory / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["lifestats", "-a", "rnu=new"],
            "lifestats: unknown argument -a rnu; the only one is -a run=NAME",
        ),
        (["lifestats", "-a", "run"], "lifestats: Invalid -a value, use -a NAME=VALUE"),
        (["lifestat"], "lifestats: there is no spider 'lifestat'. Run: scrapy crawl lifestats"),
    ],
)
def test_a_slip_on_the_command_line_ends_in_one_line_with_status_1(crawls, arguments, message):
    crawls.configure()
    done = crawls.scrapy("crawl", *arguments, *crawls.crawl[2:])
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(message)
    assert "Traceback" not in done.stderr


def test_an_output_that_takes_nothing_changes_nothing_about_a_complete_crawl(crawls, start_api):
    with start_api(ids=100) as api, Path("/dev/full").open("w") as full:
        crawls.configure(**api.space)
        done = crawls.run(stdout=full)
    assert done.returncode == 0
    assert "standard output cannot be written: No space left on device" in done.stderr
    assert crawls.report()["coverage"]["complete"]


def test_an_api_that_cannot_be_mocked_is_refused(crawls):
    crawls.configure(mock=True, url="http://127.0.0.2:0/x?offset={cursor}")
    done = crawls.run()
    assert done.returncode == 1
    message = "mock: true needs a url at 127.0.0.1 or localhost, not at 127.0.0.2"
    assert done.stderr.splitlines()[-1] == f"lifestats: {message}"


def test_scrapy_list_needs_no_usable_configuration(crawls):
    done = crawls.scrapy("list", "-s", "LIFESTATS_CONFIG=nowhere.yml")
    assert (done.returncode, done.stdout) == (0, "lifestats\n")


def test_a_mock_that_cannot_start_ends_the_crawl_with_one_clear_line(crawls, start_api):
    with start_api() as taken:
        crawls.configure(**taken.space, mock=True)
        done = crawls.run()
    assert done.returncode == 1
    assert "] ERROR" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("lifestats: The mock API did not start: ")
    assert not list((crawls.directory / "runs" / "test").glob("[!.]*"))


def test_a_page_that_never_makes_sense_is_missing_and_the_rest_is_counted(crawls, start_api):
    dead = FIRST + 50, FIRST + 60
    faults = "--fault={}:1:{}:{}".format("wrong-shape", *dead), "--fault-limit=0"
    with start_api("--density=1", *faults, ids=1000) as api:
        crawls.configure(**api.space, results_per_page=10, subsets=4, retries=1)
        done = crawls.run()
    assert done.returncode == 2
    report = crawls.report()
    assert report["coverage"]["complete"] is False
    assert report["coverage"]["missing"] == [list(dead)]
    assert report["totals"]["items"] == 990
    ((begin, end, reason),) = report["coverage"]["reasons"]
    assert ((begin, end), "not a list of records" in reason) == (dead, True)
    assert "INCOMPLETE" in done.stdout


def test_a_misspelt_field_is_said_soon_and_counts_nothing(crawls, start_api):
    with start_api(ids=1000) as api:
        crawls.configure(**api.space, counters={"nothing": {"field": "no_such_field"}})
        done = crawls.run()
    assert done.returncode == 3
    assert "no_such_field is missing or null in a record" in done.stderr
    assert crawls.report()["totals"]["items"] == 0
