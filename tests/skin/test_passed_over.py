"""Which of Scrapy's settings have no effect, and that a line says so."""

from __future__ import annotations

import pytest
from scrapy.settings import Settings, default_settings

from lifestats_crawler import passed_over, settings
from lifestats_crawler.exceptions import ConfigError


def given(**changes) -> Settings:
    made = Settings()
    made.setmodule(settings, priority="project")
    for name, value in changes.items():
        made.set(name, value, priority="cmdline")
    passed_over.pass_over(made)
    return made


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FEEDS", '{"file:///tmp/x.jl": {"format": "jsonlines"}}'),
        ("FEEDS", {"x.csv": {"format": "csv"}}),
        ("JOBDIR", "/tmp/job"),  # noqa: S108  # nothing is written there
        ("DEPTH_LIMIT", "3"),
        ("HTTPCACHE_ENABLED", "1"),
        ("HTTPPROXY_ENABLED", "True"),
        ("RETRY_ENABLED", "0"),
        ("RETRY_TIMES", "10"),
        ("RETRY_HTTP_CODES", "500,502"),
        ("REDIRECT_ENABLED", "False"),
    ],
)
def test_what_has_no_effect_is_set_back_and_said_in_one_line_with_the_reason(name, value):
    made = given(**{name: value})
    usual = getattr(settings, name, getattr(default_settings, name))
    assert made[name] == usual or made.getdict(name) == usual
    assert made[passed_over.LINES] == [f"The setting {name} has no effect: {passed_over.REASONS[name]}"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"DEPTH_LIMIT": "0", "JOBDIR": "", "FEEDS": "{}", "HTTPCACHE_ENABLED": "False", "RETRY_ENABLED": "1"},
        {"CLOSESPIDER_TIMEOUT": "5", "DOWNLOAD_DELAY": "0.5", "USER_AGENT": "x", "LOG_LEVEL": "10"},
    ],
)
def test_what_is_usual_or_works_gets_no_line(changes):
    made = given(**changes)
    assert made[passed_over.LINES] == []
    assert all(made[name] == value for name, value in changes.items() if name in {"DOWNLOAD_DELAY", "USER_AGENT"})


@pytest.mark.parametrize("name", passed_over.REASONS)
def test_each_setting_that_is_passed_over_is_one_of_scrapys(name):
    assert hasattr(default_settings, name)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"DOWNLOAD_TIMEOUT": "long"}, "the setting DOWNLOAD_TIMEOUT is 'long'. Set a number, 0 or larger"),
        ({"CLOSESPIDER_TIMEOUT": "-1"}, "the setting CLOSESPIDER_TIMEOUT is '-1'. Set a number, 0 or larger"),
        ({"LOG_LEVEL": "LOUD"}, "the setting LOG_LEVEL is 'LOUD'. Set DEBUG, INFO, WARNING, ERROR or CRITICAL"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_one_line(changes, told):
    with pytest.raises(ConfigError) as refused:
        given(**changes)
    assert str(refused.value) == told


@pytest.mark.parametrize("name", ["EXTENSIONS", "ITEM_PIPELINES", "DOWNLOADER_MIDDLEWARES"])
def test_components_from_the_command_line_stand_beside_ours(name):
    made = given(**{name: '{"mine.Own": 5}'})
    assert made.getdict(name) == getattr(settings, name) | {"mine.Own": 5}
