"""A Scrapy spider without any tuning: ``scrapy runspider`` with Scrapy's own default settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapy import Request, Spider

from benchmarks.contestants.counts import Counts, subsets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from scrapy.http import TextResponse

_CHAINS = 100


class PlainSpider(Spider):
    """Static subsets, counts in memory."""

    name = "plain"

    def __init__(self, url: str, out: str, first: str, last: str, **arguments: Any) -> None:
        """Take what ``-a`` gives."""
        super().__init__(**arguments)
        self.url, self.out = url, out
        self.ids = int(first), int(last)
        self.counts = Counts()

    async def start(self) -> AsyncIterator[Request]:
        """Start a chain in each subset."""
        for begin, end in subsets(*self.ids, _CHAINS):
            yield self.ask(begin, end)

    def ask(self, cursor: int, end: int) -> Request:
        """Ask for a page."""
        return Request(f"{self.url}/foodstats?offset={cursor}&limit=100", cb_kwargs={"end": end})

    def parse(self, response: TextResponse, end: int) -> Iterator[Request]:  # type: ignore[override]  # as Scrapy calls it
        """Count a page, and ask for the next."""
        page = response.json()
        self.counts.add(page["response"], end)
        cursor = page["meta"]["next_offset"]
        if cursor is not None and cursor < end:
            yield self.ask(cursor, end)

    def closed(self, _reason: str) -> None:
        """Write the counts."""
        self.counts.write(self.out)
