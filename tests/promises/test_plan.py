"""``scrapy plan``: what it says is what the crawl does, and it leaves no trace."""

from __future__ import annotations

import json
import signal

import pytest

from tests.promises.conftest import URL, wait_until

IDS = 6000


def plan(crawls, *arguments: str, **variables: str):
    return crawls.scrapy(
        "plan", "-s", f"LIFESTATS_CONFIG={crawls.config}", "-s", "ENV=test", *arguments, **variables
    )


def planned(crawls):
    done = plan(crawls, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def files(crawls):
    return {path: path.stat().st_mtime_ns for path in crawls.directory.rglob("*")}


def test_before_the_first_crawl_the_most_that_it_can_take_is_told_and_no_directory_is_made(crawls):
    crawls.configure(last_id=732158492, subsets=100, results_per_page=100, rate_limit=100, spill_every=1000)
    facts = planned(crawls)
    assert list(files(crawls)) == [crawls.config]
    assert facts["likely"] is None
    assert facts["ids"] == facts["unsettled"] == 73_827_800
    assert facts["at_most"]["requests"] == 738_304
    assert facts["at_most"]["seconds"] == pytest.approx(7383.04)
    assert facts["subsets"] == 100
    assert facts["run"]["continues"] is None
    table = plan(crawls).stdout
    assert "about 738,304 if every id exists" in table
    assert "about 2:03:04 if every id exists" in table
    assert "\x1b" not in table


def test_after_a_crawl_the_likely_figures_are_those_of_the_next_one(crawls, start_api):
    with start_api() as api:
        crawls.configure(**api.space, audit=False)  # of so few pages the audits are a large share
        assert crawls.run("-a", "run=before").returncode == 0
        before = files(crawls)
        facts = planned(crawls)
        assert files(crawls) == before
        assert crawls.run("-a", "run=after").returncode == 0
    totals = crawls.report()["totals"]
    assert facts["density"]["run"] == "before"
    assert facts["likely"]["records"] == pytest.approx(totals["items"], rel=0.002)
    assert facts["likely"]["requests"] == pytest.approx(totals["requests"], rel=0.05)
    assert totals["pages"] <= facts["at_most"]["requests"]
    taken = sum(path.stat().st_size for path in crawls.directory.glob("runs/test/after/segments/*"))
    assert facts["likely"]["bytes"] == pytest.approx(taken, rel=0.3)


@pytest.mark.long
def test_the_run_that_is_said_to_be_continued_is_continued(crawls, start_api):
    with start_api(ids=IDS) as api:
        crawls.configure(**api.space, rate_limit=20)
        with crawls.start("-a", "run=one") as process:
            wait_until(crawls.segments, process)
            during, table = planned(crawls), plan(crawls).stdout
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=30)
        after = planned(crawls)
        crawls.change(url=api.url + "/other" + URL)
        changed, differs = planned(crawls), plan(crawls).stdout
        crawls.change(url=api.url + URL, rate_limit=None)
        done = crawls.run()
    assert during["run"]["continues"] == "one"
    assert f"process {process.pid}" in during["run"]["refused_by"]
    assert "a second crawl would be refused" in table
    assert (after["run"]["continues"], after["run"]["refused_by"]) == ("one", None)
    assert 0 < after["run"]["settled"] == IDS - after["unsettled"]
    assert after["at_most"]["requests"] < changed["at_most"]["requests"]
    assert changed["run"]["continues"] is None
    (left,) = changed["run"]["not_continued"]
    assert left == {"run": "one", "why": "url differs from the configuration"}
    assert "does not continue one: url differs" in differs
    assert "Continuing run one" in done.stderr
    assert done.returncode == 0


def test_a_secret_is_not_filled_in(crawls):
    crawls.configure(url="http://127.0.0.1:9/?a={cursor}&key=${LIFESTATS_PLANTED}")
    done = plan(crawls, LIFESTATS_PLANTED="s3cret")
    assert "key=${LIFESTATS_PLANTED}" in done.stdout
    assert "s3cret" not in done.stdout + done.stderr
