"""Settings that were meant to be ours: each is refused, and none of Scrapy's is."""

from __future__ import annotations

import pytest
from scrapy.settings import Settings

from lifestats_crawler.config import setting_names
from lifestats_crawler.config.model import Config
from lifestats_crawler.exceptions import ConfigError


@pytest.mark.parametrize(
    ("name", "told"),
    [
        *((name, "Write it as ENV") for name in ("env", "Env", "ENV ", " env")),
        *((name, "Did you mean ENV?") for name in ("EVN", "ENVV", "EN", "ENVIRONMENT", "environment")),
        ("lifestats_config", "Write it as LIFESTATS_CONFIG"),
        ("LIFESTATS-CONFIG", "Write it as LIFESTATS_CONFIG"),
        *((name, "Did you mean LIFESTATS_CONFIG?") for name in ("LIFESTATS_CONFG", "LIFESTAT_CONFIG", "config")),
        ("LIFESTATS_RUN", "The settings of lifestats are ENV and LIFESTATS_CONFIG"),
        ("log_level", "Write it as LOG_LEVEL"),
        ("download-timeout", "Write it as DOWNLOAD_TIMEOUT"),
        *(
            (name, f"is no setting. Set {name.lower()} in config.yml")
            for name in ("rate_limit", "RATE_LIMIT", "url")
        ),
    ],
)
def test_a_setting_that_was_meant_to_be_another_is_refused_with_its_name(name, told):
    with pytest.raises(ConfigError) as refused:
        setting_names.check(Settings({name: "production"}))
    assert repr(name) in str(refused.value)
    assert told in str(refused.value)


def test_scrapys_settings_ours_and_those_of_extensions_are_let_pass():
    settings = Settings({"ENV": "x", "LIFESTATS_CONFIG": "y", "SENTRY_DSN": "z", "PROXY_POOL_ENABLED": "1"})
    settings.setmodule("lifestats_crawler.settings")
    setting_names.check(settings)
    assert not {key.upper() for key in Config.model_fields} & set(settings)


@pytest.mark.parametrize(
    ("name", "variables", "told"),
    [
        ("ENV", ["env"], "'env' has no effect. Did you mean ENV?"),
        ("LIFESTATS_CONFIG", ["Lifestats_Config"], "Did you mean LIFESTATS_CONFIG?"),
        ("LIFESTATS_CONFIG", ["LIFESTATS_CONFG"], "Did you mean LIFESTATS_CONFIG?"),
        ("ENV", ["PATH", "RBENV", "VIRTUAL_ENV", "LIFESTATS_TOKEN"], None),
        ("LIFESTATS_CONFIG", ["LIFESTATS_TOKEN", "LIFESTATS_CONTACT", "CONFIG", "LIFESTATS_STOP_AT"], None),
    ],
)
def test_a_variable_that_was_meant_to_be_ours_is_refused_and_no_other(name, variables, told):
    if told is None:
        setting_names.check_variables(name, variables)
    else:
        with pytest.raises(ConfigError, match=r"has no effect") as refused:
            setting_names.check_variables(name, variables)
        assert told in str(refused.value)
