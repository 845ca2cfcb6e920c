"""How people call this program, for messages: ``scrapy`` in a clone, ``lifestats`` where it is installed."""

from __future__ import annotations

_is_own = False


def be_own() -> None:
    """Say once, at the very beginning, that this process was started as ``lifestats``."""
    global _is_own  # noqa: PLW0603  # once a process
    _is_own = True


def is_own() -> bool:
    """Tell whether this process was started as ``lifestats``, and not by ``scrapy`` or scrapyd."""
    return _is_own


def called(command: str) -> str:
    """Return how to call a command.

    >>> called("probe"), called("crawl")
    ('scrapy probe', 'scrapy crawl lifestats')
    """
    if _is_own:
        return f"lifestats {command}"
    return "scrapy crawl lifestats" if command == "crawl" else f"scrapy {command}"
