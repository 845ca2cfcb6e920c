"""What the documents name is there, and docs/architecture.md names everything that is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from lifestats_crawler.config import loading as config
from lifestats_crawler.config.model import Config

PROJECT = Path(__file__).resolve().parent.parent.parent
PACKAGE = PROJECT / "lifestats_crawler"
DOCUMENTS = [
    *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
    *sorted((PROJECT / "docs").glob("*.md")),
]
HEADINGS = [
    "Two commands",
    "How a page travels",
    "Your own API in ten minutes",
    "Commands",
    "Configuration",
    "Production",
    "After a crash",
    "The report",
    "Developing",
]
SKIN = {"spiders", "commands", "extensions"}

_FOLDERS = "benchmarks|deploy|docs|lifestats_crawler|mocks|tests"
# A path below one of the folders of the project, or in backticks any path to a kind of file that the project has.
_PATH = re.compile(
    rf"(?<![\w/.<-])((?:{_FOLDERS})/[\w./-]*[\w/])"
    r"|`(\w[\w./-]*\.(?:cfg|conf|in|j2|md|png|py|service|svg|timer|toml|txt|yml))`"
)
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
_MAKE = re.compile(r"(?:`|^)make ([a-z][a-z-]*)", re.MULTILINE)
_TEST = re.compile(r"`(test_\w+)`")
_MODULE = re.compile(r"^\| `([\w/]+\.py)` \|", re.MULTILINE)
_ROOM = re.compile(r"^### `(\w+)/`", re.MULTILINE)


def missing_paths(text: str) -> set[str]:
    """Return the paths that a text names and that are neither in the project nor in its package."""
    named = {path or file for path, file in _PATH.findall(text)}
    return {path for path in named if not (PROJECT / path).exists() and not (PACKAGE / path).exists()}


def missing_links(text: str, folder: Path) -> set[str]:
    return {target for target in _LINK.findall(text) if not (folder / target).exists()}


def missing_targets(text: str) -> set[str]:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    return set(_MAKE.findall(text)) - targets


def missing_tests(text: str) -> set[str]:
    tests = " ".join(path.read_text() for path in (PROJECT / "tests").rglob("*.py"))
    return {name for name in _TEST.findall(text) if f"def {name}(" not in tests}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_names_is_there(document):
    text = document.read_text()
    assert missing_links(text, document.parent) == set()
    assert missing_paths(text) == set()
    assert missing_targets(text) == set()
    assert missing_tests(text) == set()


def test_what_is_not_there_is_noticed():
    text = (
        "`docs/nothing.md` tests/crawl/test_wlak.py `crawl/wlak.py` `setpu.py`, ![x](docs/no.png) [y](../z.md#a)"
    )
    assert missing_paths(text) == {
        "docs/nothing.md",
        "tests/crawl/test_wlak.py",
        "crawl/wlak.py",
        "setpu.py",
        "docs/no.png",
    }
    assert missing_links(text, PROJECT) == {"docs/no.png", "../z.md"}
    assert missing_targets("`make coffee` make sense\nmake tset\nmake test") == {"coffee", "tset"}
    assert missing_tests("`test_that_is_not_there`") == {"test_that_is_not_there"}
    assert not missing_paths("tests/crawl/ `crawl/walk.py` `pyproject.toml` docs/faults.md.")


def test_the_readme_has_its_parts_in_the_order_in_which_a_reader_asks():
    assert re.findall(r"^## (.*)$", (PROJECT / "README.md").read_text(), re.MULTILINE) == HEADINGS


def test_the_architecture_names_every_room_and_every_module():
    text = (PROJECT / "docs" / "architecture.md").read_text()
    modules = [
        path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"
    ]
    assert sorted(_MODULE.findall(text)) == sorted(modules)
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")} - SKIN
    assert sorted(_ROOM.findall(text)) == sorted(rooms)


def test_the_picture_has_the_layers_that_are_checked():
    text = (PROJECT / "docs" / "architecture.md").read_text()
    (contract, *_) = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    picture = text.split("## The picture")[1].split("## ")[0]
    lines = [
        re.sub(r"^    (skin|rooms|ground|) +", "", line)
        for line in picture.splitlines()
        if line.startswith("    ")
    ]
    assert [line for line in lines if not line.startswith("    ---")] == contract["layers"]


def test_the_examples_of_a_configuration_can_be_used(project, tmp_path, monkeypatch):
    example, message = re.findall(r"```yaml\n(.*?)```", (project / "README.md").read_text(), re.DOTALL)
    sections = yaml.safe_load((project / "config.yml").read_text()) | yaml.safe_load(example)
    sections["production"] |= yaml.safe_load(message)
    for name in re.findall(r"\$\{(\w+)\}", message):
        monkeypatch.setenv(name, "x")
    (tmp_path / "config.yml").write_text(yaml.safe_dump(sections))
    loaded = config.load(tmp_path / "config.yml", "production")
    assert (loaded.items, loaded.next, loaded.inclusive) == ("@", None, False)


def test_the_readme_explains_every_key_of_the_configuration(project):
    table = (project / "README.md").read_text().split("## Configuration")[1].split("## Production")[0]
    explained = set(
        re.findall(r"`(\w+)`", " ".join(line.split("|")[1] for line in table.splitlines() if "|" in line))
    )
    assert set(Config.model_fields) <= explained
