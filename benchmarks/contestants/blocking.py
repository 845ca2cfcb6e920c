"""The original's way: 32 processes with a blocking client each, paced by sleeping, if at all."""

from __future__ import annotations

from functools import partial
from multiprocessing import Pool
from time import monotonic, sleep

import requests

from benchmarks.contestants.counts import Counts, arguments, subsets

_PROCESSES = 32


def walk(url: str, pause: float, subset: tuple[int, int]) -> Counts:
    """Walk a subset; ``pause`` seconds from one request to the next."""
    cursor, end = subset
    counts = Counts()
    with requests.Session() as session:
        while cursor is not None and cursor < end:
            asked = monotonic()
            page = session.get(f"{url}/foodstats?offset={cursor}&limit=100", timeout=60).json()
            counts.add(page["response"], end)
            cursor = page["meta"]["next_offset"]
            sleep(max(0.0, asked + pause - monotonic()))
    return counts


def main() -> None:
    """Crawl what the command line says."""
    args = arguments("rate")
    pause = _PROCESSES / float(args.rate) if args.rate else 0.0
    total = Counts()
    with Pool(_PROCESSES) as pool:
        parts = pool.imap_unordered(partial(walk, args.url, pause), subsets(args.first, args.last, _PROCESSES))
        for part in parts:
            for name, counter in part.counters.items():
                total.counters[name].update(counter)
    total.write(args.out)


if __name__ == "__main__":
    main()
