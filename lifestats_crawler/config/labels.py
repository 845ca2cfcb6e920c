"""Names for values, from a CSV file: a value and its name in each row."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from lifestats_crawler.exceptions import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

_COLUMNS = 2


def read(path: Path) -> dict[str, str]:
    """Return the name of each value, both as they are written. Raises ConfigError for another kind of file."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"labels {path} cannot be read: {error}") from None
    if not rows:
        raise ConfigError(f"labels {path} is empty: it must have a value and its name in each row")
    for number, row in enumerate(rows, 1):
        if len(row) < _COLUMNS:
            raise ConfigError(f"labels {path}, row {number}: must have a value and its name, not {row[0]!r}")
    # Blanks around a value are the spreadsheet's, unless there is a value with them.
    return {value.strip(): name.strip() for value, name, *_ in rows} | {
        value: name.strip() for value, name, *_ in rows
    }
