"""``scrapy report`` and ``scrapy diff`` on real runs."""

from __future__ import annotations

import csv
import io
import json

import duckdb
import pytest

from tests import schemas
from tests.promises.conftest import Crawls, running_api, wait_until

IDS = 2000
SMALL_PAGES = {"results_per_page": 20}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Two finished runs, of which nobody changes anything: the crawls, and what the first API knows to be true."""
    crawls = Crawls(tmp_path_factory.mktemp("finished"))
    with running_api(ids=IDS) as api:
        crawls.configure(**api.space, **SMALL_PAGES)
        assert crawls.run("-a", "run=first").returncode == 0
        truth = api.truth
    with running_api("--seed=5", ids=IDS) as other:
        crawls.change(url=other.space["url"])
        assert crawls.run("-a", "run=second").returncode == 0
        crawls.change(url=api.space["url"])
    return crawls, truth


@pytest.fixture
def untouched(finished):
    """The two runs; each file that they had is as it was at the end of the test."""
    crawls, _ = finished
    before = {path: path.read_bytes() for path in (crawls.directory / "runs").rglob("*") if path.is_file()}
    yield crawls
    assert {path: path.read_bytes() for path in before} == before


def ask(crawls, name, *arguments):
    return crawls.scrapy(name, *arguments, *crawls.crawl[2:])


def test_a_run_can_be_reported_again_in_every_format_with_other_rows(untouched, finished, tmp_path):
    _, truth = finished
    counts = truth["fields"]["food_id"]["counts"]
    as_json = json.loads(ask(untouched, "report", "first", "--json", "--top", "1500").stdout)
    assert [[row["key"], row["count"]] for row in as_json["counters"]["foods"]["top"]] == counts[:1500]
    rows = list(csv.DictReader(io.StringIO(ask(untouched, "report", "first", "--format=csv", "--top=3").stdout)))
    assert [[int(row["key"]), int(row["count"])] for row in rows if row["counter"] == "foods"] == counts[:3]
    every = tmp_path / "every.parquet"
    assert ask(untouched, "report", "first", "--format=parquet", f"--output={every}").returncode == 0
    counted = duckdb.execute("SELECT key, count FROM read_parquet(?) WHERE counter = 'foods'", [str(every)])
    assert [list(row) for row in counted.fetchall()] == counts
    page = tmp_path / "again.html"
    assert ask(untouched, "report", "first", "--format=html", f"--output={page}").returncode == 0
    assert "<html" in page.read_text()
    assert "Complete: " in ask(untouched, "report", "first").stdout
    assert ask(untouched, "report", "first", "--top=25").stdout.count("%\n") >= 25


@pytest.mark.parametrize(
    ("name", "format_name", "begins"),
    [
        ("top.json", None, '{\n  "schema"'),
        ("top.csv", None, "counter,rank,key,label"),
        ("top.HTML", None, "<!doctype html>"),
        ("top.txt", None, "\ncategories: "),
        ("top", "table", "\ncategories: "),
        ("top.json", "csv", "counter,rank,key,label"),
        ("top.parquet", None, "PAR1"),
    ],
)
def test_a_file_has_the_format_that_is_asked_for_or_that_its_name_ends_with(
    untouched, tmp_path, name, format_name, begins
):
    path = tmp_path / name
    arguments = [f"--output={path}", *([f"--format={format_name}"] if format_name else [])]
    done = ask(untouched, "report", "first", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert path.read_bytes().startswith(begins.encode())


def test_a_report_of_an_older_run_changes_neither_the_latest_nor_what_is_continued(finished):
    crawls, _ = finished
    latest = crawls.directory / "runs" / "test" / "latest.json"
    before, first = latest.read_bytes(), crawls.of("first")
    assert ask(crawls, "report", "first", "--save").returncode == 0
    assert (latest.read_bytes(), crawls.of("first")) == (before, first)
    assert first["previous"] is None, "the other one came later"
    newest, *_ = json.loads(ask(crawls, "runs", "--json").stdout)["runs"]
    assert newest["run"] == "second"
    refused = ask(crawls, "report", "--save", "--top=1")
    assert (refused.returncode, "leave out --top" in refused.stderr) == (2, True)


def test_what_commands_write_for_programs_is_as_its_schema_says(untouched):
    schemas.check(untouched.of("first"))
    schemas.check(untouched.of("second"))
    commands = (["report", "first"], ["diff", "first", "second"], ["runs"], ["plan"])
    for command in commands:
        schemas.check(json.loads(ask(untouched, *command, "--json").stdout))


def counted(crawls, run, counter):
    """Rank and count of every value, as the segments have them."""
    rows = duckdb.execute(
        "SELECT key, sum(count)::BIGINT AS count FROM read_parquet(?) WHERE counter = ? GROUP BY ALL"
        " ORDER BY count DESC, key",
        [f"{crawls.directory}/runs/test/{run}/segments/*.parquet", counter],
    )
    return {key: [rank, count] for rank, (key, count) in enumerate(rows.fetchall(), 1)}


def test_a_report_compares_itself_with_the_previous_complete_one_and_so_does_diff(untouched):
    first, second = untouched.of("first"), untouched.of("second")
    document = json.loads(ask(untouched, "diff", "first", "second", "--json").stdout)
    assert second["previous"] == {"name": "first", "finished_at": first["run"]["finished_at"]}
    for name in ("categories", "foods"):
        before, after = (counted(untouched, run, name) for run in ("first", "second"))
        listed = {row["key"]: row["rank"] for row in first["counters"][name]["top"]}
        for row in second["counters"][name]["top"]:
            assert row["new"] is (row["key"] not in before)
            assert row["rank_change"] == (listed[row["key"]] - row["rank"] if row["key"] in listed else None)
        for change in document["counters"][name]:
            assert [change["rank_before"], change["count_before"]] == before.get(change["key"], [None, None])
            assert [change["rank"], change["count"]] == after.get(change["key"], [None, None])
    gone = {change["key"] for change in document["counters"]["categories"] if change["kind"] == "gone"}
    assert document["differences"] == [
        f"url is {first['source']['url']} before, and {second['source']['url']} after"
    ]
    itself = json.loads(ask(untouched, "diff", "first", "first", "--json").stdout)["counters"]
    assert {change["kind"] for changes in itself.values() for change in changes} == {"same"}
    table = ask(untouched, "diff", "first", "second").stdout
    assert "before: test first" in table
    assert "categories" in table
    page = ask(untouched, "diff", "first", "second", "--format", "html").stdout
    assert "<html" in page
    assert all(str(key) in page for key in gone)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["report", "nope"], "there is no run 'nope' in "),
        (
            ["report", "first", "--output=nowhere/x.csv"],
            "nowhere/x.csv cannot be written: there is no directory nowhere",
        ),
        (["diff", "one", "two"], "there is no run 'one' in "),
        (["diff", "config.yml.json", "first"], "config.yml.json is not a report: "),
        (["diff", "{directory}/odd.json", "first"], "one of the two reports is damaged, or of another make"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(untouched, arguments, line):
    (untouched.directory / "odd.json").write_text('{"schema": "lifestats.report/1", "run": []}')
    done = ask(untouched, *(argument.format(directory=untouched.directory) for argument in arguments))
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert line in done.stderr


@pytest.fixture
def begun(crawls, start_api):
    with start_api(ids=IDS) as api:
        crawls.configure(**api.space, **SMALL_PAGES, rate_limit=5)
        yield crawls


def test_an_unfinished_run_can_be_reported_while_it_is_crawled_and_after_it_was_killed(begun):
    with begun.start() as process:
        wait_until(begun.segments, process)
        shown, saved = ask(begun, "report", "--json"), ask(begun, "report", "--save")
        assert process.poll() is None
    report = json.loads(shown.stdout)
    assert (report["run"]["finish_reason"], report["coverage"]["complete"]) == ("crawling", False)
    assert report["totals"]["items"] > 0
    assert saved.returncode == 1
    assert "is being crawled by process" in saved.stderr
    assert ask(begun, "report", "--save").returncode == 0
    report = begun.report()
    assert (report["run"]["finish_reason"], report["coverage"]["complete"]) == ("killed", False)
    assert list(begun.directory.rglob("report.html"))
