"""What the README and the documents say is there."""

from __future__ import annotations

import re

import yaml

from lifestats_crawler.config import loading as config
from lifestats_crawler.config.model import Config


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
