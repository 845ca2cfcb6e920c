"""The environment's part of the Scrapy settings: what follows from config.yml."""

from __future__ import annotations

import os
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from lifestats_crawler import config
from lifestats_crawler.exceptions import ConfigError

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

    from lifestats_crawler.config import Config

_PROJECT = Path(__file__).resolve().parent.parent


class EnvironmentAddon:
    """Tune Scrapy to the environment that ``ENV`` names.

    An add-on, because ``-s ENV=…`` is not known yet when settings.py is imported. What it sets
    has the priority "project": ``-s`` still wins.
    """

    @classmethod
    def update_pre_crawler_settings(cls, settings: BaseSettings) -> None:
        """Set what depends on the configuration; end the process if that cannot be used."""
        try:
            chosen = load_config(settings)
        except ConfigError as error:
            raise SystemExit(f"lifestats: {error}") from None
        for name, value in settings_for(chosen).items():
            settings.set(name, value, priority="project")


def environment(settings: BaseSettings) -> str:
    """Return the environment: ``-s ENV``, else the process environment's, else development."""
    return settings.get("ENV") or os.environ.get("ENV") or "development"


def config_path(settings: BaseSettings) -> Path:
    """Return the config file: ``-s LIFESTATS_CONFIG``, the process environment's, or the project's."""
    chosen = settings.get("LIFESTATS_CONFIG") or os.environ.get("LIFESTATS_CONFIG")
    return Path(chosen) if chosen else _PROJECT / "config.yml"


def load_config(settings: BaseSettings) -> Config:
    """Read the configuration that the settings ask for. Raises ConfigError."""
    return config.load(config_path(settings), environment(settings))


def settings_for(chosen: Config) -> dict[str, object]:
    """Return the Scrapy settings that follow from a configuration."""
    return {
        # One chain waits for one answer at a time: more slots than chains are never used.
        "CONCURRENT_REQUESTS": chosen.subsets,
        "CONCURRENT_REQUESTS_PER_DOMAIN": chosen.subsets,
        # AutoThrottle's delay is latency / target, so rate x latency must stay within the target
        # (Little's law): with as many as there are chains it slows down only when they cannot keep up.
        "AUTOTHROTTLE_TARGET_CONCURRENCY": max(chosen.subsets, ceil(chosen.rate_limit or 0)),
    }
