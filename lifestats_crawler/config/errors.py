"""Errors of a configuration in one line, for readers who do not know the code."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from lifestats_crawler.config.redaction import without_login

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

_NUMBER_TYPES = {"int_type", "float_type"}
# Octal, hexadecimal, binary and sexagesimal ones.
_ODD_NUMBER = re.compile(r"[-+]?(0[0-9_.]+|0[xXoObB][0-9a-fA-F_]+|[0-9][0-9_]*(:[0-9_]+)+(\.[0-9_]*)?)")


def in_one_line(error: ValidationError, models: Mapping[str, type[BaseModel]]) -> str:
    """Describe the first error: the key, the bad value and what is allowed; and how many more there are.

    ``models`` are the models by the key that they are at, to name the keys that there are.
    """
    # A key that does not exist tells more than the one that is missing because of it.
    details = sorted(error.errors(), key=lambda detail: detail["type"] != "extra_forbidden")
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return _describe(details[0], models) + more


def _describe(detail: ErrorDetails, models: Mapping[str, type[BaseModel]]) -> str:
    key = ".".join(str(part) for part in detail["loc"])
    match detail["type"]:
        case "missing":
            return f"{key} is missing"
        case "model_type" | "dict_type":
            return f"{key} = {detail['input']!r}: must be keys and values"
        case "too_short":
            return f"{key} = {detail['input']!r}: must not be empty"
        case "extra_forbidden":
            return f"{key} = {detail['input']!r}: there is no such key{_nearest(detail['loc'], models)}"
        case "value_error" if not isinstance(detail["input"], str):
            return f"{key} {detail['ctx']['error']}".strip()
    reason = re.sub(r"^(Value error, |\w+ should |)", lambda m: "must " if "should" in m[0] else "", detail["msg"])
    return f"{key} = {_shown(detail['input'])}: {reason}{_hint(detail)}"


def _hint(detail: ErrorDetails) -> str:
    """Say how a number is written, to those who wrote it in a way that YAML 1.1 reads as another one."""
    written = detail["input"]
    if detail["type"] not in _NUMBER_TYPES or not isinstance(written, str) or not _ODD_NUMBER.fullmatch(written):
        return ""
    digits = written.lstrip("+-").lstrip("0_")
    example = digits if re.fullmatch(r"[0-9]+(\.[0-9]*)?", digits) else "1000"
    return f" in plain decimal digits, such as {example}"


def _shown(value: object) -> str:
    return repr(without_login(value) if isinstance(value, str) else value)


def _nearest(location: tuple[int | str, ...], models: Mapping[str, type[BaseModel]]) -> str:
    fields = models[str(location[0]) if len(location) > 1 else ""].model_fields
    near = get_close_matches(str(location[-1]), fields, n=1)
    return f"; did you mean {near[0]}?" if near else f"; the keys are {', '.join(fields)}"
