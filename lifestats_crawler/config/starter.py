"""The config.yml that a user begins with. A test compares its keys and defaults with the model."""

from __future__ import annotations

from importlib.resources import files


def text() -> str:
    """Return a valid configuration, with every key and what it is for."""
    return (files("lifestats_crawler.config") / "starter.yml").read_text(encoding="utf-8")
