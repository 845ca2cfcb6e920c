from __future__ import annotations

import pytest
import yaml

from lifestats_crawler import config
from lifestats_crawler.exceptions import ConfigError
from lifestats_crawler.ranges import IdRange

GOOD = {
    "url": "http://127.0.0.1:1/things?from={cursor}&limit={limit}",
    "first_id": 1,
    "last_id": 9,
    "counters": {"colours": {"field": "colour", "top": 3}},
}


def write(tmp_path, production, default=None):
    path = tmp_path / "config.yml"
    path.write_text(yaml.safe_dump({"default": GOOD if default is None else default, "production": production}))
    return path


REFUSED = [
    ({"rate_limt": 5}, "rate_limt = 5: there is no such key; did you mean rate_limit?"),
    ({"rate_limit": 0}, "rate_limit = 0: must be greater than 0"),
    ({"rate_limit": "fast"}, "rate_limit = 'fast': must be a valid number"),
    ({"rate_limit": float("nan")}, "rate_limit = nan: must be a finite number"),
    ({"first_id": 10}, "first_id 10 is after last_id 9"),
    ({"first_id": -1}, "first_id = -1: must be greater than or equal to 0"),
    ({"first_id": "1"}, "first_id = '1': must be a valid integer"),
    ({"last_id": 2**63}, f"last_id = {2**63}: must be less than or equal to {2**63 - 2}"),
    ({"subsets": 0}, "subsets = 0: must be greater than or equal to 1"),
    ({"results_per_page": True}, "results_per_page = True: must be a valid integer"),
    ({"mock": "yes please"}, "mock = 'yes please': must be a valid boolean"),
    (
        {"url": "http://127.0.0.1:1/things"},
        "url = 'http://127.0.0.1:1/things': must contain {cursor}, where the id to start from goes",
    ),
    (
        {"url": "http://127.0.0.1:1/{page}/{cursor}"},
        "url = 'http://127.0.0.1:1/{page}/{cursor}':"
        " has {page}; only {cursor}, {limit} and ${VARIABLE} are filled in",
    ),
    (
        {"url": "ftp://127.0.0.1/{cursor}"},
        "url = 'ftp://127.0.0.1/{cursor}': must start with http:// or https://",
    ),
    (
        {"headers": {"Authorization": "Bearer ${LIFESTATS_UNSET}"}},
        "headers.Authorization needs the environment variable LIFESTATS_UNSET, which is not set",
    ),
    ({"counters": {}}, "counters = {}: must not be empty"),
    ({"counters": {"colours": {"top": 3}}}, "counters.colours.field is missing"),
    (
        {"counters": {"colours": {"field": "a[", "top": 3}}},
        "counters.colours.field = 'a[': must be a JMESPath expression"
        " (Invalid jmespath expression: Incomplete expression)",
    ),
    (
        {"counters": {"colours": {"field": "a", "tops": 3}}},
        "counters.colours.tops = 3: there is no such key; did you mean top?",
    ),
    ({"subsets": 0, "spill_every": 0}, "subsets = 0: must be greater than or equal to 1 (and 1 more)"),
]


@pytest.mark.parametrize(("section", "message"), REFUSED, ids=[str(section)[:60] for section, _ in REFUSED])
def test_what_cannot_be_meant_is_refused_in_one_line(tmp_path, section, message):
    path = write(tmp_path, section)
    with pytest.raises(ConfigError) as error:
        config.load(path, "production")
    assert str(error.value) == f"{path}, environment production: {message}"


UNREADABLE = [
    ("", "must have one section per environment, such as `production:`"),
    ("- a", "must have one section per environment, such as `production:`"),
    ("default: {}", "has no environment 'production'; it has none"),
    ("staging: {}\ntest: {}", "has no environment 'production'; it has staging, test"),
    ("production: 5", "section production must be keys and values, not 5"),
    ("default: [1]\nproduction: {}", "section default must be keys and values, not [1]"),
]


@pytest.mark.parametrize(("text", "message"), UNREADABLE)
def test_a_file_of_the_wrong_shape_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "config.yml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        config.load(path, "production")
    assert str(error.value) == f"{path}: {message}"


def test_a_file_that_is_not_there_or_not_yaml_is_refused_in_one_line(tmp_path):
    path = tmp_path / "config.yml"
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory"):
        config.load(path, "production")
    path.write_text("a: [")
    with pytest.raises(ConfigError, match=r"is not YAML: .*line 1") as error:
        config.load(path, "production")
    assert "\n" not in str(error.value)


def test_python_objects_in_yaml_are_refused(tmp_path):
    path = tmp_path / "config.yml"
    path.write_text("production: !!python/object/apply:os.getcwd []")
    with pytest.raises(ConfigError, match="is not YAML"):
        config.load(path, "production")


def test_a_key_of_the_environment_replaces_the_defaults(tmp_path):
    path = write(tmp_path, {"last_id": 5, "counters": {"sizes": {"field": "size"}}})
    loaded = config.load(path, "production")
    assert loaded.space == IdRange(1, 6)
    assert list(loaded.counters) == ["sizes"]
    assert loaded.url == GOOD["url"]


def test_secrets_are_read_from_the_process_environment_and_not_kept_in_the_configuration(tmp_path, monkeypatch):
    monkeypatch.setenv("LIFESTATS_PLANTED", "s3cret")
    path = write(tmp_path, {"headers": {"Authorization": "Bearer ${LIFESTATS_PLANTED}"}})
    loaded = config.load(path, "production")
    assert loaded.secrets == {"${LIFESTATS_PLANTED}": "s3cret"}
    assert "s3cret" not in repr(loaded)
    assert "s3cret" not in loaded.model_dump_json()


def test_the_projects_own_environments_can_be_used(project, monkeypatch):
    monkeypatch.setenv("LIFESTATS_TOKEN", "x")
    for environment in ("development", "test", "production"):
        config.load(project / "config.yml", environment)
