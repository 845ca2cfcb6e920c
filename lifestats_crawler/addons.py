"""The environment's part of the Scrapy settings: what follows from config.yml."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING

from scrapy.utils.log import configure_logging

from lifestats_crawler import passed_over
from lifestats_crawler.config.from_settings import AT_ONCE, LOADED, load_config
from lifestats_crawler.crawl.growth import most_chains
from lifestats_crawler.exceptions import ConfigError

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

    from lifestats_crawler.config.model import Config

logger = logging.getLogger(__name__)


class EnvironmentAddon:
    """Tune Scrapy to the environment that ``ENV`` names.

    An add-on, because ``-s ENV=…`` is not known yet when settings.py is imported. What it sets
    has the priority "project": ``-s`` still wins.
    """

    @classmethod
    def update_pre_crawler_settings(cls, settings: BaseSettings) -> None:
        """Set what depends on the configuration; end the process if that cannot be used."""
        try:
            passed_over.pass_over(settings)
            chosen = load_config(settings)
            _check_packages(chosen)
        except ConfigError as error:
            if settings["LOG_FILE"]:  # scrapyd shows this file, and not what is printed
                configure_logging(dict(settings))
                logger.error("%s", error)  # noqa: TRY400  # the user's mistake: no traceback
            raise SystemExit(f"lifestats: {error}") from None
        settings.set(LOADED, chosen, priority="project")
        settings.set(AT_ONCE, _at_once(settings), priority="project")
        # Without a limit the chains are the limit; its timers would only cost time.
        settings.set("AUTOTHROTTLE_ENABLED", chosen.rate_limit is not None, priority="project")
        # One chain waits for one answer at a time, so this is how many of them there can be.
        settings.set("CONCURRENT_REQUESTS", most_chains(chosen), priority="project")
        most = settings.getint("CONCURRENT_REQUESTS")
        settings.set("CONCURRENT_REQUESTS_PER_DOMAIN", most, priority="project")
        # AutoThrottle's delay is latency / target, so rate x latency must stay within the target
        # (Little's law): with all chains in it, it slows down only a server they cannot keep busy.
        settings.set("AUTOTHROTTLE_TARGET_CONCURRENCY", most, priority="project")

    def update_settings(self, settings: BaseSettings) -> None:
        """Say what of Scrapy's settings has no effect, once there is a log to say it in."""
        for line in settings[passed_over.LINES] or []:
            logger.warning("%s", line)


def _at_once(settings: BaseSettings) -> int | None:
    """Return how many requests somebody wants to be under way at once, at most; None where nobody says so."""
    names = ("CONCURRENT_REQUESTS", "CONCURRENT_REQUESTS_PER_DOMAIN")
    return min((settings.getint(name) for name in names if passed_over.is_given(settings, name)), default=None)


def _check_packages(chosen: Config) -> None:
    if chosen.metrics_file is not None or chosen.metrics_port is not None:
        try:
            import_module("lifestats_crawler.extensions.prometheus")
        except ImportError:
            reason = "metrics_file and metrics_port need a package: pip install prometheus-client"
            raise ConfigError(reason) from None
