"""The configuration that Scrapy's settings ask for. The settings are a mapping here: no Scrapy."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lifestats_crawler import program
from lifestats_crawler.config import loading, setting_names
from lifestats_crawler.config.model import Config
from lifestats_crawler.config.setting_names import CONFIG, ENV
from lifestats_crawler.exceptions import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

#: The setting in which the add-on hands on what it has read.
LOADED = "LIFESTATS_LOADED"
#: The setting that says how many requests may be under way at once, at most; None for any number.
AT_ONCE = "LIFESTATS_AT_ONCE"
_PROJECT = Path(__file__).resolve().parent.parent.parent


def environment(settings: Mapping[str, Any]) -> str:
    """Return the environment: ``-s ENV``, else the process environment's, else development.

    Raises ConfigError for one that is given and empty, as that of an unset variable is.
    """
    return _given(settings, ENV, "name an environment, such as production") or "development"


def config_path(settings: Mapping[str, Any]) -> Traversable:
    """Return the config file: ``-s LIFESTATS_CONFIG``, the process environment's, or the program's.

    That of ``lifestats`` is in the current directory, and that of ``scrapy`` in the project. An egg has no project
    around it, but a copy of its config.yml within: see setup.py. Raises ConfigError for an empty name.
    """
    own, packaged = _PROJECT / "config.yml", files("lifestats_crawler") / "config.yml"
    if chosen := _given(settings, CONFIG, "name a file"):
        return Path(chosen)
    if program.is_own():
        return Path("config.yml").absolute()
    return packaged if packaged.is_file() and not own.is_file() else own


def load_config(settings: Mapping[str, Any], *, is_to_ask: bool = True) -> Config:
    """Return the configuration: as the add-on has read it already, else from the file. Raises ConfigError.

    What does not ask the API needs no value for a ``${VARIABLE}``.
    """
    loaded = settings.get(LOADED)
    if isinstance(loaded, Config):
        return loaded
    setting_names.check(settings)
    name, path = environment(settings), config_path(settings)
    if program.is_own() and path == Path("config.yml").absolute() and not path.is_file():
        other = f"or name another file: -s {CONFIG}=FILE"
        raise ConfigError(
            f"there is no config.yml in {Path.cwd()}. Write one with {program.called('init')}, {other}"
        )
    return loading.load(path, name, is_to_ask=is_to_ask)


def _given(settings: Mapping[str, Any], name: str, advice: str) -> str | None:
    """Return what a setting says, else the environment variable of its name; None where neither is given."""
    if (setting := settings.get(name)) is not None:
        value, what = str(setting), f"the setting {name}"
    elif (variable := os.environ.get(name)) is not None:
        value, what = variable, f"the environment variable {name}"
    else:
        setting_names.check_variables(name, os.environ)
        return None
    if not value.strip():
        raise ConfigError(f"{what} is empty: {advice}. A variable in the command may not be set")
    return value
