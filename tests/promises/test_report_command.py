"""``scrapy report`` and ``scrapy diff`` on real runs."""

from __future__ import annotations

import csv
import io
import json

import duckdb
import pytest

from tests.conftest import FIRST
from tests.promises.conftest import URL, wait_until

LAST = FIRST + 1999


@pytest.fixture
def api(start_api):
    with start_api(f"--first-id={FIRST}", f"--last-id={LAST}") as api:
        yield api


@pytest.fixture
def crawls(crawls, api):
    crawls.configure(url=api.url + URL, first_id=FIRST, last_id=LAST, results_per_page=20)
    return crawls


@pytest.fixture
def command(crawls):
    def run(name, *arguments):
        return crawls.scrapy(name, *arguments, *crawls.crawl[2:])

    return run


def test_a_run_can_be_reported_again_in_every_format_with_other_rows(crawls, api, command):
    assert crawls.run().returncode == 0
    before = {path: path.read_bytes() for path in crawls.directory.rglob("*") if path.is_file()}
    counts = api.get("/truth")["fields"]["food_id"]["counts"]
    as_json = json.loads(command("report", "--json", "--top", "1500").stdout)
    assert [[row["key"], row["count"]] for row in as_json["counters"]["foods"]["top"]] == counts[:1500]
    rows = list(csv.DictReader(io.StringIO(command("report", "--format=csv", "--top=3").stdout)))
    assert [[int(row["key"]), int(row["count"])] for row in rows if row["counter"] == "foods"] == counts[:3]
    every = crawls.directory / "every.parquet"
    assert command("report", "--format=parquet", f"--output={every}").returncode == 0
    counted = duckdb.execute("SELECT key, count FROM read_parquet(?) WHERE counter = 'foods'", [str(every)])
    assert [list(row) for row in counted.fetchall()] == counts
    page = crawls.directory / "again.html"
    assert command("report", "--format=html", f"--output={page}").returncode == 0
    assert "<html" in page.read_text()
    assert "Complete: " in command("report").stdout
    assert {path: path.read_bytes() for path in before} == before, "nothing in the run has changed"


def test_a_report_of_an_older_run_changes_neither_the_latest_nor_what_is_continued(crawls, command):
    assert crawls.run("-a", "run=older").returncode == 0
    assert crawls.run("-a", "run=newer").returncode == 0
    latest = crawls.directory / "runs" / "test" / "latest.json"
    before = latest.read_bytes()
    first, second = (command("report", "older", "--json").stdout for _ in range(2))
    assert first == second
    assert json.loads(first)["previous"] is None, "the newer one came later"
    assert json.loads(first)["run"]["finished_at"] < json.loads(before)["run"]["started_at"]
    assert command("report", "older", "--save").returncode == 0
    assert latest.read_bytes() == before
    newest, *_ = json.loads(command("runs", "--json").stdout)["runs"]
    assert newest["run"] == "newer"
    refused = command("report", "--save", "--top=1")
    assert (refused.returncode, "leave out --top" in refused.stderr) == (2, True)


def test_a_run_can_be_reported_while_it_is_crawled_and_is_not_touched(crawls, command):
    crawls.change(rate_limit=5)
    with crawls.start() as process:
        wait_until(crawls.segments, process)
        shown, saved = command("report", "--json"), command("report", "--save")
        assert process.poll() is None
    report = json.loads(shown.stdout)
    assert (report["run"]["finish_reason"], report["coverage"]["complete"]) == ("crawling", False)
    assert report["totals"]["items"] > 0
    assert saved.returncode == 1
    assert "is being crawled by process" in saved.stderr


def test_a_killed_run_gets_its_report(crawls, command):
    with crawls.start() as process:
        wait_until(crawls.segments, process)
        process.kill()
    assert command("report", "--save").returncode == 0
    report = crawls.report()
    assert (report["run"]["finish_reason"], report["coverage"]["complete"]) == ("killed", False)
    assert list(crawls.directory.rglob("report.html"))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["report"], "List the runs: scrapy runs"),
        (["report", "nope"], "there is no run 'nope' in "),
        (["diff", "one", "two"], "there is no run 'one' in "),
        (["diff", "config.yml.json", "two"], "config.yml.json is not a report: "),
    ],
)
def test_what_is_not_there_is_said_in_one_line(command, arguments, line):
    done = command(*arguments)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert line in done.stderr


def test_a_report_compares_itself_with_the_previous_complete_one_and_so_does_diff(crawls, start_api, command):
    assert crawls.run("-a", "run=first").returncode == 0
    first = crawls.report()
    assert first["previous"] is None
    with start_api(f"--first-id={FIRST}", f"--last-id={LAST}", "--seed=5") as other:
        crawls.change(url=other.url + URL)
        assert crawls.run("-a", "run=second").returncode == 0
    second = json.loads((crawls.directory / "runs" / "test" / "second" / "report.json").read_text())
    assert second["previous"] == {"name": "first", "finished_at": first["run"]["finished_at"]}
    ranks = {row["key"]: row["rank"] for row in first["counters"]["categories"]["top"]}
    for row in second["counters"]["categories"]["top"]:
        known = row["key"] in ranks
        assert row["new"] is not known
        assert row["rank_change"] == (ranks[row["key"]] - row["rank"] if known else None)
    document = json.loads(command("diff", "first", "second", "--json").stdout)
    gone = {change["key"] for change in document["counters"]["categories"] if change["kind"] == "gone"}
    assert gone == ranks.keys() - {row["key"] for row in second["counters"]["categories"]["top"]}
    table = command("diff", "first", "second").stdout
    assert "before: test first" in table
    assert "categories" in table
    page = command("diff", "first", "second", "--format", "html").stdout
    assert "<html" in page
    assert all(str(key) in page for key in gone)
