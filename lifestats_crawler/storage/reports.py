"""Reports as they are stored: report.json of a run, and latest.json of an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from lifestats_crawler.exceptions import StorageError

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = "lifestats.report/1"

Report = dict[str, Any]


def dump(document: object) -> bytes:
    """Write JSON as reports have it."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def load(path: Path) -> Report:
    """Read a report. Raises StorageError for a file that is none."""
    try:
        report: Report = orjson.loads(path.read_bytes())
        if report["schema"] != SCHEMA:
            raise StorageError(f"{path} is not a report: its schema is {report['schema']}, not {SCHEMA}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{path} is not a report: {error}") from None
    return report


def load_if_any(path: Path) -> Report | None:
    """Read a report, None where there is none. Raises StorageError for a file that is none, or cannot be read."""
    return load(path) if path.exists() else None
