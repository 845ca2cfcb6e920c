"""Our settings and variables, written wrongly: such a one chooses nothing, and is never passed over in silence."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from lifestats_crawler.config.model import Config
from lifestats_crawler.exceptions import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ENV, CONFIG = "ENV", "LIFESTATS_CONFIG"
#: Settings in which parts of lifestats hand things on.
INTERNAL = {"LIFESTATS_LOADED", "LIFESTATS_AT_ONCE", "LIFESTATS_PASSED_OVER"}

_OUR_PREFIX = "LIFESTATS_"
_OTHER_WORDS = {
    "ENVIRONMENT": ENV,
    "CONFIG": CONFIG,
    "CONFIG_FILE": CONFIG,
    "CONFIG_PATH": CONFIG,
    "CONFIG_YML": CONFIG,
}
# How alike two names are, from 0 to 1. Two letters of three for ENV; most letters for a long name. A variable may
# well be somebody's own, such as LIFESTATS_CONTACT.
_LIKE_ENV, _LIKE_CONFIG, _LIKE_VARIABLE = 0.66, 0.8, 0.9


def check(settings: Mapping[str, Any]) -> None:
    """Raise ConfigError for a setting that was meant to be one of ours, or a key of config.yml.

    Scrapy's settings in another case are refused, too: nothing reads them.
    """
    for name in settings:
        if name in {ENV, CONFIG, *INTERNAL}:
            continue
        plain = name.strip().upper().replace("-", "_")
        if plain != name and plain in {*settings, ENV, CONFIG}:
            raise ConfigError(f"there is no setting {name!r}. Write it as {plain}")
        if plain.lower() in Config.model_fields:
            raise ConfigError(f"{name!r} is no setting. Set {plain.lower()} in config.yml")
        if meant := _meant(plain):
            raise ConfigError(f"there is no setting {name!r}. Did you mean {meant}?")
        if plain.startswith(_OUR_PREFIX):
            raise ConfigError(f"there is no setting {name!r}. The settings of lifestats are {ENV} and {CONFIG}")


def check_variables(name: str, variables: Iterable[str]) -> None:
    """Raise ConfigError for an environment variable that was meant to be ``name``, which nothing has given."""
    for other in variables:
        plain = other.strip().upper()
        if plain == name or (name == CONFIG and _ratio(plain, name) >= _LIKE_VARIABLE):
            raise ConfigError(f"the environment variable {other!r} has no effect. Did you mean {name}?")


def _meant(plain: str) -> str | None:
    if plain in _OTHER_WORDS:
        return _OTHER_WORDS[plain]
    if _ratio(plain, ENV) >= _LIKE_ENV:
        return ENV
    return CONFIG if _ratio(plain, CONFIG) >= _LIKE_CONFIG else None


def _ratio(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other).ratio()
