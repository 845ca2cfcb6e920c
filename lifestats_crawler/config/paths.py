"""Paths in config.yml as people write them: with ``~``, ``${NAME}`` or ``$NAME``, or as a ``file:`` url."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLE = re.compile(r"\$(?:\{(?P<braced>[^}]*)\}?|(?P<bare>\w+))")
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):(?=/)")
_TO_BE_SUPPORTED = {"s3", "gs", "az"}


def filled_in(written: str, environ: Mapping[str, str], encoding: str = sys.getfilesystemencoding()) -> str:
    """Return the path of a local file or directory that was written so; ``encoding`` is that of names of files.

    A variable is filled in from ``environ``, ``~`` is the home. Raises ValueError for what names no local path.

    >>> filled_in("$DATA/${WHAT}", {"DATA": "/data", "WHAT": "runs"}), filled_in("file:///data/my%20runs", {})
    ('/data/runs', '/data/my runs')
    """
    path = _VARIABLE.sub(lambda found: _value(found, environ), written)
    if found := _SCHEME.match(path):
        path = _of_url(path, found["scheme"].lower())
    if path.startswith("~"):
        path = _with_home(path, environ)
    if "\0" in path:
        raise ValueError("must not contain a null character")
    try:
        path.encode(encoding, sys.getfilesystemencodeerrors())
    except UnicodeEncodeError:
        raise ValueError(
            f"cannot be a path in this locale, whose encoding is {encoding}: set LC_ALL=C.UTF-8"
        ) from None
    return path


def _value(found: re.Match[str], environ: Mapping[str, str]) -> str:
    name = found["bare"] or found["braced"]
    if not name or not re.fullmatch(r"\w+", name):
        raise ValueError(
            f"contains {found.group()}: the name of a variable has only letters, digits and underscores"
        )
    if not environ.get(name):
        raise ValueError(f"needs the environment variable {name}, which is not set")
    return environ[name]


def _of_url(url: str, scheme: str) -> str:
    if scheme in _TO_BE_SUPPORTED:
        raise ValueError(f"must be a directory of this machine: there is no storage for {scheme}: yet")
    if scheme != "file":
        raise ValueError(f"must be a directory of this machine, not {scheme}:")
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise ValueError("must be written file:///…, with three slashes")
    return unquote(parts.path)


def _with_home(path: str, environ: Mapping[str, str]) -> str:
    if path.split("/", 1)[0] == "~" and environ.get("HOME"):
        return environ["HOME"] + path[1:]
    try:
        return str(Path(path).expanduser())
    except (RuntimeError, KeyError):
        raise ValueError(f"begins with {path.split('/', 1)[0]}, and this process has no such home") from None
