"""Time and memory of the merge at the end of a long crawl, beside a Counter over the same segments."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from subprocess import PIPE
from subprocess import run as run_process
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from benchmarks import made
from benchmarks.crawlers import lifestats
from benchmarks.processes import PROJECT, mock
from benchmarks.results import Result, Row, at_most, exactness, progress, ratio
from benchmarks.spaces import even

if TYPE_CHECKING:
    from benchmarks.results import Options

_SEGMENTS, _QUICK_SEGMENTS = 700, 70
_ABOUT = (
    "The task: add up {segments} segments of {keys:,} counts each, skewed, over up to 16 million values, and take"
    " the top 100. The process may use all cores."
)


def run(options: Options) -> Result:
    """Make segments, and merge them twice."""
    number = _QUICK_SEGMENTS if options.quick else _SEGMENTS
    with TemporaryDirectory() as name:
        with mock() as server:
            like = lifestats(find=made.crawled_footer, rate_limit=None).crawl(server, even(20)).found
        made.write_full(Path(name), number, like)
        ours, counter = (_merge(how, name) for how in ("lifestats", "counter"))
    targets = [
        at_most("time over the Counter's", ours["seconds"] / counter["seconds"], 0.25),
        at_most("MB", ours["megabytes"], 700, ".0f"),
    ]
    rows = [_row("lifestats", ours, ours), _row("Counter", counter, ours)]
    return Result("Merge", _ABOUT.format(segments=number, keys=made.KEYS), rows, targets)


def _merge(how: str, directory: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.contestants.merge_segments", how, directory]
    printed = run_process(command, cwd=PROJECT, check=True, stdout=PIPE).stdout  # noqa: S603  # our own
    figures: dict[str, Any] = json.loads(printed)
    progress("merge", _row(how, figures, figures))
    return figures


def _row(name: str, figures: dict[str, Any], ours: dict[str, Any]) -> Row:
    return {
        "merge": name,
        "seconds": f"{figures['seconds']:.1f}",
        "to lifestats": ratio(figures["seconds"], ours["seconds"]),
        "peak memory": f"{figures['megabytes']:.0f} MB",
        "of lifestats": ratio(figures["megabytes"], ours["megabytes"]),
        "values": f"{figures['counts']['distinct']:,}",
        "counts": exactness(is_exact=figures["counts"] == ours["counts"]),
    }
