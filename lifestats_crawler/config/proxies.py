"""Which proxy a request is sent to, and what is sent to it alone. Pure: the variables are an argument."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from lifestats_crawler.exceptions import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PORTS = {"http": 80, "https": 443}


def of(scheme: str, host: str, port: int | None, named: Mapping[str, str]) -> str | None:
    """Return the proxy for a server, None without one. ``named`` is what ``secrets.proxies`` returns."""
    proxy = named.get(scheme) or named.get("all")
    return None if not proxy or is_excepted(host, port or _PORTS.get(scheme), named.get("no", "")) else proxy


def check(proxy: str, place: str) -> None:
    """Raise ConfigError, which begins with ``place`` and hides the login, for a proxy that cannot be asked."""
    scheme, _, rest = proxy.partition("://")
    if scheme.lower() not in _PORTS:
        raise ConfigError(f"{place} names a {scheme}:// proxy. Set the variable to an http:// or https:// proxy")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    if not re.fullmatch(r"(\[[0-9A-Fa-f:.%]+\]|[^\s:\[\]]+)(:\d{1,5})?", host):
        raise ConfigError(f"{place} is not the url of a proxy. Write it as http://user:password@host:port")


def is_excepted(host: str, port: int | None, no_proxy: str) -> bool:
    """Tell whether the variable ``no_proxy`` excepts a host, in any form that administrators write.

    ================================  ============================================================
    ``example.com, .example.com``     this host, and all below it; blanks, commas, semicolons
    ``example.com:8080``              at this port only
    ``*.example.com``, ``10.1.*``     stars stand for anything; ``*`` alone for every host
    ``10.0.0.0/8``, ``fd00::/8``      addresses in a network
    ``[::1]:8080``, ``::1``           addresses of IPv6
    ``<local>``                       names without a dot
    ================================  ============================================================
    """
    name = host.lower().rstrip(".").strip("[]")
    return any(_excepts(entry.lower(), name, port) for entry in re.split(r"[\s,;]+", no_proxy) if entry)


def _excepts(entry: str, host: str, port: int | None) -> bool:
    entry = entry.rpartition("://")[2]
    if _is_network(entry):
        return _is_in(host, entry)
    entry, of = _without_port(entry.rstrip("/"))
    if not entry or (of is not None and of != port):
        return False
    if entry == "<local>":
        return "." not in host and ":" not in host
    suffix = entry.removeprefix("*.").strip(".")
    if "*" in suffix:
        return fnmatchcase(host, suffix) or fnmatchcase(host, f"*.{suffix}")
    return _is_same(host, suffix) or host.endswith(f".{suffix}")


def _without_port(entry: str) -> tuple[str, int | None]:
    """Take the port off an entry.

    >>> _without_port("[::1]:80"), _without_port("::1"), _without_port("a:80"), _without_port("a")
    (('::1', 80), ('::1', None), ('a', 80), ('a', None))
    """
    found = re.fullmatch(r"\[(?P<six>[^\]]*)\](?::(?P<at>\d+))?|(?P<name>[^:]*):(?P<port>\d+)", entry)
    if found is None:
        return entry, None
    port = found["at"] or found["port"]
    return (found["name"] if found["six"] is None else found["six"]), int(port) if port else None


def _is_network(entry: str) -> bool:
    try:
        ip_network(entry, strict=False)
    except ValueError:
        return False
    return "/" in entry


def _is_in(host: str, network: str) -> bool:
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False


def _is_same(host: str, entry: str) -> bool:
    """Compare two names, or two addresses, which can be written in several ways."""
    try:
        return ip_address(host) == ip_address(entry)
    except ValueError:
        return host == entry
