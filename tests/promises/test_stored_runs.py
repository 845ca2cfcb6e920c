"""Runs that the code of an older format wrote: tests/fixtures/format_1 to format_3, never changed again."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml

from lifestats_crawler.storage import segments
from tests.promises.conftest import Crawls

#: What format 3 has added to the coverage of a report.
ADDED = {"reasons": [], "seen": True}


@pytest.fixture(params=["format_1", "format_2", "format_3"])
def stored(request, tmp_path, fixtures):
    """A storage with a run that was killed in mid-crawl and one that is complete, and their configuration."""
    crawls, written = Crawls(tmp_path, environment="stored"), fixtures / request.param
    sections = yaml.safe_load((written / "config.yml").read_text())
    sections["stored"] |= {"storage": str(tmp_path / "runs"), "rate_limit": None}
    # In their order: the first counter is the one for which the mock makes up many values.
    crawls.config.write_text(yaml.safe_dump(sections, sort_keys=False))
    for name in ("killed", "complete"):
        shutil.copytree(written / name, crawls.storage / name / "segments")
    (crawls.storage / "complete" / "segments" / "report.json").rename(crawls.storage / "complete" / "report.json")
    return crawls


def ask(crawls, *arguments):
    done = crawls.scrapy(*arguments, "--json", *crawls.crawl[2:])
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def counted(report, *more: str):
    """What was counted, without what another version or an earlier report adds to it; of rows also ``more``."""
    rows = ("rank", "key", "count", "share", "certain", *more)
    return {
        name: {key: counter[key] for key in ("field", "items", "without", "distinct")}
        | {"top": [{key: row[key] for key in rows if key in row} for row in counter["top"]]}
        for name, counter in report["counters"].items()
    }


def test_a_killed_run_of_an_older_format_is_continued_and_counts_what_a_fresh_one_counts(stored):
    before = stored.of("complete")
    killed = {path.name: path.read_bytes() for path in segments.paths(stored.storage / "killed" / "segments")}
    done = stored.run()
    assert done.returncode == 0, done.stderr
    assert "Continuing run killed" in done.stderr
    assert "renamed" not in done.stderr
    assert not list(stored.storage.rglob("*.set-aside"))
    for name, content in killed.items():
        assert (stored.storage / "killed" / "segments" / name).read_bytes() == content
    assert stored.run("-a", "run=fresh").returncode == 0
    continued, fresh = stored.of("killed"), stored.of("fresh")
    assert counted(continued) == counted(fresh) == counted(before)
    assert continued["coverage"] == fresh["coverage"] == before["coverage"] | ADDED
    assert continued["totals"]["items"] == fresh["totals"]["items"] == before["totals"]["items"]


def test_runs_of_an_older_format_are_listed_planned_with_and_reported_again(stored):
    complete, killed = sorted(ask(stored, "runs")["runs"], key=lambda run: run["run"])
    assert [(run["run"], run["state"], run["damaged_segments"]) for run in (complete, killed)] == [
        ("complete", "complete", 0),
        ("killed", "partial", 0),
    ]
    assert complete["settled"] == complete["ids"] == 1500
    assert 0 < killed["settled"] < killed["ids"] == 1500
    planned = ask(stored, "plan")
    assert (planned["run"]["continues"], planned["run"]["settled"]) == ("killed", killed["settled"])
    again, before = ask(stored, "report", "complete"), stored.of("complete")
    # Of a crawl, which name a value has depends on which page came last; of the same segments it does not.
    assert counted(again, "label") == counted(before, "label")
    assert {key: again["source"][key] for key in before["source"]} == before["source"] | {"rate_limit": None}
    assert again["coverage"] == before["coverage"] | ADDED
    for key in ("run", "totals", "pace"):
        assert again[key] == before[key]
