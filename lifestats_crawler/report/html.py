"""A report as one page that needs no network: report.json in, HTML out.

Values come from the API and may be made to harm: they reach the page as escaped text only, and figures hold
none of them.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader

from lifestats_crawler.ending import advice, sentence
from lifestats_crawler.formats import audited, duration, extent, moment, number, percent, plainly, visible
from lifestats_crawler.report import plots
from lifestats_crawler.storage import durable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lifestats_crawler import shapes
    from lifestats_crawler.storage.runs import Run

SCRIPT = f"plotly-{version('plotly')}.min.js"
ROWS = 20  # of a counter, before the rest is folded away
RANGES = 5  # that are missing, likewise
MOST_ROWS = 1000  # of a counter on the page at all: report.json has every one that was asked for
MOST_RANGES = 1000  # on the page at all: report.json has every one
LONG_CHARACTERS = 200  # of a text, before the rest is folded away
CELLS = 240  # of the strip that shows the id space: each can be seen on a phone

_PAGE = "report.html.j2"
_IN_PLOTLY = "package_data", "plotly.min.js"
# Measured: of a page without rows, of a row with its frequency, and of the script.
_PAGE_BYTES, _ROW_BYTES, _SCRIPT_BYTES = 13_000, 260, 4_815_814


def write(run: Run, report: dict[str, Any]) -> None:
    """Write a run's report.html, for whose figures ``write_script`` writes the script. Raises OSError."""
    durable.write(run.page, render(report, f"../{SCRIPT}").encode())


def write_script(directory: Path) -> None:
    """Put the script that draws figures into a directory, if it is not there as a whole. Raises OSError."""
    script, content = directory / SCRIPT, _library().encode()
    if not script.exists() or script.stat().st_size != len(content) or script.read_bytes() != content:
        script.unlink(missing_ok=True)  # a damaged one is of no use
        durable.write(script, content)


def size(directory: Path, rows: int) -> int:
    """Return about how many bytes a run's page takes on disk, with the script if that is not there yet."""
    script = 0 if (directory / SCRIPT).exists() else _SCRIPT_BYTES
    return _PAGE_BYTES + rows * _ROW_BYTES + script


def render(report: dict[str, Any], script: str | None = None) -> str:
    """Return a report as HTML; ``script`` is where the page finds plotly.js, relative to itself.

    Without it plotly.js is in the page, which is then some 5 MB and needs nothing beside it.
    """
    library = None if script else _library()
    return _environment().get_template(_PAGE).render(report, script=script, library=library).lstrip()


def render_diff(document: shapes.Diff) -> str:
    """Return a comparison (see ``comparison.document``) as HTML, without figures."""
    return _environment().get_template("diff.html.j2").render(document).lstrip()


def prepare(run: Run) -> None:
    """Read what a run's page is made with, so that it does not matter if these files change before the end."""
    _environment().get_template(_PAGE)
    if not (run.directory.parent / SCRIPT).exists():
        _library()


@cache
def _library() -> str:
    return files("plotly").joinpath(*_IN_PLOTLY).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    # PackageLoader also reads from an egg that is not unpacked, as scrapyd has it.
    environment = Environment(
        loader=PackageLoader("lifestats_crawler.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # a template of another version does not fit
    )
    formats = (advice, cells, cumulative, duration, integrity, moment, number, percent, plainly, sentence, visible)
    environment.filters |= {function.__name__: function for function in formats}
    environment.globals |= {
        "frequency": plots.frequency,
        "pace_figure": plots.pace,
        "ROWS": ROWS,
        "MOST_ROWS": MOST_ROWS,
        "RANGES": RANGES,
        "audited": audited,
        "extent_of": extent,
        "MOST_RANGES": MOST_RANGES,
        "LONG": LONG_CHARACTERS,
        "CELLS": CELLS,
    }
    return environment


def cumulative(rows: Iterable[dict[str, Any]], items: int) -> list[str]:
    """Return each row's share together with those above it; what is not everything never shows as 100 %.

    >>> cumulative([{"count": 999_999}, {"count": 1}], 1_000_000)
    ['99.999%', '100.000%']
    """
    totals = accumulate(row["count"] for row in rows)
    # Rounded to the six digits of `share` first: the first row's is its share.
    return [percent(min(round(total / items, 6), 1 if total == items else 0.99999)) for total in totals]


def cells(missing: Iterable[tuple[int, int]], first: int, ids: int) -> list[tuple[int, int]]:
    """Return which cells of the strip have missing ids, joined to half-open spans.

    A single id fills its cell: what is missing can be seen, however little it is.

    >>> cells([(0, 1), (50, 100), (999, 1000)], 0, 1000)
    [(0, 1), (12, 24), (239, 240)]
    """
    spans: list[tuple[int, int]] = []
    for begin, end in missing:
        left, right = (begin - first) * CELLS // ids, -((first - end) * CELLS // ids)
        if spans and left <= spans[-1][1]:
            left, right = spans[-1][0], max(right, spans.pop()[1])
        spans.append((left, right))
    return spans


def integrity(script: str) -> str:
    """Return what lets exactly this script run under a Content-Security-Policy, and nothing injected."""
    return f"sha256-{b64encode(sha256(script.encode()).digest()).decode()}"
