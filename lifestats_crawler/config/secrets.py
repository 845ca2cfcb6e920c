"""Values that come from the process environment: looked up at the moment of use, and never shown."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit
from urllib.request import getproxies

from lifestats_crawler.config import proxies as config_proxies
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
    """Return every text that must never be shown: those values, and the logins of the urls and of the proxies.

    A header that holds a value is hidden as a whole, too: the value alone may be too short to be looked for.
    """
    secrets = of(config)
    headers = [fill_in(text, secrets) for text in config.headers.values() if VARIABLE.search(text)]
    named = [url for scheme, url in proxies().items() if scheme != "no"]
    urls = [*(fill_in_url(url, secrets) for url in _asked(config)), *named]
    return [*secrets.values(), *headers, *(form for url in urls for form in _login(url))]


def proxies() -> dict[str, str]:
    """Return the proxies of the usual environment variables, with their logins: for each scheme, and for ``all``.

    ``no`` lists the servers that are asked without a proxy.
    """
    named = getproxies()
    return {scheme: url if scheme == "no" or "://" in url else f"http://{url}" for scheme, url in named.items()}


def without_login(url: str) -> tuple[str, str]:
    """Take the login out of a url; return the url, and what its Authorization header is, empty without a login.

    >>> without_login("http://us%40er:p%3Ass@host/a@b"), without_login("http://host/a@b")
    (('http://host/a@b', 'Basic dXNAZXI6cDpzcw=='), ('http://host/a@b', ''))
    """
    if "@" not in url:
        return url, ""
    scheme, mark, rest = url.partition("://")
    login, at, _ = _authority(url).rpartition("@")
    if not at:
        return url, ""
    return f"{scheme}{mark}{rest[len(login) + 1 :]}", f"Basic {_basic(login)}" if login.strip(":") else ""


def _asked(config: Config) -> list[str]:
    return [config.url, *([config.notify.url] if config.notify else [])]


def _login(url: str) -> Iterator[str]:
    """Yield the password of a url (the user, where that is all), and what a header makes of both.

    A url that is none is taken apart all the same: a password is one also where it was written wrongly.
    """
    login = _authority(url).rpartition("@")[0]
    user, _, password = login.partition(":")
    if login:
        yield from dict.fromkeys([password or user, unquote(password or user)])
        yield _basic(login)


def _authority(url: str) -> str:
    return re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]


def _basic(login: str) -> str:
    """Return what a header makes of a user and a password (RFC 7617, in UTF-8)."""
    user, _, password = login.partition(":")
    return b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()


def fill_in(text: str, secrets: Mapping[str, str]) -> str:
    """Put the values of ``${VARIABLE}`` into a text: at the moment of use, so that none is ever logged."""
    for variable, value in secrets.items():
        text = text.replace(variable, value)
    return text


def fill_in_url(url: str, secrets: Mapping[str, str], safe: str = "") -> str:
    """Put them into a url, quoted but for the characters in ``safe``."""
    return fill_in(url, {variable: quote(value, safe=safe) for variable, value in secrets.items()})


def check(config: Config, place: str) -> None:
    """Raise ConfigError, which begins with ``place``, for a variable that is not set or cannot be used."""
    for key, text in config.templates.items():
        for name in VARIABLE.findall(text):
            value = os.environ.get(name)
            if not value:
                raise ConfigError(f"{place}: {key} needs the environment variable {name}, which is not set")
            if not value.isprintable():
                raise ConfigError(f"{place}: {key}: the environment variable {name} contains a control character")
    _check_proxies(config, place)


def _check_proxies(config: Config, place: str) -> None:
    named, variables = proxies(), of(config)
    for url in _asked(config):
        with suppress(ValueError):  # the client says what is wrong with such a url
            parts = urlsplit(fill_in_url(url, variables))
            if proxy := config_proxies.of(parts.scheme, parts.hostname or "", parts.port, named):
                scheme = parts.scheme if named.get(parts.scheme) else "all"
                config_proxies.check(proxy, f"{place}: the environment variable {scheme}_proxy")
