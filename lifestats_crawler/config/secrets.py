"""Values that come from the process environment: looked up at the moment of use, and never shown."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote
from urllib.request import getproxies

from lifestats_crawler.config.values import VARIABLE
from lifestats_crawler.exceptions import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lifestats_crawler.config.model import Config


def of(config: Config) -> dict[str, str]:
    """Return the value of each ``${VARIABLE}`` that a text of the configuration names, by how it is written there.

    Raises KeyError for a variable that is not set; ``check`` comes first.
    """
    names = VARIABLE.findall(" ".join(config.templates.values()))
    return {f"${{{name}}}": os.environ[name] for name in names}


def hidden(config: Config) -> list[str]:
    """Return every text that must never be shown: those values, and the logins of the urls and of the proxies."""
    secrets = of(config)
    asked = [config.url, *([config.notify.url] if config.notify else [])]
    urls = [*(fill_in_url(url, secrets) for url in asked), *proxies().values()]
    return [*secrets.values(), *(form for url in urls for form in _login(url))]


def proxies() -> dict[str, str]:
    """Return the proxy that the usual environment variables name for each scheme, as a url with its login."""
    return {scheme: url if "://" in url else f"http://{url}" for scheme, url in getproxies().items()}


def _login(url: str) -> Iterator[str]:
    """Yield the password of a url (the user, where that is all), and what a header makes of both.

    A url that is none is taken apart all the same: a password is one also where it was written wrongly.
    """
    login = re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0].rpartition("@")[0]
    user, _, password = login.partition(":")
    if login:
        yield from dict.fromkeys([password or user, unquote(password or user)])
        yield b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()


def fill_in(text: str, secrets: Mapping[str, str]) -> str:
    """Put the values of ``${VARIABLE}`` into a text: at the moment of use, so that none is ever logged."""
    for variable, value in secrets.items():
        text = text.replace(variable, value)
    return text


def fill_in_url(url: str, secrets: Mapping[str, str], safe: str = "") -> str:
    """Put them into a url, quoted but for the characters in ``safe``."""
    return fill_in(url, {variable: quote(value, safe=safe) for variable, value in secrets.items()})


def check(config: Config, place: str) -> None:
    """Raise ConfigError, which begins with ``place``, for a variable that is not set or cannot be sent."""
    for key, text in config.templates.items():
        for name in VARIABLE.findall(text):
            value = os.environ.get(name)
            if not value:
                raise ConfigError(f"{place}: {key} needs the environment variable {name}, which is not set")
            if not value.isprintable():
                raise ConfigError(f"{place}: {key}: the environment variable {name} contains a control character")
