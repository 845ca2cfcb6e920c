"""Who may import whom: the contracts of pyproject.toml hold, and each notices what it is for."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT

LAYERS, CIRCLES, SKIN = (
    "Each room imports only rooms below it: docs/architecture.md",
    "No circle within a room",
    "Scrapy and Twisted are for the skin only",
)


def broken(directory: Path) -> set[str]:
    """The contracts of a project that its package breaks."""
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=directory,
        env={"COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    judged = dict(re.findall(r"^(.+?) (KEPT|BROKEN)\b", done.stdout, re.MULTILINE))
    assert judged.keys() == {LAYERS, CIRCLES, SKIN}, done.stdout + done.stderr
    found = {name for name, verdict in judged.items() if verdict == "BROKEN"}
    assert (done.returncode == 0) is (not found)
    return found


@pytest.fixture
def copy(tmp_path):
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    shutil.copytree(
        PROJECT / "lifestats_crawler", tmp_path / "lifestats_crawler", ignore=shutil.ignore_patterns("__pycache__")
    )
    return tmp_path


def test_no_module_imports_what_is_above_it():
    assert broken(PROJECT) == set()


@pytest.mark.parametrize(
    ("module", "line", "breaks"),
    [
        ("api/answers", "import scrapy", {SKIN}),
        ("ranges", "from twisted.internet import defer", {SKIN}),
        ("storage/lock", "from lifestats_crawler.preflight import plan", {LAYERS, CIRCLES}),
        ("items", "if TYPE_CHECKING: from lifestats_crawler.config.model import Config", {LAYERS}),
        ("crawl/breaker", "from lifestats_crawler.counting import partial", {LAYERS}),
        ("crawl/density", "from lifestats_crawler.crawl import frontier", {CIRCLES}),
        ("helpers", "", {LAYERS}),
    ],
)
def test_an_import_that_must_not_be_breaks_the_contract_that_forbids_it(copy, module, line, breaks):
    with (copy / "lifestats_crawler" / f"{module}.py").open("a") as file:
        file.write(f"\nfrom typing import TYPE_CHECKING\n{line}\n")
    assert broken(copy) == breaks
