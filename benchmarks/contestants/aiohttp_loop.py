"""A hand-written loop: 100 tasks in one process, static subsets, counts in memory. With ``--rate``, paced."""

from __future__ import annotations

import asyncio
import json
from time import monotonic

import aiohttp
import orjson

from benchmarks.contestants.counts import Counts, arguments, subsets
from lifestats_crawler.downloader.pacer import Pacer

_CHAINS = 100


async def main() -> None:
    """Crawl what the command line says."""
    args = arguments("rate", "json")
    loads = json.loads if args.json == "stdlib" else orjson.loads
    pacer = Pacer(float(args.rate)) if args.rate else None
    counts = Counts()

    async def walk(cursor: int | None, end: int) -> None:
        while cursor is not None and cursor < end:
            if pacer:
                await place(pacer)
            async with session.get(f"{args.url}/foodstats?offset={cursor}&limit=100") as answer:
                page = loads(await answer.read())
            counts.add(page["response"], end)
            cursor = page["meta"]["next_offset"]

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(walk(*subset) for subset in subsets(args.first, args.last, _CHAINS)))
    counts.write(args.out)


async def place(pacer: Pacer) -> None:
    """Wait for a place."""
    await asyncio.sleep(pacer.reserve(monotonic()))
    while (wait := pacer.depart(monotonic())) > 0:
        await asyncio.sleep(wait)


if __name__ == "__main__":
    asyncio.run(main())
