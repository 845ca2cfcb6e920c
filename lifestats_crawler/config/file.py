"""config.yml as it stands: the keys and values of one environment."""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from typing import TYPE_CHECKING, Any

import yaml

from lifestats_crawler.exceptions import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

_TAG = "tag:yaml.org,2002:"
_NUMBERS = {
    "int": re.compile(r"[-+]?(?:0|[1-9][0-9]*(?:_[0-9]+)*)$"),
    "float": re.compile(r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+|\.(?i:inf|nan))$"),
}


class _Loader(yaml.SafeLoader):
    """Reads numbers as people write them: in decimal digits.

    YAML 1.1 makes 64 of ``0100``, 600 of ``10:00``, and numbers of ``0x1F`` and ``0b11``, too. Here these are
    texts, which the model refuses where a number has to be.
    """

    # Of each first character, what a bare scalar can be.
    yaml_implicit_resolvers = {  # noqa: RUF012  # as PyYAML has it
        first: [(tag, pattern) for tag, pattern in kinds if tag.removeprefix(_TAG) not in _NUMBERS]
        for first, kinds in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


for _name, _pattern in _NUMBERS.items():
    _Loader.add_implicit_resolver(_TAG + _name, _pattern, list("-+.0123456789"))
# Also of ``!!int 0100``.
_Loader.add_constructor(f"{_TAG}int", lambda _, node: int(node.value))

_ENVIRONMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def read(path: Traversable, environment: str) -> dict[str, Any]:
    """Return the section of an environment merged over ``default``. Raises ConfigError."""
    return _merged(_sections(path), path, environment)


def _sections(path: Traversable) -> Mapping[str, Any]:
    try:
        text = _text(path)
        sections = yaml.load(text, Loader=_Loader)  # noqa: S506  # it is a SafeLoader
        twice = _key_given_twice(yaml.compose(text, Loader=_Loader))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(sections, dict):
        raise ConfigError(f"{path}: must have one section per environment, such as `production:`")
    if twice:
        raise ConfigError(f"{path}: {twice}")
    for name in sections:
        if not isinstance(name, str):
            raise ConfigError(f"{path}: section {name!r} is not text in YAML. Put its name in quotes")
    return sections


def _text(path: Traversable) -> str:
    """Read the file as another system's editor may have saved it: with a byte order mark, or in UTF-16."""
    content = path.read_bytes()
    try:
        if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            return content.decode("utf-16")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}: line {line} is not UTF-8. Save the file as UTF-8") from None


def _key_given_twice(node: yaml.Node | None) -> str | None:
    """Say which key a mapping has twice, of which YAML takes the last in silence; None if no one has."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                return f"line {key.start_mark.line + 1}: {key.value} is given twice. Delete one of them"
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else key)
            if twice := _key_given_twice(value):
                return twice
    return None


def _merged(sections: Mapping[str, Any], path: Traversable, environment: str) -> dict[str, Any]:
    names = sorted(str(name) for name in sections if name != "default")
    if environment not in names or not _ENVIRONMENT_NAME.fullmatch(environment):
        raise ConfigError(f"{path}: has no environment {environment!r}; it has {', '.join(names) or 'none'}")
    merged: dict[str, Any] = {}
    for name in ("default", environment):
        section = sections.get(name) or {}
        if not isinstance(section, dict):
            raise ConfigError(f"{path}: section {name} must be keys and values, not {section!r}")
        merged |= section
    return merged
