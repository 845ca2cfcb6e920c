"""What each of the Scrapy settings of lifestats gains: its speed without a limit when one is as by default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.crawlers import Contestant, configured, lifestats
from benchmarks.results import Result, Row, ratio
from benchmarks.speed import Entry, measured

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.results import Options
    from benchmarks.spaces import Space

_PAGES, _QUICK_PAGES = 8_000, 1_000
_DEFAULTS = {
    "CONCURRENT_ITEMS": "100",
    "ASYNCIO_EVENT_LOOP": "asyncio.SelectorEventLoop",
    "DOWNLOADER_MIDDLEWARES": "{}",
    "SPIDER_MIDDLEWARES": "{}",
    "LOG_FORMATTER": "scrapy.logformatter.LogFormatter",
}
_ABOUT = (
    "As above: no limit, one core. Each row is lifestats with Scrapy's default for one setting. A value below 1"
    " shows how much the setting of lifestats gains. Differences of a few hundredths are noise. settings.py has"
    " the reason for each setting."
)


def run(options: Options) -> Result:
    """Take one setting back at a time."""
    pages = _QUICK_PAGES if options.quick else _PAGES
    entries = [Entry(lifestats(rate_limit=None), pages)]
    entries += [Entry(_with_default(name, value), pages) for name, value in _DEFAULTS.items()]
    measured(entries, 1 if options.quick else 3)
    return Result("Tuning", _ABOUT, [_row(entry, entries[0]) for entry in entries], [])


def _row(entry: Entry, ours: Entry) -> Row:
    return {
        "setting as by default": "none" if entry is ours else f"`{entry.contestant.name}`",
        "pages/s": f"{entry.pages_per_second:,.0f}",
        "to lifestats": ratio(entry.pages_per_second, ours.pages_per_second),
        "ms a page": f"{entry.milliseconds:.2f}",
    }


def _with_default(setting: str, value: str) -> Contestant:
    def command(directory: Path, url: str, space: Space) -> list[str]:
        return [*configured(directory, url, space, rate_limit=None), "-s", f"{setting}={value}"]

    return Contestant(setting, command, lifestats().find)
