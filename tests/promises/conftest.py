"""What tests share that start processes of ours: a mock API, crawls, and how to wait for both."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.configurations import write_config
from tests.conftest import FIRST, PROJECT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# What slows down each process that imports it is no module to look for doctests in.
collect_ignore = ["slow_disk"]

#: Where the mock API has its pages, and how it is asked.
URL = "/foodstats?offset={cursor}&limit={limit}"


class Api:
    """A mock API in a process of its own."""

    def __init__(self, url: str, process: subprocess.Popen, first: int, ids: int | None) -> None:
        self.url = url
        self.process = process
        #: What a configuration says to crawl all of it.
        self.space = {"url": url + URL} | ({"first_id": first, "last_id": first + ids - 1} if ids else {})

    def get(self, path: str):
        with urllib.request.urlopen(self.url + path) as answer:
            return json.load(answer)

    @property
    def requests(self) -> list:
        """(arrival, cursor, limit, status, fault) of each request so far."""
        return self.get("/log")["requests"]

    @property
    def truth(self):
        return self.get("/truth")


@contextmanager
def running_api(*arguments: str, ids: int | None = None, first: int = FIRST):
    """Run a mock API; with ``ids`` its id space has so many."""
    bounds = [f"--first-id={first}", f"--last-id={first + ids - 1}"] if ids else []
    command = [sys.executable, "-m", "mocks.api", "--port=0", "--until-stdin-closes", *bounds, *arguments]
    with subprocess.Popen(
        command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Api(process.stdout.readline().strip(), process, first, ids)
        process.stdin.close()


@pytest.fixture
def start_api():
    return running_api


def assert_exact(report, truth) -> None:
    """Compare a report, whose counter ``foods`` lists every value, with what the API knows to be true."""
    assert report["coverage"]["complete"] is True
    assert report["totals"]["items"] == truth["records"]
    counted = [[row["key"], row["count"]] for row in report["counters"]["foods"]["top"]]
    assert counted == truth["fields"]["food_id"]["counts"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_until(condition, process: subprocess.Popen | None = None, seconds: float = 60) -> None:
    """Look again and again whether something holds; fail if it does not in time, or if a process ends first."""
    late = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < late
        assert process is None or process.poll() is None
        time.sleep(0.01)  # between two looks at what other processes do


def environment(**variables: str) -> dict[str, str]:
    """Nothing of the developer's own settings, and every warning of the code an error."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    # Scrapy leaves the loop that uvloop's replaces, and on a second signal open connections, to the end.
    return kept | {"PYTHONWARNINGS": "error,ignore::ResourceWarning", "COLUMNS": "100"} | variables


def without_downloads(directory: Path) -> dict[str, str]:
    """Let uvx install the wheel alone: what it needs is here already."""
    needed = re.findall(r"^(\w[\w-]*)==", (PROJECT / "requirements.in").read_text(), re.MULTILINE)
    overrides = directory / "overrides.txt"
    overrides.write_text("".join(f"{name} ; sys_platform == 'nowhere'\n" for name in needed))
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "UV_OFFLINE": "1",
        "UV_OVERRIDE": str(overrides),
        "UV_PYTHON": sys.executable,
    }


class Crawls:
    """Real ``scrapy crawl`` processes, each in the same empty directory."""

    def __init__(self, directory: Path, environment: str = "test") -> None:
        self.directory = directory
        self.environment = environment
        self.config = directory / "config.yml"
        self.storage = directory / "runs" / environment

    def configure(self, **changes) -> None:
        write_config(self.directory, **changes)

    def change(self, **changes) -> None:
        sections = yaml.safe_load(self.config.read_text())
        sections["test"] |= changes
        self.config.write_text(yaml.safe_dump(sections))

    @property
    def crawl(self) -> list[str]:
        return ["crawl", "lifestats", "-s", f"LIFESTATS_CONFIG={self.config}", "-s", f"ENV={self.environment}"]

    def run(self, *arguments: str, seconds: float = 120, stdout=subprocess.PIPE, **variables: str):
        return self.scrapy(*self.crawl, *arguments, seconds=seconds, stdout=stdout, **variables)

    def command(self, name: str, *arguments: str, **variables: str):
        """Run another command of the project for the same configuration."""
        return self.scrapy(name, *self.crawl[2:], *arguments, **variables)

    @contextmanager
    def start(self, *arguments: str, prefix: Sequence[str] = (), **variables: str):
        """Start a crawl by a command that ``prefix`` begins; what is left of it is killed in the end."""
        with subprocess.Popen(
            [*prefix, sys.executable, "-m", "scrapy", *self.crawl, *arguments],
            cwd=PROJECT,
            env=environment(**variables),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def scrapy(self, *arguments: str, seconds: float = 120, stdout=subprocess.PIPE, **variables: str):
        return subprocess.run(
            [sys.executable, "-m", "scrapy", *arguments],
            cwd=PROJECT,
            env=environment(**variables),
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=seconds,
            check=False,
        )

    def segments(self) -> list[Path]:
        return sorted(self.storage.glob("*/segments/*.parquet"))

    def runs(self) -> list[str]:
        return sorted(path.parent.name for path in self.storage.glob("*/segments"))

    def of(self, name: str, file: str = "report.json"):
        """Read a file of a run, the report if no other is named."""
        return json.loads((self.storage / name / file).read_text())

    def report(self):
        newest = max(self.storage.glob("*/report.json"), key=lambda path: path.parent.name)
        return json.loads(newest.read_text())


@pytest.fixture
def crawls(tmp_path) -> Crawls:
    return Crawls(tmp_path)
