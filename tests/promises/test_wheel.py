"""lifestats without a clone: the wheel and the source archive, and the command that the wheel brings."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from lifestats_crawler import __version__
from lifestats_crawler.__main__ import COMMANDS
from tests.conftest import PROJECT
from tests.promises.conftest import Crawls, assert_exact, environment, wait_until, without_downloads

UV = Path(sys.executable).parent / "uv"
LAST = 3000
# What lies about in a clone, and belongs to nobody else.
LEFT = shutil.ignore_patterns(".venv*", ".git", "runs", "build", "dist", "*.egg-info", "__pycache__", ".*_cache")


def run(*command, seconds: float = 60, **options) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False, **options)


def build(directory: Path) -> None:
    """Build the source archive, and the wheel from that, with what is installed here; then install the wheel."""
    clone = directory / "clone"
    shutil.copytree(PROJECT, clone, ignore=LEFT)
    uv = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "UV_OFFLINE": "1",
        "UV_CACHE_DIR": str(directory / "uv"),
    }
    command = [UV, "build", "--no-build-isolation", "--python", sys.executable, "--out-dir", directory / "dist"]
    done = run(*command, cwd=clone, env=uv)
    assert done.returncode == 0, done.stderr
    (directory / "build.log").write_text(done.stdout + done.stderr)
    (wheel,) = (directory / "dist").glob("*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", directory / "venv")
    python = directory / "venv" / "bin" / "python"
    done = run(UV, "pip", "install", "--no-deps", "--python", python, wheel, env=uv)
    assert done.returncode == 0, done.stderr
    # What lifestats needs is here already: nothing is downloaded.
    (packages,) = (directory / "venv").glob("lib/python*/site-packages")
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib"))


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """A directory with dist/ and a virtual environment that has the wheel: one for all workers."""
    directory = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        directory = directory.parent
    with (directory / "wheel.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / "wheel" / "venv").exists():
            build(directory / "wheel")
    return directory / "wheel"


class Installed(Crawls):
    """``lifestats`` processes, in a directory that has nothing but its config.yml."""

    def __init__(self, directory: Path, program: Path) -> None:
        super().__init__(directory, "production")
        self.program = program

    def lifestats(self, *arguments, **options):
        variables = environment(**options.pop("variables", {}))
        return run(self.program, *arguments, **{"cwd": self.directory, "env": variables} | options)

    def refused(self, *arguments, **options) -> str:
        done = self.lifestats(*arguments, **options)
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith("lifestats: ")
        return line

    @contextmanager
    def started(self, *arguments):
        with subprocess.Popen(
            [self.program, *arguments],
            cwd=self.directory,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()


@pytest.fixture
def installed(built, tmp_path) -> Installed:
    return Installed(tmp_path, built / "venv" / "bin" / "lifestats")


def members(built: Path) -> tuple[set[str], set[str]]:
    """The files of the source archive and of the wheel."""
    (archive,), (wheel,) = (built / "dist").glob("*.tar.gz"), (built / "dist").glob("*.whl")
    with tarfile.open(archive) as source, zipfile.ZipFile(wheel) as package:
        in_source = {member.name.partition("/")[2] for member in source.getmembers() if member.isfile()}
        return in_source, set(package.namelist())


def test_building_warns_of_nothing(built):
    log = (built / "build.log").read_text()
    # Said where the environment has Python write no bytecode.
    told = [line for line in log.splitlines() if "byte-compiling is disabled" not in line]
    assert not [line for line in told if re.search("warning|deprecat", line, re.IGNORECASE)]


def test_the_wheel_has_the_package_and_the_source_archive_all_that_the_tests_need(built):
    source, package = members(built)
    own = {str(path.relative_to(PROJECT)) for path in PROJECT.glob("lifestats_crawler/**/*") if path.is_file()}
    own = {name for name in own if "__pycache__" not in name}
    information = {name for name in package if ".dist-info/" in name}
    assert package - information == own | {"lifestats_crawler/config.yml"}
    folders = ("tests", "mocks", "docs", "deploy", "benchmarks")
    others = {
        str(path.relative_to(PROJECT))
        for name in folders
        for path in (PROJECT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert own | others | {"Makefile", "README.md", "LICENSE", "setup.py", "requirements-dev.txt"} <= source


def test_the_source_archive_can_run_its_tests(built, tmp_path):
    (archive,) = (built / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as source:
        source.extractall(tmp_path, filter="data")
    (directory,) = tmp_path.iterdir()
    tests = ["tests/repository/test_documents.py", "tests/config/test_starter.py", "tests/storage/test_footers.py"]
    done = run(sys.executable, "-m", "pytest", "--numprocesses=0", *tests, cwd=directory, seconds=120)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_the_description_has_the_readme_and_no_link_that_leads_nowhere(built):
    (wheel,) = (built / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as package:
        (name,) = (name for name in package.namelist() if name.endswith("/METADATA"))
        text = package.read(name).decode()
    assert f"\nVersion: {__version__}\n" in text
    assert "\n## Configuration\n" in text
    assert [target for target in re.findall(r"\]\(([^)]*)\)", text) if "://" not in target] == []


def test_help_lists_the_commands_and_each_has_its_own(installed):
    done = installed.lifestats("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"^  (\w+) ", done.stdout, re.MULTILINE) == list(COMMANDS)
    assert installed.lifestats("--version").stdout == f"lifestats {__version__}\n"
    for command in COMMANDS:
        told = installed.lifestats(command, "--help").stdout
        assert f"Example: lifestats {command}" in told
        assert "scrapy " not in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "name a command: init, probe, plan, crawl, runs, report, diff"),
        (["crwal"], "there is no command 'crwal'. Did you mean crawl?"),
        (["startproject", "x"], "there is no command 'startproject'."),
        (["--hlep"], "there is no option '--hlep'."),
        (["-s", "ENV=production", "crawl"], "there is no option '-s'."),
        (["plan", "--jsno"], "there is no option '--jsno'. Did you mean --json?"),
        (["crawl", "--sett", "ENV=production"], "there is no option '--sett'. Did you mean --set?"),
        (["crawl", "-S", "ENV=production"], "there is no option '-S'."),
        (["report", "--top", "ten"], "argument --top: invalid int value: 'ten'"),
        (["report", "a", "b"], "give at most one RUN"),
        (["diff", "a"], "give two runs: lifestats diff EARLIER LATER"),
        (["plan", "-s", "ENV"], "Invalid -s value"),
        (["crawl", "-a", "run"], "Invalid -a value"),
        (["init", "nonsense"], "unexpected argument 'nonsense'. Example: lifestats init"),
    ],
)
def test_a_command_line_that_cannot_be_is_one_line_with_status_1(installed, arguments, told):
    assert told in installed.refused(*arguments)


def test_without_a_config_file_each_command_names_init_and_with_one_init_replaces_nothing(installed):
    for command in ("crawl", "probe", "plan", "runs", "report", "diff"):
        runs = ["a", "b"] if command == "diff" else []
        line = installed.refused(command, *runs)
        assert f"there is no config.yml in {installed.directory}. Write one with lifestats init" in line
    assert installed.lifestats("init").returncode == 0
    written = installed.config.read_bytes()
    assert installed.lifestats("plan").returncode == 0
    installed.config.write_bytes(written + b"# mine\n")
    assert "is there already" in installed.refused("init")
    assert installed.config.read_bytes() == written + b"# mine\n"
    installed.config.rename(installed.directory / "other.yml")
    assert installed.lifestats("plan", "-s", "LIFESTATS_CONFIG=other.yml").returncode == 0
    assert {path.name for path in installed.directory.iterdir()} == {"other.yml"}


def test_a_directory_that_takes_no_file_is_one_line(installed):
    # Nobody may write to /proc, not even root.
    line = installed.refused("init", cwd="/proc")
    assert line.startswith("lifestats: /proc/config.yml cannot be written: ")


def test_the_settings_that_choose_are_checked_as_with_scrapy(installed):
    installed.lifestats("init")
    assert "there is no setting 'env'" in installed.refused("crawl", "-s", "env=production")
    assert "the setting ENV is empty" in installed.refused("crawl", "-s", "ENV=")
    assert "has no environment 'test'; it has development, production" in installed.refused(
        "plan", "-s", "ENV=test"
    )


def test_an_account_without_a_home_and_a_name_can_use_it(installed):
    # A user of a number that no name has, to whom all files belong that are ours.
    stranger = ["unshare", "--user", "--map-user=1000660000"]
    if not shutil.which("unshare") or run(*stranger, "true").returncode:
        pytest.skip("unshare (util-linux) may not make a user namespace here")
    installed.lifestats("init")
    done = run(*stranger, installed.program, "plan", cwd=installed.directory, env={"PATH": "/usr/bin:/bin"})
    assert (done.returncode, done.stderr) == (0, "")


def described(text: str, url: str) -> str:
    """What a user writes into the configuration to begin with, for the mock API."""
    edits = {
        'url: "https://api.example.com/v1/records?offset={cursor}&limit={limit}"': f'url: "{url}"',
        '# items: "@"': "items: response",
        "# next: null": "next: meta.next_offset",
        "kinds: {field: kind, top: 100}": f"foods: {{field: food_id, top: {LAST}}}",
        "last_id: 1000000": f"last_id: {LAST}",
        "rate_limit: 10": "rate_limit: 400",
        "# results_per_page: 100": "results_per_page: 10",
        "# spill_every: 1000": "spill_every: 5",
    }
    for written, instead in edits.items():
        assert text.count(f"  {written}\n") == 1, written
        text = text.replace(f"  {written}\n", f"  {instead}\n")
    return text


def test_a_crawl_with_the_written_configuration_is_killed_and_continued_and_exact(installed, start_api):
    with start_api(ids=LAST, first=1) as api:
        installed.lifestats("init")
        installed.config.write_text(described(installed.config.read_text(), api.space["url"]))
        arguments = ["crawl", "-s", "ENV=production", "-a", "run=first"]
        with installed.started(*arguments) as process:
            wait_until(lambda: len(installed.segments()) > 2, process)
            process.send_signal(signal.SIGKILL)
        done = installed.lifestats(*arguments)
        assert done.returncode == 0, done.stderr
        assert_exact(installed.report(), api.truth)
        again = installed.lifestats("crawl", "-s", "ENV=production", "-s", "CLOSESPIDER_PAGECOUNT=5")
        assert (again.returncode, "INCOMPLETE" in again.stdout) == (2, True)
    assert json.loads(installed.lifestats("runs", "--json").stdout)["runs"][-1]["run"] == "first"
    shown = installed.lifestats("report", "first", "-s", "ENV=production")
    assert (shown.returncode, "\nComplete: " in shown.stdout) == (0, True)
    compared = installed.lifestats("diff", "first", installed.runs()[0], "-s", "ENV=production")
    assert compared.returncode == 0, compared.stderr


def test_uvx_runs_the_wheel(built, tmp_path):
    (wheel,) = (built / "dist").glob("*.whl")
    done = run(UV.with_name("uvx"), "--from", wheel, "lifestats", "--help", env=without_downloads(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: lifestats COMMAND")
