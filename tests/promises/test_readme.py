"""Every command in the README does what it says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest
import yaml

# Not run here: the first is this very test run, the second needs a program that is not ours,
# and the others are the shell's.
NOT_RUN = {"make test", "duckdb", ". .venv/bin/activate", "export"}


def commands(project) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (project / "README.md").read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


@pytest.fixture
def clone(project, tmp_path, start_api):
    """A copy of the project whose production is a mock API."""
    shutil.copytree(
        project,
        tmp_path / "clone",
        ignore=shutil.ignore_patterns(".venv", ".git", "runs", ".*_cache", ".hypothesis"),
    )
    (tmp_path / "clone" / ".venv").symlink_to(sys.prefix)
    with start_api("--first-id=1", "--last-id=500") as api:
        config = yaml.safe_load((project / "config.yml").read_text())
        config["production"] |= {"url": api.url + "/foodstats?offset={cursor}", "first_id": 1, "last_id": 500}
        (tmp_path / "clone" / "config.yml").write_text(yaml.safe_dump(config))
        yield tmp_path / "clone"


@pytest.mark.long
def test_every_command_in_the_readme_works(project, clone, monkeypatch):
    monkeypatch.setenv("PATH", f"{sys.prefix}/bin", prepend=":")
    monkeypatch.setenv("LIFESTATS_TOKEN", "any")
    told = commands(project)
    assert {"make crawl", "make test", "scrapy crawl lifestats -s ENV=production"} <= set(told)
    for command in told:
        if not command.startswith(tuple(NOT_RUN)):
            done = subprocess.run(command, shell=True, cwd=clone, capture_output=True, text=True, check=False)  # noqa: S602
            assert done.returncode == 0, (command, done.stderr)
    for environment in ("development", "production"):
        assert (clone / "runs" / environment / "latest.json").exists()
