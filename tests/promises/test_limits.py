"""What ends a crawl beside signals, and what a process may be short of."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys

import pytest

from tests.conftest import FIRST, PROJECT
from tests.promises.conftest import assert_exact, environment, wait_until

IDS = 20_000
OWN = """
from scrapy import signals
from scrapy.exceptions import CloseSpider

class Extension:
    def __init__(self):
        self.seen = 0

    @classmethod
    def from_crawler(cls, crawler):
        own = cls()
        crawler.signals.connect(own.item_scraped, signals.item_scraped)
        return own

    def item_scraped(self):
        self.seen += 1
        if self.seen == 50:
            raise CloseSpider("enough")

class AtOnce(Extension):
    @classmethod
    def from_crawler(cls, crawler):
        own = cls()
        crawler.signals.connect(own.spider_opened, signals.spider_opened)
        return own

    def spider_opened(self):
        raise CloseSpider("not today")

class Pipeline:
    seen = 0

    def process_item(self, item):
        self.seen += 1
        if self.seen == 50:
            raise CloseSpider("enough of them")
        return item
"""


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["CLOSESPIDER_TIMEOUT=2"], "closespider_timeout"),
        (["CLOSESPIDER_PAGECOUNT=60"], "closespider_pagecount"),
        (["CLOSESPIDER_ITEMCOUNT=60"], "closespider_itemcount"),
        (["MEMUSAGE_LIMIT_MB=10"], "memusage_exceeded"),
        (['EXTENSIONS={"own.Extension": 1}'], "enough"),
        (['EXTENSIONS={"own.AtOnce": 1}'], "not today"),
        (['ITEM_PIPELINES={"own.Pipeline": 1}'], "enough of them"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_closes_the_spider_ends_the_crawl_as_a_signal_does_and_is_the_reason(
    crawls, start_api, arguments, reason
):
    (crawls.directory / "own.py").write_text(OWN)
    with start_api(ids=IDS) as api:
        crawls.configure(**api.space, results_per_page=20, rate_limit=100, subsets=8, audit=False)
        given = [argument for setting in arguments for argument in ("-s", setting)]
        done = crawls.run(*given, seconds=15, PYTHONPATH=str(crawls.directory))
    assert done.returncode == 2, done.stderr
    report = crawls.report()
    assert (report["run"]["finish_reason"], report["coverage"]["complete"]) == (reason, False)
    assert report["totals"]["requests"] < 500


def test_items_are_not_exported_and_a_line_says_so(crawls, start_api):
    with start_api(ids=200) as api:
        crawls.configure(**api.space)
        done = crawls.run("-o", str(crawls.directory / "items.jl"))
        assert done.returncode == 0
        assert done.stderr.count("FEEDS has no effect") == 1
        assert not (crawls.directory / "items.jl").exists()


@pytest.mark.parametrize(
    ("home", "number", "expected"), [("/somewhere", 0, "/somewhere"), (None, 0, None), (None, 1_000_660_000, "/")]
)
def test_an_account_without_a_home_and_a_name_has_a_home_all_the_same(home, number, expected):
    if number and os.geteuid():
        pytest.skip("only root may become another user")
    line = (PROJECT / "deploy" / "lifestats_home.pth").read_text()
    assert line.startswith("import "), "or Python takes it for a directory"
    ask = f"{line}\nprint(os.environ.get('HOME'))"
    done = subprocess.run(
        ["/usr/bin/env", "python3", "-S", "-c", ask] if number else [sys.executable, "-S", "-c", ask],
        env={"PATH": "/usr/bin:/bin"} | ({"HOME": home} if home else {}),
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
        **({"user": number, "group": 0, "extra_groups": []} if number else {}),
    )
    assert done.stdout.strip() == str(expected)


@pytest.mark.parametrize("files", [64, 40])
def test_with_few_descriptors_a_crawl_has_fewer_chains_and_is_exact(crawls, start_api, files):
    with start_api("--latency=0.02", ids=IDS, first=FIRST) as api:
        crawls.configure(
            **api.space,
            results_per_page=100,
            rate_limit=None,
            subsets=100,
            spill_every=2,
            counters={"foods": {"field": "food_id", "top": IDS}},
        )
        done = subprocess.run(
            [sys.executable, "-m", "scrapy", *crawls.crawl],
            cwd=PROJECT,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)),
        )
        assert done.returncode == 0, done.stderr
        assert "few files may be open (ulimit -n): at most" in done.stderr
        assert_exact(crawls.report(), api.truth)


@pytest.mark.parametrize("megabytes", [200, 500])
def test_too_little_to_start_with_is_one_line(crawls, megabytes):
    crawls.configure()
    done = subprocess.run(
        [sys.executable, "-m", "scrapy", *crawls.crawl],
        cwd=PROJECT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20,) * 2),
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"lifestats: the address space is limited to {megabytes} MB (ulimit -v)")
    assert done.stderr.count("\n") == 1


def test_a_program_that_is_replaced_during_a_crawl_writes_the_report_all_the_same(crawls, start_api):
    for name in ("lifestats_crawler", "mocks"):
        shutil.copytree(PROJECT / name, crawls.directory / name)
    shutil.copy(PROJECT / "scrapy.cfg", crawls.directory)
    with start_api(ids=IDS) as api:
        crawls.configure(
            **api.space,
            results_per_page=50,
            rate_limit=100,
            subsets=5,
            audit=False,
            counters={"foods": {"field": "food_id", "top": IDS}},
        )
        with subprocess.Popen(
            [sys.executable, "-m", "scrapy", *crawls.crawl],
            cwd=crawls.directory,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            wait_until(lambda: len(api.requests) > 120, process)
            for path in (crawls.directory / "lifestats_crawler").rglob("*"):
                if path.suffix in {".py", ".j2", ".pyc"}:
                    path.write_text("of another version")
            _, log = process.communicate(timeout=60)
        assert process.returncode == 0, log
        assert_exact(crawls.report(), api.truth)
        assert next(crawls.storage.glob("*/report.html")).exists()
