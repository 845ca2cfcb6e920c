"""Scrapy's settings that a crawl passes over, each with the reason; every other one does what its manual says."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from scrapy.settings import SETTINGS_PRIORITIES, default_settings

from lifestats_crawler import settings as project
from lifestats_crawler.exceptions import ConfigError
from lifestats_crawler.program import called

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

#: A Scrapy setting of ours: the lines that say what was passed over.
LINES = "LIFESTATS_PASSED_OVER"

_RETRIES = "set retries in config.yml"
_REDIRECTS = "redirects are not followed: write the final address into url in config.yml"
_CACHE = "an answer from a cache may be old, and what a run has counted is not requested again anyway"
_DEPTH = "pages have no depth: set first_id and last_id in config.yml"
_TLS = "certificates are always checked, with the protocols and ciphers of Python's ssl module"
_DNS = "names are looked up by the operating system"
_AUTH = "set headers in config.yml: Authorization: Basic ..."
_MAIL = "set notify in config.yml"
_NO_PAGES = "it is for pages of web sites"
_NO_ITEMS = f"a crawl has no items to export, and the report has the counts. Use: {called('report')} --format csv"
_QUEUE = "the frontier of the run decides what is requested, and no request is a duplicate by mistake"

#: Why a setting has no effect.
REASONS = {
    "AWS_ACCESS_KEY_ID": "nothing is exported to S3 by Scrapy",
    "DEPTH_LIMIT": _DEPTH,
    "DEPTH_PRIORITY": _DEPTH,
    "DEPTH_STATS_VERBOSE": _DEPTH,
    "DNSCACHE_ENABLED": _DNS,
    "DNSCACHE_SIZE": _DNS,
    "DNS_RESOLVER": _DNS,
    "DNS_TIMEOUT": _DNS,
    "DOWNLOADER_CLIENTCONTEXTFACTORY": _TLS,
    "DOWNLOADER_CLIENT_TLS_CIPHERS": _TLS,
    "DOWNLOADER_CLIENT_TLS_METHOD": _TLS,
    "DOWNLOAD_BIND_ADDRESS": "the operating system chooses the local address",
    "DOWNLOAD_FAIL_ON_DATALOSS": "a page that was cut short is always requested again",
    "DOWNLOAD_TLS_MAX_VERSION": _TLS,
    "DOWNLOAD_TLS_MIN_VERSION": _TLS,
    "DOWNLOAD_VERIFY_CERTIFICATES": _TLS,
    "DOWNLOAD_WARNSIZE": "set DOWNLOAD_MAXSIZE",
    "DUPEFILTER_CLASS": _QUEUE,
    "DUPEFILTER_DEBUG": _QUEUE,
    "FEEDS": _NO_ITEMS,
    "FEED_URI": _NO_ITEMS,
    "FILES_STORE": "a crawl downloads no files",
    "HTTPAUTH_PASS": _AUTH,
    "HTTPAUTH_USER": _AUTH,
    "HTTPCACHE_ENABLED": _CACHE,
    "HTTPERROR_ALLOWED_CODES": "each status has its meaning for a crawl: docs/faults.md",
    "HTTPERROR_ALLOW_ALL": "each status has its meaning for a crawl: docs/faults.md",
    "HTTPPROXY_ENABLED": "the proxy of the usual environment variables is used in any case",
    "HTTPX_HTTP2_ENABLED": "requests are made with HTTP/1.1",
    "IMAGES_STORE": "a crawl downloads no images",
    "JOBDIR": "the run in the storage is what a crawl continues. Name another run with -a run=NAME",
    "LOGSTATS_INTERVAL": "the log has a line of progress each minute",
    "MEMUSAGE_NOTIFY_MAIL": _MAIL,
    "METAREFRESH_ENABLED": _NO_PAGES,
    "REDIRECT_ENABLED": _REDIRECTS,
    "REDIRECT_MAX_TIMES": _REDIRECTS,
    "REFERER_ENABLED": _NO_PAGES,
    "REFERRER_POLICY": _NO_PAGES,
    "RETRY_ENABLED": _RETRIES,
    "RETRY_EXCEPTIONS": _RETRIES,
    "RETRY_HTTP_CODES": _RETRIES,
    "RETRY_PRIORITY_ADJUST": _RETRIES,
    "RETRY_TIMES": _RETRIES,
    "SCHEDULER": _QUEUE,
    "SCHEDULER_DISK_QUEUE": _QUEUE,
    "SCHEDULER_MEMORY_QUEUE": _QUEUE,
    "SCHEDULER_PRIORITY_QUEUE": _QUEUE,
    "STATSMAILER_RCPTS": _MAIL,
    "TELNETCONSOLE_ENABLED": "it needs the Twisted reactor",
    "URLLENGTH_LIMIT": "the url is what config.yml says",
}

_NUMBERS = [
    "AUTOTHROTTLE_MAX_DELAY",
    "AUTOTHROTTLE_START_DELAY",
    "AUTOTHROTTLE_TARGET_CONCURRENCY",
    "CLOSESPIDER_ERRORCOUNT",
    "CLOSESPIDER_ITEMCOUNT",
    "CLOSESPIDER_PAGECOUNT",
    "CLOSESPIDER_PAGECOUNT_NO_ITEM",
    "CLOSESPIDER_TIMEOUT",
    "CLOSESPIDER_TIMEOUT_NO_ITEM",
    "CONCURRENT_ITEMS",
    "CONCURRENT_REQUESTS",
    "CONCURRENT_REQUESTS_PER_DOMAIN",
    "DOWNLOAD_DELAY",
    "DOWNLOAD_MAXSIZE",
    "DOWNLOAD_TIMEOUT",
    "MEMUSAGE_CHECK_INTERVAL_SECONDS",
    "MEMUSAGE_LIMIT_MB",
    "MEMUSAGE_WARNING_MB",
]
#: What a crawl cannot do without; a value from the command line would take the place of all of it.
_PARTS = ("DOWNLOADER_MIDDLEWARES", "DOWNLOAD_HANDLERS", "EXTENSIONS", "ITEM_PIPELINES", "SPIDER_MIDDLEWARES")


def pass_over(settings: BaseSettings) -> None:
    """Set what is passed over to what it usually is, and keep a line for each. Raises ConfigError."""
    _check(settings)
    lines = []
    for name, reason in REASONS.items():
        usual = getattr(project, name, getattr(default_settings, name, None))
        if is_given(settings, name) and not _is_same(settings[name], usual):
            lines.append(f"The setting {name} has no effect: {reason}")
            settings.set(name, usual, priority=settings.getpriority(name) or 0)
    settings.set(LINES, lines, priority="project")
    for name in _PARTS:
        if (priority := settings.getpriority(name) or 0) > SETTINGS_PRIORITIES["project"]:
            settings.set(name, getattr(project, name) | settings.getdict(name), priority=priority)


def is_given(settings: BaseSettings, name: str) -> bool:
    """Tell whether somebody has given a setting, in settings.py or on the command line."""
    return (settings.getpriority(name) or 0) >= SETTINGS_PRIORITIES["project"]


def _is_same(value: Any, usual: Any) -> bool:
    if isinstance(usual, bool):
        return str(value).lower() in ({"1", "true"} if usual else {"0", "false", "none", ""})
    return str(value) == str(usual) or (not usual and (not value or str(value) in {"0", "None"}))


def _check(settings: BaseSettings) -> None:
    for name in _NUMBERS:
        try:
            is_right = settings.getfloat(name) >= 0
        except (TypeError, ValueError):
            is_right = False
        if not is_right:
            raise ConfigError(f"the setting {name} is {settings[name]!r}. Set a number, 0 or larger")
    level = str(settings["LOG_LEVEL"])
    if level.isdecimal():
        settings.set("LOG_LEVEL", int(level), priority=settings.getpriority("LOG_LEVEL") or 0)
    elif level not in logging.getLevelNamesMapping():
        levels = "DEBUG, INFO, WARNING, ERROR or CRITICAL"
        raise ConfigError(f"the setting LOG_LEVEL is {level!r}. Set {levels}")
