from __future__ import annotations

from pathlib import Path

import pytest

from lifestats_crawler.config.from_settings import LOADED, config_path, environment, load_config
from lifestats_crawler.exceptions import ConfigError
from tests.configurations import configured, write_config


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in ("ENV", "LIFESTATS_CONFIG"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("settings", "variable", "chosen"),
    [
        ({}, None, "development"),
        ({}, "production", "production"),
        ({"ENV": "test"}, "production", "test"),
        ({"ENV": None}, "production", "production"),
        ({"ENV": "test"}, "", "test"),
        ({"ENV": "test "}, None, "test "),
    ],
)
def test_the_environment_is_that_of_the_settings_else_of_the_process_else_development(
    monkeypatch, settings, variable, chosen
):
    if variable is not None:
        monkeypatch.setenv("ENV", variable)
    assert environment(settings) == chosen


@pytest.mark.parametrize("name", ["ENV", "LIFESTATS_CONFIG"])
@pytest.mark.parametrize("empty", ["", " "])
def test_what_is_given_and_empty_is_refused_as_a_setting_and_as_a_variable(monkeypatch, name, empty):
    monkeypatch.setenv(name, "production")
    with pytest.raises(ConfigError, match=f"the setting {name} is empty"):
        load_config({name: empty})
    monkeypatch.setenv(name, empty)
    with pytest.raises(ConfigError, match=f"the environment variable {name} is empty"):
        load_config({})


def test_a_variable_in_another_case_is_refused_where_nothing_else_is_given(monkeypatch):
    monkeypatch.setenv("env", "production")
    with pytest.raises(ConfigError, match="'env' has no effect"):
        environment({})
    assert environment({"ENV": "test"}) == "test"


def test_the_config_file_is_that_of_the_settings_else_of_the_process_else_the_projects(project, monkeypatch):
    assert config_path({}) == project / "config.yml"
    monkeypatch.setenv("LIFESTATS_CONFIG", "own.yml")
    assert config_path({}) == Path("own.yml")
    assert config_path({"LIFESTATS_CONFIG": "chosen.yml"}) == Path("chosen.yml")


def test_the_configuration_is_read_once_and_handed_on(tmp_path):
    path = write_config(tmp_path, subsets=3)
    settings = {"ENV": "test", "LIFESTATS_CONFIG": str(path)}
    loaded = load_config(settings)
    assert loaded.subsets == 3
    path.unlink()
    assert load_config(settings | {LOADED: loaded}) is loaded
    with pytest.raises(ConfigError, match="No such file"):
        load_config(settings)


def test_what_another_add_on_left_under_the_name_is_no_configuration(tmp_path):
    settings = {"ENV": "test", "LIFESTATS_CONFIG": str(write_config(tmp_path)), LOADED: "configured"}
    assert load_config(settings).counters.keys() == {"foods", "categories"}
    assert configured() != load_config(settings)


def test_who_does_not_ask_the_api_needs_no_value_for_a_variable(tmp_path):
    path = write_config(tmp_path, headers={"A": "${LIFESTATS_UNSET}"})
    settings = {"ENV": "test", "LIFESTATS_CONFIG": str(path)}
    assert load_config(settings, is_to_ask=False).headers == {"A": "${LIFESTATS_UNSET}"}
    with pytest.raises(ConfigError, match="LIFESTATS_UNSET, which is not set"):
        load_config(settings)
