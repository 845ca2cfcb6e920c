"""Every command in the README does what it says: a reader's shell session from the first to the last."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest
import yaml

from tests.promises.conftest import without_downloads

#: The commands that are not run here, each with its reason.
NOT_RUN = {"make test": "it is this very test run"}


def commands(project) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (project / "README.md").read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


@pytest.fixture
def clone(project, tmp_path, start_api):
    """A copy of the project whose production is a mock API."""
    shutil.copytree(
        project,
        tmp_path / "clone",
        ignore=shutil.ignore_patterns(".venv", ".git", "runs", "dist", ".*_cache", ".hypothesis"),
    )
    (tmp_path / "clone" / ".venv").symlink_to(sys.prefix)
    with start_api("--first-id=1", "--last-id=500") as api:
        config = yaml.safe_load((project / "config.yml").read_text())
        config["production"] |= {"url": api.url + "/foodstats?offset={cursor}", "first_id": 1, "last_id": 500}
        (tmp_path / "clone" / "config.yml").write_text(yaml.safe_dump(config))
        yield tmp_path / "clone"


def marked(told: list[str]) -> str:
    """The commands as one session that ends at the first failure, with a line after each that was run."""
    lines = [f"{command}\necho 'done: {number}'" for number, command in enumerate(told) if command not in NOT_RUN]
    return "\n".join(["set -e", *lines])


@pytest.mark.long
def test_every_command_in_the_readme_works(project, clone, tmp_path):
    told = commands(project)
    assert {"make crawl", "make test", "scrapy crawl lifestats -s ENV=production", "make dist"} <= set(told)
    assert NOT_RUN.keys() <= set(told)
    done = subprocess.run(
        ["/bin/sh", "-c", marked(told)],
        cwd=clone,
        # The packages of this test are there for pip and uvx, too: only the wheel itself is installed.
        env=without_downloads(tmp_path) | {"PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    reached = [int(number) for number in re.findall(r"^done: (\d+)$", done.stdout, re.MULTILINE)]
    expected = [number for number, command in enumerate(told) if command not in NOT_RUN]
    failed = told[next(iter(set(expected) - set(reached)), -1)]
    assert (done.returncode, reached) == (0, expected), (failed, done.stderr[-2000:])
    for environment in ("development", "production"):
        assert (clone / "runs" / environment / "latest.json").exists()
