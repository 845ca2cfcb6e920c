"""JSON with places left open, for ``%`` to fill in. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_INTEGER = 2**63 - 1
_PLACE = re.compile(r'"%%((?:\(\w+\))?[bd])"(?!:)')


def nested(values: Iterable[tuple[str, object]]) -> dict[str, Any]:
    """Turn dotted names into objects within objects, or raise ValueError where names collide.

    >>> nested([("id", 1), ("food.id", 2), ("food.name", 3)])
    {'id': 1, 'food': {'id': 2, 'name': 3}}
    """
    tree: dict[str, Any] = {}
    for name, value in values:
        *parents, leaf = name.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                raise ValueError(f"{name} cannot be inside {parent}, because {parent} is a value")  # noqa: TRY004  # a wrong option
        if leaf in node or not leaf:
            raise ValueError(f"the key {name!r} is empty or occurs twice")
        node[leaf] = value
    return tree


def template(tree: object) -> bytes:
    """Render a tree as JSON with places left open, for ``%`` to fill in.

    >>> template({"id": "%d", "100%": ["%(records)b"]})
    b'{"id":%d,"100%%":[%(records)b]}'
    """
    text = json.dumps(tree, separators=(",", ":")).replace("%", "%%")
    return _PLACE.sub(r"%\1", text).encode()
