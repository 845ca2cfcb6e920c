"""The two pictures: SVG, on white, so that they can be read on a light page and on a dark one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

_COLOURS = ("#0b6e4f", "#c44536")
mpl.use("svg")
# The salt: the same numbers give the same file.
mpl.rcParams |= {"svg.hashsalt": "lifestats", "axes.spines.top": False, "axes.spines.right": False}


def rates(arrivals: Mapping[str, Sequence[float]], limit: float, path: Path) -> None:
    """Draw requests per second over time, each line from its first arrival to its last whole second."""
    with _picture(path) as axes:
        for colour, (name, times) in zip(_COLOURS, arrivals.items(), strict=True):
            since = np.array(times) - times[0]
            counts, _ = np.histogram(since, np.arange(int(since[-1]) + 1))
            axes.stairs(counts, color=colour, linewidth=2, label=f"{name}: done after {since[-1]:.0f} s")
        axes.axhline(limit, color="grey", linestyle=":", label=f"the limit: {limit:g} per second")
        axes.set(xlabel="seconds since the first request", ylabel="requests per second", ylim=(0, limit * 1.4))
        axes.set_title("Half of the records in 5 % of the id space")


def memory(lines: Mapping[str, tuple[Sequence[float], Sequence[float]]], path: Path) -> None:
    """Draw resident memory in MB over pages."""
    with _picture(path) as axes:
        for colour, (name, (pages, megabytes)) in zip(_COLOURS, lines.items(), strict=True):
            axes.plot(pages, megabytes, color=colour, linewidth=2, label=name)
        axes.set(xlabel="pages of 100 records", ylabel="resident memory, MB", xlim=(0, None), ylim=(0, None))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set_title("Memory of a crawl")


@contextmanager
def _picture(path: Path) -> Iterator[Axes]:
    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained", facecolor="white")
    yield axes
    axes.grid(axis="y", alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
