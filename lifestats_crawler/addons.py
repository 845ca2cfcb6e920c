"""The environment's part of the Scrapy settings: what follows from config.yml."""

from __future__ import annotations

import logging
import os
from importlib import import_module
from importlib.resources import files
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import getproxies

from scrapy.utils.log import configure_logging

from lifestats_crawler.config import model as config
from lifestats_crawler.exceptions import ConfigError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from scrapy.settings import BaseSettings

    from lifestats_crawler.config.model import Config

logger = logging.getLogger(__name__)

_LATENCY = 4  # seconds
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
            _check_packages(chosen)
        except ConfigError as error:
            if settings["LOG_FILE"]:  # scrapyd shows this file, and not what is printed
                configure_logging(dict(settings))
                logger.error("%s", error)  # noqa: TRY400  # the user's mistake: no traceback
            raise SystemExit(f"lifestats: {error}") from None
        settings.set("HTTPPROXY_ENABLED", bool(getproxies()), priority="project")
        # Without a limit the chains are the limit; its timers would only cost time.
        settings.set("AUTOTHROTTLE_ENABLED", chosen.rate_limit is not None, priority="project")
        # One chain waits for one answer at a time, so this is how many of them there can be.
        settings.set("CONCURRENT_REQUESTS", most_chains(chosen), priority="project")
        most = settings.getint("CONCURRENT_REQUESTS")
        settings.set("CONCURRENT_REQUESTS_PER_DOMAIN", most, priority="project")
        # AutoThrottle's delay is latency / target, so rate x latency must stay within the target
        # (Little's law): with all chains in it, it slows down only a server they cannot keep busy.
        settings.set("AUTOTHROTTLE_TARGET_CONCURRENCY", most, priority="project")


def _check_packages(chosen: Config) -> None:
    if chosen.metrics_file is not None or chosen.metrics_port is not None:
        try:
            import_module("lifestats_crawler.extensions.prometheus")
        except ImportError:
            reason = "metrics_file and metrics_port need a package: pip install prometheus-client"
            raise ConfigError(reason) from None


def environment(settings: BaseSettings) -> str:
    """Return the environment: ``-s ENV``, else the process environment's, else development."""
    return settings.get("ENV") or os.environ.get("ENV") or "development"


def config_path(settings: BaseSettings) -> Traversable:
    """Return the config file: ``-s LIFESTATS_CONFIG``, the process environment's, or the project's.

    An egg or a wheel has no project around it, but a copy of its config.yml within: see setup.py.
    """
    chosen = settings.get("LIFESTATS_CONFIG") or os.environ.get("LIFESTATS_CONFIG")
    own, packaged = _PROJECT / "config.yml", files("lifestats_crawler") / "config.yml"
    if chosen:
        return Path(chosen)
    return packaged if packaged.is_file() and not own.is_file() else own


def load_config(settings: BaseSettings, *, is_to_ask: bool = True) -> Config:
    """Read the configuration that the settings ask for. Raises ConfigError.

    What does not ask the API needs no value for a ``${VARIABLE}``.
    """
    return config.load(config_path(settings), environment(settings), is_to_ask=is_to_ask)


def most_chains(chosen: Config) -> int:
    """Return how many chains there may be: enough to hold the rate at a latency of four seconds."""
    return max(chosen.subsets, ceil(_LATENCY * (chosen.rate_limit or 0)))
