"""From the command to the first request, as the server sees it."""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import copytree
from statistics import median
from subprocess import run as run_process
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from benchmarks import made
from benchmarks.crawlers import Contestant, configured, lifestats, runs
from benchmarks.processes import mock
from benchmarks.results import Result, at_most, progress, ratio
from benchmarks.spaces import FIRST_ID, Space, even

if TYPE_CHECKING:
    from benchmarks.processes import Server
    from benchmarks.results import Options

_SEGMENTS = 1000
_ROUNDS = 3
_SPIDER = """import scrapy


class FirstSpider(scrapy.Spider):
    name = "first"
    start_urls = ["{url}"]
"""
_ABOUT = (
    f"Seconds from the command to the first request that the server sees; medians of {_ROUNDS}, interleaved. The"
    " empty project is the output of `scrapy startproject`, with a spider of one url. A resumed crawl reads and"
    " checks all its segments first. The segments are small here; together they name 100,000 ranges."
)


def run(_: Options) -> Result:
    """Start everything in turn."""
    whole = Space(FIRST_ID + made.interleaved_ids(_SEGMENTS) - 1)
    with mock(*whole.arguments) as server, TemporaryDirectory() as name:
        resumed = _resumable(Path(name), server, whole)
        starts = [
            (lifestats(rate_limit=None), even(1)),
            (_empty_project(), even(1)),
            *((one, whole) for one in resumed),
        ]
        laps = [[_seconds(contestant, server, space) for contestant, space in starts] for _ in range(_ROUNDS)]
    medians = [median(lap) for lap in zip(*laps, strict=True)]
    fresh, empty, one, many = medians
    targets = [
        at_most("over the empty project's", fresh / empty, 2.5),
        at_most(f"seconds that {_SEGMENTS:,} segments add", many - one, 1),
    ]
    rows = [
        {"start": contestant.name, "seconds": f"{seconds:.2f}", "to lifestats": ratio(seconds, fresh)}
        for (contestant, _), seconds in zip(starts, medians, strict=True)
    ]
    return Result("Start", _ABOUT, rows, targets)


def _seconds(contestant: Contestant, server: Server, space: Space) -> float:
    crawl = contestant.crawl(server, space)
    seconds = crawl.arrivals[0] - crawl.usage.started
    progress("start", {"start": contestant.name, "seconds": f"{seconds:.2f}"})
    return seconds


def _empty_project() -> Contestant:
    def command(directory: Path, url: str, _space: Space) -> list[str]:
        scrapy = [sys.executable, "-m", "scrapy"]
        made_by = [*scrapy, "startproject", "empty", "."]
        run_process(made_by, cwd=directory, check=True, capture_output=True)  # noqa: S603  # our own
        (directory / "empty" / "spiders" / "first.py").write_text(_SPIDER.format(url=url), encoding="utf-8")
        return [*scrapy, "crawl", "first"]

    return Contestant("empty Scrapy project", command, _nothing, cwd=None)


def _resumable(kept: Path, server: Server, space: Space) -> list[Contestant]:
    """Return crawls that continue a run of one segment, and one of 1,000 that have settled the same ids."""
    like = lifestats(find=made.crawled_footer, rate_limit=None).crawl(server, space).found
    for number in (1, _SEGMENTS):
        (kept / str(number)).mkdir()
        made.write_interleaved(kept / str(number), number, _SEGMENTS, like)
    return [_resumed(kept / "1", "1 segment"), _resumed(kept / str(_SEGMENTS), f"{_SEGMENTS:,} segments")]


def _resumed(kept: Path, name: str) -> Contestant:
    def command(directory: Path, url: str, space: Space) -> list[str]:
        copytree(kept, runs(directory) / "made" / "segments")
        return configured(directory, url, space, rate_limit=None)

    return Contestant(f"lifestats, resumed with {name}", command, _nothing)


def _nothing(_directory: Path) -> Any:
    """Find nothing: how it ends does not matter."""
