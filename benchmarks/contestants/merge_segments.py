"""Merge a directory of segments, by lifestats or into a Counter, and print the time and the memory of it."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from time import monotonic
from typing import Any

import pyarrow.parquet as pq

from benchmarks.contestants.counts import TOP, ranked
from lifestats_crawler.counting.merge import merge
from lifestats_crawler.storage import segments


def by_lifestats(directory: Path) -> dict[str, Any]:
    """Merge as at the end of a crawl."""
    foods = merge(directory, {"foods": TOP}).counters["foods"]
    top = [list(row) for row in foods.top[:TOP]]
    return {"items": foods.items, "distinct": foods.distinct, "top": top}


def by_counter(directory: Path) -> dict[str, Any]:
    """Add up in a Counter."""
    counter: Counter[int] = Counter()
    for path in segments.paths(directory):
        table = pq.read_table(path, columns=["key", "count"])
        for key, count in zip(table["key"].to_pylist(), table["count"].to_pylist(), strict=True):
            counter[key] += count
    return {"items": counter.total(), "distinct": len(counter), "top": ranked(counter)}


def peak_megabytes() -> float:
    """Return the most memory that this process has had; ``ru_maxrss`` begins with that of its parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def main() -> None:
    """Merge as the first argument says, the directory that is the second."""
    started = monotonic()
    counts = {"lifestats": by_lifestats, "counter": by_counter}[sys.argv[1]](Path(sys.argv[2]))
    figures = {"seconds": monotonic() - started, "megabytes": peak_megabytes(), "counts": counts}
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    main()
