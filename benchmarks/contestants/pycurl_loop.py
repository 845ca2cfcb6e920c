"""libcurl's multi interface in a loop: what a core can do, with nothing around it but reading and counting."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pycurl

from benchmarks.contestants.counts import Counts, arguments, subsets

_CHAINS = 100
_WAIT_SECONDS = 1.0


def crawl(url: str, first: int, last: int) -> Counts:
    """Walk 100 subsets side by side."""
    counts, multi = Counts(), pycurl.CurlMulti()
    under_way: dict[Any, tuple[int, BytesIO]] = {}

    def ask(handle: Any, cursor: int, end: int) -> None:
        body = BytesIO()
        handle.setopt(pycurl.URL, f"{url}/foodstats?offset={cursor}&limit=100")
        handle.setopt(pycurl.WRITEDATA, body)
        under_way[handle] = end, body
        multi.add_handle(handle)

    for begin, end in subsets(first, last, _CHAINS):
        ask(pycurl.Curl(), begin, end)
    while under_way:
        multi.perform()
        _, done, failed = multi.info_read()
        if failed:
            raise SystemExit(f"a request failed: {failed[0][2]}")
        for handle in done:
            end, body = under_way.pop(handle)
            multi.remove_handle(handle)
            page = json.loads(body.getvalue())
            counts.add(page["response"], end)
            following = page["meta"]["next_offset"]
            if following is not None and following < end:
                ask(handle, following, end)
        if not done:
            multi.select(_WAIT_SECONDS)
    return counts


def main() -> None:
    """Crawl what the command line says."""
    args = arguments()
    crawl(args.url, args.first, args.last).write(args.out)


if __name__ == "__main__":
    main()
