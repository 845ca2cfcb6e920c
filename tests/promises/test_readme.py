"""Every command in the README does what it says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest
import yaml

from lifestats_crawler.config import loading as config
from lifestats_crawler.config.model import Config

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


def test_the_example_of_an_api_of_ones_own_can_be_used(project, tmp_path):
    (example,) = re.findall(r"```yaml\n(.*?)```", (project / "README.md").read_text(), re.DOTALL)
    sections = yaml.safe_load((project / "config.yml").read_text()) | yaml.safe_load(example)
    (tmp_path / "config.yml").write_text(yaml.safe_dump(sections))
    loaded = config.load(tmp_path / "config.yml", "production")
    assert (loaded.items, loaded.next, loaded.inclusive) == ("@", None, False)


def test_every_test_that_a_document_names_is_there(project):
    tests = " ".join(path.read_text() for path in (project / "tests").rglob("*.py"))
    for document in (project / "docs").glob("*.md"):
        for name in re.findall(r"`(test_\w+)`", document.read_text()):
            assert f"def {name}(" in tests, (document, name)


def test_the_readme_explains_every_key_of_the_configuration(project):
    table = (project / "README.md").read_text().split("## Configuration")[1].split("## Production")[0]
    explained = set(
        re.findall(r"`(\w+)`", " ".join(line.split("|")[1] for line in table.splitlines() if "|" in line))
    )
    assert set(Config.model_fields) <= explained
