"""What a life is for: the promise that it may break, and the figures that it adds to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

COUNTER = "values"  # the one counter of every simulated crawl


class BrokenPromiseError(AssertionError):
    """A life in which something was counted wrong, asked too fast, or never ended."""


@dataclass
class Figures:
    """What the lives of a simulation held."""

    lives: int = 0
    crawls: int = 0
    kills: int = 0
    requests: int = 0
    pages: int = 0
    faults: int = 0
    failed_writes: int = 0
    damaged: int = 0
    complete: int = 0
    endings: Counter[str] = field(default_factory=Counter)

    def add(self, other: Figures) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)
