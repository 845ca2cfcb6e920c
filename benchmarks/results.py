"""What a section found out, as text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: A line of a table, by column; every line of a table has the same columns.
Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Options:
    """How much to measure."""

    quick: bool = False
    #: Pages of the long crawl; None for as many as fit into a run.
    pages: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What was promised, and whether it was kept."""

    met: bool
    text: str


@dataclass(frozen=True, slots=True)
class Result:
    """One section: what its table means, the table, and the targets beside it."""

    title: str
    about: str
    rows: list[Row]
    targets: list[Target]
    #: Draws ``docs/<name>.svg``.
    plots: dict[str, Callable[[Path], None]] = field(default_factory=dict)

    def markdown(self, measured: str) -> str:
        """Render the section, without the mark in front of its title; ``measured`` says when, and on what."""
        columns = list(self.rows[0])
        lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *(row.values() for row in self.rows)]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        targets = "\n".join(
            f"- {'Met' if target.met else '**Not met**'}: {target.text}." for target in self.targets
        )
        pictures = "\n".join(f"![{self.title}]({name}.svg)" for name in self.plots)
        parts = (self.title, self.about, table, targets, pictures, measured)
        return "\n\n".join(part for part in parts if part)


def progress(section: str, row: Row) -> None:
    """Say what has just been measured."""
    figures = ", ".join(f"{column}: {value}" for column, value in row.items())
    print(f"{section:>6}  {figures}\n", end="", flush=True)  # noqa: T201  # in one piece, threads share it


def at_least(what: str, value: float, least: float, form: str = ".2f") -> Target:
    """Compare a figure with what it should reach.

    >>> at_least("pages", 3, 4)
    Target(met=False, text='pages: at least 4.00, here 3.00')
    """
    return Target(value >= least, f"{what}: at least {least:{form}}, here {value:{form}}")


def at_most(what: str, value: float, most: float, form: str = ".2f") -> Target:
    """Compare a figure with what it should stay within."""
    return Target(value <= most, f"{what}: at most {most:{form}}, here {value:{form}}")


def ratio(value: float, base: float) -> str:
    """Say how many times ``base`` a value is."""
    return f"{value / base:.2f}"


def exactness(*, is_exact: bool) -> str:
    """Say whether the counts were right: a line that is fast and wrong must show it."""
    return "exact" if is_exact else "**WRONG**"
