"""The contestants: how each is started, and what is left in its directory afterwards."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks.contestants.counts import FIELDS, TOP
from benchmarks.processes import PROJECT, Server, Usage, run_client
from benchmarks.spaces import FIRST_ID, Space

if TYPE_CHECKING:
    from collections.abc import Callable

_ENVIRONMENT = "bench"
_COUNTS = "counts.json"


@dataclass(frozen=True, slots=True)
class Crawl:
    """What was seen of a crawl."""

    name: str
    arrivals: list[float]  # of requests at the server, in seconds of the monotonic clock
    server_cpu_seconds: float
    usage: Usage
    found: Any  # what the contestant left

    @property
    def requests(self) -> int:
        """How many requests the server had."""
        return len(self.arrivals)

    @property
    def seconds(self) -> float:
        """The time from the first request to the last."""
        return self.arrivals[-1] - self.arrivals[0]

    @property
    def peak(self) -> float:
        """The most memory until the last request, in MB."""
        return max(size for time, size in self.usage.memory if time <= self.arrivals[-1])


def _counts(directory: Path) -> Any:
    return json.loads((directory / _COUNTS).read_bytes())


@dataclass(frozen=True, slots=True)
class Contestant:
    """A way to count an id space."""

    name: str
    #: The command, from its own directory, the url of the API and the space.
    command: Callable[[Path, str, Space], list[str]]
    #: What to keep of its directory: the counts.
    find: Callable[[Path], Any] = _counts
    #: Where the command is started; None for its own directory.
    cwd: Path | None = PROJECT

    def crawl(self, server: Server, space: Space, core: int | None = None, *, has_stalls: bool = False) -> Crawl:
        """Crawl in a directory of its own. Raises ClientError."""
        with TemporaryDirectory() as name:
            directory = Path(name)
            command = self.command(directory, server.url, space)
            cpu_before = server.cpu_seconds()
            usage = run_client(command, directory, self.cwd or directory, core, has_stalls=has_stalls)
            server_cpu = server.cpu_seconds() - cpu_before
            return Crawl(self.name, server.arrivals(usage.started), server_cpu, usage, self.find(directory))


def lifestats(name: str = "lifestats", find: Callable[[Path], Any] | None = None, **changes: Any) -> Contestant:
    """Return lifestats with a configuration that differs from the default's by ``changes``."""

    def command(directory: Path, url: str, space: Space) -> list[str]:
        return configured(directory, url, space, **changes)

    return Contestant(name, command, find or _reported)


def configured(directory: Path, url: str, space: Space, **changes: Any) -> list[str]:
    """Write a config.yml into a directory, and return the command that crawls with it."""
    own = yaml.safe_load((PROJECT / "config.yml").read_text(encoding="utf-8"))["default"]
    environment = changes | {
        "url": f"{url}/foodstats?offset={{cursor}}&limit={{limit}}",
        "first_id": FIRST_ID,
        "last_id": space.last_id,
        "counters": {counter: {"field": field, "top": TOP} for counter, field in FIELDS.items()},
        "storage": str(directory / "runs"),
    }
    path = directory / "config.yml"
    path.write_text(yaml.safe_dump({"default": own, _ENVIRONMENT: environment}), encoding="utf-8")
    chosen = ["-s", f"ENV={_ENVIRONMENT}", "-s", f"LIFESTATS_CONFIG={path}"]
    return [sys.executable, "-m", "scrapy", "crawl", "lifestats", *chosen]


def runs(directory: Path) -> Path:
    """Return where lifestats keeps its runs."""
    return directory / "runs" / _ENVIRONMENT


def plain_scrapy(name: str, **settings: Any) -> Contestant:
    """Return the plain spider, with some settings that are not Scrapy's defaults."""
    spider = PROJECT / "benchmarks" / "contestants" / "plain_scrapy.py"
    chosen = [part for key, value in settings.items() for part in ("-s", f"{key}={value}")]

    def command(directory: Path, url: str, space: Space) -> list[str]:
        values = {"url": url, "out": directory / _COUNTS, "first": FIRST_ID, "last": space.last_id}
        arguments = [part for key, value in values.items() for part in ("-a", f"{key}={value}")]
        return [sys.executable, "-m", "scrapy", "runspider", str(spider), *chosen, *arguments]

    # Not in the project's directory: its scrapy.cfg would bring its settings.
    return Contestant(name, command, cwd=None)


def program(name: str, module: str, *options: str, python: str | Path = sys.executable) -> Contestant:
    """Return a program of ``benchmarks.contestants``, started by an interpreter that has its packages."""

    def command(directory: Path, url: str, space: Space) -> list[str]:
        arguments = [url, str(directory / _COUNTS), str(FIRST_ID), str(space.last_id)]
        return [str(python), "-m", f"benchmarks.contestants.{module}", *arguments, *options]

    return Contestant(name, command)


def _reported(directory: Path) -> dict[str, Any]:
    counters = json.loads((runs(directory) / "latest.json").read_bytes())["counters"]
    return {
        name: {"items": counter["items"], "distinct": counter["distinct"]}
        | {"top": [[row["key"], row["count"]] for row in counter["top"]]}
        for name, counter in counters.items()
    }
