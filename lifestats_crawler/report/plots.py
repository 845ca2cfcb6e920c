"""The page's figures, as plotly.js takes them, each with its message in numbers. Pure.

A colour is the name of a CSS variable, which the page replaces with its value: light, dark or print.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import log10
from typing import Any

Figure = dict[str, Any]

LEAST_POINTS = 3  # fewer are no plot: the table says as much
FEW_TICKS = 3  # ticks that an axis should have at least
MANY_RANKS = 10_000
LONG = 10**6  # a number that an axis has no room for
PAUSE = timedelta(seconds=5)  # between two steps: longer ones interrupt the line
_PADDING_SHARE = 0.04  # of an axis, at both ends


def frequency(counter: Figure) -> Figure | None:
    """Draw the counts by rank, both as logarithms; without ``frequency`` those in ``top``. None for few ranks."""
    points = counter.get("frequency") or [[row["rank"], row["count"]] for row in counter["top"]]
    if len(points) < LEAST_POINTS:
        return None
    ranks, counts = [rank for rank, _ in points], [count for _, count in points]
    line = {
        "x": ranks,
        "y": counts,
        "mode": "lines+markers",
        "line": {"color": "--accent", "width": 2},
        "marker": {"color": "--accent", "size": 4},
        "hovertemplate": "rank %{x:,d}: %{y:,d}<extra></extra>",
    }
    x, y = _logarithmic("rank", ranks[0], ranks[-1]), _logarithmic("count", counts[-1], counts[0])
    return {"message": _steps_down(points), "data": [line], "layout": _layout(x, y)}


def pace(steps: list[Figure], limit: float | None) -> Figure | None:
    """Draw the requests per second over time, beside the rate limit. None for a crawl of few steps."""
    steps = [step for step in steps if step["seconds"] > 0]
    if len(steps) < LEAST_POINTS:
        return None
    rates = [step["requests"] / step["seconds"] for step in steps]
    mean = sum(step["requests"] for step in steps) / sum(step["seconds"] for step in steps)
    times, heights = _staircase(steps, rates)
    line = {
        "x": times,
        "y": heights,
        "mode": "lines",
        "line": {"color": "--accent", "width": 2, "shape": "vh"},
        "hovertemplate": "%{x|%H:%M:%S}: %{y:.1f} a second<extra></extra>",
    }
    highest = max(*rates, limit or 0) or 1
    layout = _layout({"type": "date", "nticks": 6}, {"range": [0, highest * 1.2], "nticks": 5})
    if limit:
        layout |= _limit(limit)
    lowest, highest_rate = f"{min(rates):,.1f}", f"{max(rates):,.1f}"
    spread = "all the time" if lowest == highest_rate else f"on average, between {lowest} and {highest_rate}"
    message = f"{mean:,.1f} requests a second {spread}; "
    message += f"the limit is {limit:g}." if limit else "there is no limit."
    return {"message": message, "data": [line], "layout": layout}


def _staircase(steps: list[Figure], rates: list[float]) -> tuple[list[str | None], list[float | None]]:
    """Give each step its begin, too, where it does not follow upon the one before."""
    times: list[str | None] = []
    heights: list[float | None] = []
    before = None
    for step, rate in zip(steps, rates, strict=True):
        end = datetime.fromisoformat(step["at"]).replace(tzinfo=None)
        begin = end - timedelta(seconds=step["seconds"])
        if before is None or begin - before > PAUSE:
            times += [None, begin.isoformat()]
            heights += [None, rate]
        times.append(end.isoformat())
        heights.append(round(rate, 3))
        before = end
    return times[1:], heights[1:]


def _limit(limit: float) -> Figure:
    across = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": limit, "y1": limit}
    label = {
        "xref": "paper",
        "x": 1,
        "y": limit,
        "xanchor": "right",
        "yanchor": "bottom",
        "text": f"limit {limit:g}",
        "showarrow": False,
        "font": {"color": "--warm"},
    }
    return {
        "shapes": [across | {"line": {"color": "--warm", "width": 1.5, "dash": "dash"}}],
        "annotations": [label],
    }


def _steps_down(points: list[list[int]]) -> str:
    """Say the count at the first rank, at one in each order of magnitude (in each other of many), and at the last.

    >>> _steps_down([[1, 1300], [2, 3], [11, 2], [1994, 1]])
    'Rank 1 has 1,300 records, rank 11 has 2, and rank 1,994, the last, has 1.'
    """
    (first, most), *between, (last, least) = points
    step = 100 if last >= MANY_RANKS else 10
    parts = [f"Rank {first:,} has {most:,} record{'s' if most > 1 else ''}"]
    following = step
    for rank, count in between:
        if rank >= following:
            parts.append(f"rank {rank:,} has {count:,}")
            while following <= rank:
                following *= step
    return f"{', '.join(parts)}, and rank {last:,}, the last, has {least:,}."


def _layout(x: Figure, y: Figure) -> Figure:
    axis = {
        "gridcolor": "--line",
        "linecolor": "--line",
        "zeroline": False,
        "fixedrange": True,
        "automargin": True,
        "ticks": "",
    }
    return {
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8},
        "font": {"family": "--font", "size": 12, "color": "--muted"},
        "paper_bgcolor": "--clear",
        "plot_bgcolor": "--clear",
        "hoverlabel": {"bgcolor": "--ground", "bordercolor": "--line", "font": {"color": "--ink"}},
        "showlegend": False,
        "dragmode": False,
        "xaxis": axis | {"showgrid": False, "showline": True} | x,
        "yaxis": axis | y,
    }


def _logarithmic(title: str, low: int, high: int) -> Figure:
    ticks = _ticks(low, high)
    begin, end = log10(low), log10(high)
    margin = max((end - begin) * _PADDING_SHARE, 0.02)
    return {
        "type": "log",
        "title": {"text": f"{title} (logarithmic)", "standoff": 6},
        "range": [begin - margin, end + margin],
        "tickvals": ticks,
        "ticktext": [_short(tick) for tick in ticks],
    }


def _ticks(low: int, high: int) -> list[int]:
    """Return round numbers, evenly far apart as logarithms.

    >>> _ticks(1, 5000), _ticks(3, 60), _ticks(3, 3)
    ([1, 10, 100, 1000], [5, 10, 20, 50], [3])
    """
    for leading in ((1,), (1, 2, 5)):
        ticks = [digit * 10**zeros for zeros in range(len(str(high))) for digit in leading]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= FEW_TICKS:
            return ticks
    return sorted({low, high})


def _short(tick: int) -> str:
    """Write a round number short.

    >>> _short(500), _short(20_000), _short(1_000_000), _short(1234), _short(1_234_567)
    ('500', '20k', '1M', '1,234', '1.23e+06')
    """
    for unit, name in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if tick >= unit and tick % unit == 0:
            return f"{tick // unit}{name}"
    return f"{tick:,}" if tick < LONG else f"{tick:.2e}"
