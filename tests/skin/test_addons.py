from __future__ import annotations

import pytest
from scrapy.settings import Settings

from lifestats_crawler.addons import EnvironmentAddon
from lifestats_crawler.config.from_settings import LOADED, load_config
from tests.configurations import write_config


@pytest.fixture
def tuned(tmp_path):
    def tune(settings=None, **changes) -> Settings:
        path = write_config(tmp_path, **changes)
        made = Settings({"ENV": "test", "LIFESTATS_CONFIG": str(path)}, priority="cmdline")
        for name, value in (settings or {}).items():
            made.set(name, value, priority="cmdline")
        EnvironmentAddon.update_pre_crawler_settings(made)
        return made

    return tune


@pytest.mark.parametrize(
    ("changes", "throttled", "most"),
    [
        ({"rate_limit": 100, "subsets": 100}, True, 400),
        ({"rate_limit": 5, "subsets": 100}, True, 100),
        ({"rate_limit": None, "subsets": 7}, False, 7),
    ],
)
def test_what_follows_from_the_rate_and_the_subsets_is_set(tuned, changes, throttled, most):
    settings = tuned(**changes)
    assert settings.getbool("AUTOTHROTTLE_ENABLED") is throttled
    for name in ("CONCURRENT_REQUESTS", "CONCURRENT_REQUESTS_PER_DOMAIN", "AUTOTHROTTLE_TARGET_CONCURRENCY"):
        assert settings.getint(name) == most


def test_the_command_line_wins_and_what_follows_from_it_follows(tuned):
    settings = tuned({"CONCURRENT_REQUESTS": 8, "AUTOTHROTTLE_ENABLED": False}, rate_limit=100)
    assert settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN") == settings.getint("CONCURRENT_REQUESTS") == 8
    assert settings.getfloat("AUTOTHROTTLE_TARGET_CONCURRENCY") == 8
    assert not settings.getbool("AUTOTHROTTLE_ENABLED")


def test_the_configuration_that_was_read_is_handed_on(tuned):
    settings = tuned(subsets=3)
    assert load_config(settings) is settings[LOADED]
    assert settings[LOADED].subsets == 3


def test_a_configuration_that_cannot_be_used_ends_the_process_with_one_line(tuned, tmp_path):
    with pytest.raises(SystemExit) as ended:
        tuned(rate_limit=0)
    told = f"lifestats: {tmp_path / 'config.yml'}, environment test: rate_limit = 0: must be greater than 0"
    assert ended.value.code == told
