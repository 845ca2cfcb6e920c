"""Crawlee's HttpCrawler with impit: chains of requests, each of which adds the next, without a limit."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

from crawlee import ConcurrencySettings, Request
from crawlee.crawlers import HttpCrawler, HttpCrawlingContext
from crawlee.http_clients import ImpitHttpClient
from crawlee.storage_clients import MemoryStorageClient

from benchmarks.contestants.counts import Counts, arguments, subsets

_CHAINS = 100


async def crawl(url: str, first: int, last: int) -> Counts:
    """Walk 100 subsets side by side."""
    counts = Counts()
    crawler = HttpCrawler(
        http_client=ImpitHttpClient(),
        storage_client=MemoryStorageClient(),
        configure_logging=False,
        request_handler_timeout=timedelta(minutes=1),
        concurrency_settings=ConcurrencySettings(
            min_concurrency=_CHAINS, desired_concurrency=_CHAINS, max_concurrency=_CHAINS
        ),
    )

    def asked(cursor: int, end: int) -> Request:
        return Request.from_url(f"{url}/foodstats?offset={cursor}&limit=100", user_data={"end": end})

    @crawler.router.default_handler
    async def read(context: HttpCrawlingContext) -> None:
        page = json.loads(await context.http_response.read())
        end = int(context.request.user_data["end"])
        counts.add(page["response"], end)
        following = page["meta"]["next_offset"]
        if following is not None and following < end:
            await context.add_requests([asked(following, end)])

    await crawler.run([asked(begin, end) for begin, end in subsets(first, last, _CHAINS)])
    return counts


def main() -> None:
    """Crawl what the command line says."""
    args = arguments()
    counts = asyncio.run(crawl(args.url, args.first, args.last))
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    counts.write(args.out)


if __name__ == "__main__":
    main()
