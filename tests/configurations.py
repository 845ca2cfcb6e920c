"""Configurations for tests: one in memory, and one in a file that Scrapy's settings can name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from lifestats_crawler.config.model import Config
from tests.conftest import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

_LEAST = {
    "url": "http://127.0.0.1/x?offset={cursor}&limit={limit}",
    "first_id": 0,
    "last_id": 999,
    "counters": {"colours": {"field": "colour"}},
}


def configured(**changes: Any) -> Config:
    """A configuration of ids 0 to 999 and one counter, with changes."""
    return Config.model_validate(_LEAST | changes)


def write_config(directory: Path, **changes: Any) -> Path:
    """Write config.yml with the project's environment ``test``, but no mock, and with changes."""
    own = yaml.safe_load((PROJECT / "config.yml").read_text())
    section = own["test"] | {"mock": False, "storage": str(directory / "runs")} | changes
    path = directory / "config.yml"
    path.write_text(yaml.safe_dump({"default": own["default"], "test": section}))
    return path
