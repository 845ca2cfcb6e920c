"""The types of config.yml's values, each with what it allows."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

import jmespath
from jmespath.functions import Functions
from pydantic import AfterValidator, Field

# Ids and keys are stored as int64, and the end of a range is one past its last id.
MAX_ID = 2**63 - 2

VARIABLE = re.compile(r"\$\{(\w+)\}")


def _web(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return value


def _url_template(value: str) -> str:
    _web(value)
    if "{cursor}" not in value:
        raise ValueError("must contain {cursor}, in place of the first id of a page")
    unknown = re.search(r"(?<!\$)\{(?!cursor\}|limit\}).*?\}", value)
    if unknown:
        raise ValueError(f"contains {unknown.group()}; only {{cursor}}, {{limit}} and ${{VARIABLE}} are replaced")
    return _address(value)


def _address(value: str) -> str:
    """Check what is before the path; a part that ``${VARIABLE}`` gives cannot be looked at yet."""
    checked_template(value)
    try:
        parts = urlsplit(VARIABLE.sub("0", value))
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host:
        raise ValueError("has no valid host, or a port above 65535")
    return value


def checked_template(value: str) -> str:
    """Raise ValueError for a ``${…}`` that names no variable."""
    wrong = re.search(r"\$\{(?!\w+\})[^}]*\}?", value)
    if wrong:
        raise ValueError(
            f"contains {wrong.group()}: the name of a variable has only letters, digits and underscores"
        )
    return value


def _header(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be on one line, without control characters")
    return checked_template(value)


def _jmespath(value: str) -> str:
    try:
        unknown = _functions(jmespath.compile(value).parsed) - set(Functions.FUNCTION_TABLE)
    except jmespath.exceptions.JMESPathError as error:
        reason = str(error).splitlines()[0].rstrip(":")
        raise ValueError(f"must be a JMESPath expression ({reason})") from None
    if unknown:
        raise ValueError(f"must be a JMESPath expression; JMESPath has no function {min(unknown)}")
    return value


def _functions(parsed: Any) -> set[str]:
    """Return the names of the functions that an expression calls."""
    own = {parsed["value"]} if parsed["type"] == "function_expression" else set()
    return own.union(*(_functions(child) for child in parsed["children"] if isinstance(child, dict)))


def _counter_name(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    if not value.isprintable():
        raise ValueError("must have only printable characters")
    return value


def _as_written(value: float) -> float:
    return int(value) if value.is_integer() else value


WebAddress = Annotated[str, AfterValidator(_web), AfterValidator(_address)]
UrlTemplate = Annotated[str, AfterValidator(_url_template)]
JMESPath = Annotated[str, AfterValidator(_jmespath)]
CounterName = Annotated[str, AfterValidator(_counter_name)]
Header = Annotated[str, AfterValidator(_header)]
# Beyond these bounds is a slip of the finger, found out before a crawl and not at its end.
Rate = Annotated[float, Field(gt=0, le=1_000_000), AfterValidator(_as_written)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Seconds = Annotated[float, Field(gt=0, le=1_000_000)]
Id = Annotated[int, Field(ge=0, le=MAX_ID)]
