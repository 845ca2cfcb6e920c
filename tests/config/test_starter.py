"""The configuration to begin with: valid, and no second copy of names and defaults that could differ."""

from __future__ import annotations

import re

import pytest
import yaml
from pydantic_core import PydanticUndefined

from lifestats_crawler.config import loading, starter
from lifestats_crawler.config.model import Config, CounterConfig

COMMENTED = re.compile(r"^  # ([a-z_]+): (.*)$", re.MULTILINE)


@pytest.mark.parametrize(("environment", "ids"), [("development", 10_000), ("production", 1_000_000)])
def test_it_can_be_used_as_it_is_written(tmp_path, environment, ids):
    path = tmp_path / "config.yml"
    path.write_text(starter.text(), encoding="utf-8")
    loaded = loading.load(path, environment)
    assert len(loaded.space) == ids
    assert not loaded.mock


def test_every_key_is_there_and_a_key_that_is_not_set_shows_its_default():
    text = starter.text()
    shown = {key: yaml.safe_load(value) for key, value in COMMENTED.findall(text)}
    given = yaml.safe_load(text)["default"]
    assert {*shown, *given} == Config.model_fields.keys()
    assert not shown.keys() & given.keys()
    assert shown == {key: Config.model_fields[key].default for key in shown}
    needed = {key for key, field in Config.model_fields.items() if field.default is PydanticUndefined}
    assert given.keys() == {*needed, "rate_limit"}  # without a limit nobody should begin


def test_every_key_has_a_comment_before_it_and_every_key_of_a_counter_is_named():
    paragraphs = starter.text().partition("\ndevelopment:")[0].split("\n\n")
    for key in Config.model_fields:
        (paragraph,) = (one for one in paragraphs if re.search(rf"^  (# )?{key}:", one, re.MULTILINE))
        assert re.match(r"\s*# (--- )?[A-Z]", paragraph), key
    for key in CounterConfig.model_fields:
        assert re.search(rf"\b{key}\b", starter.text()), key


def test_a_key_without_its_comment_sign_is_a_key(tmp_path):
    path = tmp_path / "config.yml"
    path.write_text(COMMENTED.sub(r"  \1: \2", starter.text()), encoding="utf-8")
    assert loading.load(path, "production") == loading.load(_as_written(tmp_path), "production")


def _as_written(directory):
    path = directory / "written.yml"
    path.write_text(starter.text(), encoding="utf-8")
    return path
