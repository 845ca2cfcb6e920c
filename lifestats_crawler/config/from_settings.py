"""The configuration that Scrapy's settings ask for. The settings are a mapping here: no Scrapy."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifestats_crawler.config import loading
from lifestats_crawler.config.model import Config

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

#: The setting in which the add-on hands on what it has read.
LOADED = "LIFESTATS_LOADED"
#: The setting that says how many requests may be under way at once, at most; None for any number.
AT_ONCE = "LIFESTATS_AT_ONCE"
_PROJECT = Path(__file__).resolve().parent.parent.parent


def environment(settings: Mapping[str, Any]) -> str:
    """Return the environment: ``-s ENV``, else the process environment's, else development."""
    return settings.get("ENV") or os.environ.get("ENV") or "development"


def config_path(settings: Mapping[str, Any]) -> Traversable:
    """Return the config file: ``-s LIFESTATS_CONFIG``, the process environment's, or the project's.

    An egg or a wheel has no project around it, but a copy of its config.yml within: see setup.py.
    """
    chosen = settings.get("LIFESTATS_CONFIG") or os.environ.get("LIFESTATS_CONFIG")
    own, packaged = _PROJECT / "config.yml", files("lifestats_crawler") / "config.yml"
    if chosen:
        return Path(chosen)
    return packaged if packaged.is_file() and not own.is_file() else own


def load_config(settings: Mapping[str, Any], *, is_to_ask: bool = True) -> Config:
    """Return the configuration: as the add-on has read it already, else from the file. Raises ConfigError.

    What does not ask the API needs no value for a ``${VARIABLE}``.
    """
    loaded = settings.get(LOADED)
    if isinstance(loaded, Config):
        return loaded
    return loading.load(config_path(settings), environment(settings), is_to_ask=is_to_ask)
