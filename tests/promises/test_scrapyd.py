"""A real scrapyd that the project is deployed to, and the jobs that it runs."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.conftest import PROJECT
from tests.promises.conftest import assert_exact, free_port, wait_until

PROGRAMS = Path(sys.executable).parent
LAST = 3000
TOKEN = "not-for-logs"  # noqa: S105


def cloned(directory: Path) -> Path:
    """What is tracked, and what an earlier build left there."""
    clone = directory / "clone"
    left = shutil.ignore_patterns(".*", "runs", "build", "dist", "*.egg-info", "__pycache__", "benchmarks")
    shutil.copytree(PROJECT, clone, ignore=left)
    (clone / "build" / "lib" / "lifestats_crawler").mkdir(parents=True)
    (clone / "build" / "lib" / "lifestats_crawler" / "gone.py").touch()
    return clone


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    return cloned(tmp_path_factory.mktemp("project"))


@pytest.fixture
def api(start_api):
    with start_api(ids=LAST, first=1) as api:
        yield api


@pytest.fixture
def config(project, tmp_path, api):
    """A writer of a config file whose production is a mock API, and whose storage is relative."""

    def write(**changes) -> Path:
        sections = yaml.safe_load((project / "config.yml").read_text())
        own = {
            **api.space,
            "results_per_page": 20,
            "rate_limit": None,
            "spill_every": 5,
            "counters": {"foods": {"field": "food_id", "top": LAST}},
        }
        sections["production"] |= own | changes
        path = tmp_path / "etc.yml"
        path.write_text(yaml.safe_dump(sections))
        return path

    return write


def environment(**variables: str) -> dict[str, str]:
    return {"PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"} | variables


def deploy(clone, *arguments):
    return subprocess.run(
        [PROGRAMS / "scrapyd-deploy", *arguments],
        cwd=clone,
        env=environment(HOME=str(clone.parent)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Scrapyd:
    """A scrapyd in a process of its own, started in an empty directory."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self.url = f"http://127.0.0.1:{port}/"

    @property
    def log(self) -> str:
        return (self.directory / "scrapyd.log").read_text()

    def ask(self, name, **form):
        data = urllib.parse.urlencode(form, doseq=True).encode() if form else None
        with urllib.request.urlopen(f"{self.url}{name}.json", data, timeout=30) as answer:
            return json.load(answer)

    def run(self, command):
        command = command.replace("http://127.0.0.1:6800/", self.url)
        return json.loads(subprocess.check_output(command, shell=True, timeout=30))  # noqa: S602

    def schedule(self, job, config, *settings) -> None:
        own_file = [f"LIFESTATS_CONFIG={config}"] if config else []
        chosen = ["ENV=production", *own_file, *settings]
        answer = self.ask("schedule", project="lifestats", spider="lifestats", jobid=job, setting=chosen)
        assert answer["jobid"] == job, answer

    def cancel(self, job, **form) -> None:
        self.ask("cancel", project="lifestats", job=job, **form)

    def jobs(self, state) -> list[str]:
        return [job["id"] for job in self.ask("listjobs")[state]]

    def wait(self, job, state="finished", timeout=60) -> None:
        wait_until(lambda: job in self.jobs(state), seconds=timeout)

    def job_log(self, job) -> str:
        return (self.directory / "logs" / "lifestats" / "lifestats" / f"{job}.log").read_text()


def is_up(server) -> bool:
    try:
        return server.ask("daemonstatus")["status"] == "ok"
    except OSError:
        return False


def configure(directory, port, **changes) -> None:
    """Write scrapyd.conf as deploy/ has it, with a port and directories that are ours."""
    told = configparser.ConfigParser()
    told.read(PROJECT / "deploy" / "scrapyd.conf")
    own = {"http_port": port, "poll_interval": 0.1, "eggs_dir": "eggs", "dbs_dir": "dbs", "logs_dir": "logs"}
    told["scrapyd"].update({name: str(value) for name, value in {**own, **changes}.items()})
    with (directory / "scrapyd.conf").open("w") as file:
        told.write(file)


@contextmanager
def closing_jobs(server):
    """Kill what still runs in the end: scrapyd leaves its jobs running when it is stopped."""
    try:
        yield
    finally:
        for job in server.jobs("pending") + server.jobs("running"):
            server.cancel(job, signal="KILL")
        wait_until(lambda: not server.jobs("running"))


@contextmanager
def running(directory, server):
    variables = environment(HOME=str(directory), LIFESTATS_TOKEN=TOKEN)
    with (directory / "scrapyd.log").open("w") as log:
        process = subprocess.Popen(
            [PROGRAMS / "scrapyd"], cwd=directory, env=variables, stdout=log, stderr=subprocess.STDOUT
        )
    with process:
        try:
            wait_until(lambda: process.poll() is not None or is_up(server))
            with closing_jobs(server):
                yield
        finally:
            process.terminate()


@contextmanager
def deployed(clone, directory, **changes):
    """A scrapyd as deploy/ configures it, with the project deployed to it by its own program."""
    port = free_port()
    directory.mkdir()
    configure(directory, port, **changes)
    server = Scrapyd(directory, port)
    target = (clone / "scrapy.cfg").read_text()
    assert "http://127.0.0.1:6800/" in target
    (clone / "scrapy.cfg").write_text(target.replace("http://127.0.0.1:6800/", server.url))
    with running(directory, server):
        done = deploy(clone)
        (clone / "scrapy.cfg").write_text(target)
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout).get("spiders") == 1, done.stdout
        yield server


@pytest.fixture(scope="module")
def server(clone):
    """One for all tests whose jobs run one after another, each with a storage of its own."""
    with deployed(clone, clone.parent / "scrapyd") as server:
        yield server


def test_an_egg_holds_the_package_and_the_configuration_and_nothing_else(tmp_path):
    clone = cloned(tmp_path)
    done = deploy(clone, f"--build-egg={tmp_path / 'lifestats.egg'}")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "lifestats.egg") as egg:
        held = {name for name in egg.namelist() if not name.endswith(".pyc")}
        assert egg.read("lifestats_crawler/config.yml") == (clone / "config.yml").read_bytes()
        requires = egg.read("EGG-INFO/requires.txt").decode().split("\n\n")[0].split()
    assert requires == re.findall(r"^\w\S+", (clone / "requirements.in").read_text(), re.MULTILINE)
    own = {str(path.relative_to(clone)) for path in (clone / "lifestats_crawler").rglob("*") if path.is_file()}
    package = {name for name in held if not name.startswith("EGG-INFO/")}
    assert package == own | {"lifestats_crawler/config.yml"}


def test_a_job_counts_every_record_once_and_its_files_are_where_they_belong(server, config, api):
    server.schedule("first", config())
    server.wait("first")
    log = server.job_log("first")
    # Relative storage is relative to the directory that scrapyd was started in.
    report = json.loads((server.directory / "runs" / "production" / "latest.json").read_text())
    assert_exact(report, api.truth)
    assert "Spider closed (finished)" in log
    assert TOKEN not in log + server.log


def test_a_cancelled_job_leaves_a_partial_report_that_the_next_one_completes(server, config, api, tmp_path):
    storage = tmp_path / "storage"
    server.schedule("slow", config(rate_limit=5, storage=str(storage), audit=False, subsets=2))  # soon counts
    wait_until(lambda: len(api.requests) > 10)
    # As deploy/ configures scrapyd, a job waits for the one before it.
    server.schedule("next", config(storage=str(storage)))
    assert (server.jobs("running"), server.jobs("pending")) == (["slow"], ["next"])
    server.cancel("slow")
    server.wait("slow", timeout=10)
    (path,) = (storage / "production").glob("*/report.json")
    partial = json.loads(path.read_text())
    server.wait("next")
    assert partial["run"]["finish_reason"] == "shutdown"
    coverage = partial["coverage"]
    assert coverage["complete"] is False
    assert 0 < coverage["settled"] == LAST - sum(end - begin for begin, end in coverage["missing"])
    assert "Process died: exitstatus=2 " in server.log
    completed = json.loads(path.read_text())
    assert completed["totals"]["items"] == api.truth["records"]
    assert completed["coverage"]["complete"] is True


def test_a_second_job_of_an_environment_at_the_same_time_is_refused(clone, config, api, tmp_path):
    with deployed(clone, tmp_path / "scrapyd", max_proc=2) as server:
        path = config(rate_limit=5)
        server.schedule("slow", path)
        wait_until(lambda: len(api.requests) > 5)
        server.schedule("second", path)
        server.wait("second")
        assert server.jobs("running") == ["slow"]
        assert " is being crawled by process " in server.job_log("second")
    assert "Process died: exitstatus=1 project='lifestats' spider='lifestats' job='second'" in server.log


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_commands_for_scrapyd_in_the_documentation_work(server, config, api, tmp_path):
    told = (PROJECT / "docs" / "scheduling.md").read_text()
    deploying, scheduled, listed, cancelled = re.findall(r"```sh\n(.*?)```", told, re.DOTALL)[-1].splitlines()
    assert deploying == "scrapyd-deploy"
    path = str(config(rate_limit=5, storage=str(tmp_path / "storage")))
    job = server.run(scheduled.replace("/etc/lifestats/config.yml", path))["jobid"]
    wait_until(lambda: len(api.requests) > 5)
    assert server.run(listed)["running"][0]["id"] == job
    assert server.run(cancelled.replace("JOB", job))["prevstate"] == "running"
    server.wait(job, timeout=10)
    assert list((tmp_path / "storage" / "production").glob("*/report.json"))


def test_a_job_that_cannot_start_says_why_in_its_log(server):
    died = server.log.count("Process died: exitstatus=1 ")
    # Without a file of its own, it reads the one within the egg.
    server.schedule("nowhere", None, "ENV=nowhere")
    server.schedule("mock", None, "ENV=development")
    server.wait("nowhere")
    server.wait("mock")
    assert ".egg/lifestats_crawler/config.yml: has no environment 'nowhere'; it has " in server.job_log("nowhere")
    assert "mock: true needs the repository" in server.job_log("mock")
    wait_until(lambda: server.log.count("Process died: exitstatus=1 ") == died + 2)
