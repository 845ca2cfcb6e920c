"""What a page costs beside its download: decoding, tallying, counting and spilling it, in one thread."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import TYPE_CHECKING

from benchmarks.contestants.counts import FIELDS
from benchmarks.results import Result, Row, at_most, progress, ratio
from benchmarks.spaces import FIRST_ID, PAGE_RECORDS, even
from lifestats_crawler.api.dialect import Dialect
from lifestats_crawler.config.model import Config, CounterConfig
from lifestats_crawler.counting.partial import Partial
from lifestats_crawler.ranges import Coverage, IdRange
from lifestats_crawler.storage import segments
from lifestats_crawler.storage.footers import Footer
from mocks.data import Recipe, Records
from mocks.shape import Asked, Shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.results import Options

_PAGES, _SPILL_EVERY, _ROUNDS = 5_000, 1_000, 3
_ABOUT = (
    f"Processor time for a page of {PAGE_RECORDS} records, medians of {_ROUNDS}, interleaved. The row of"
    f" lifestats includes a segment every {_SPILL_EVERY:,} pages; json.loads is Python's decoder alone."
)

Pages = list[tuple[int, bytes]]


def run(_: Options) -> Result:
    """Count the same pages as often as there are rounds."""
    pages = _pages()
    steps: dict[str, Callable[[Pages], None]] = {"lifestats": _count, "json.loads": _decode}
    laps = [[_milliseconds(step, pages) for step in steps.values()] for _ in range(_ROUNDS)]
    medians = dict(zip(steps, map(median, zip(*laps, strict=True)), strict=True))
    ours = medians["lifestats"]
    rows = [_row(name, milliseconds, ours) for name, milliseconds in medians.items()]
    for row in rows:
        progress("count", row)
    return Result("Counting", _ABOUT, rows, [at_most("ms a page", ours, 0.15, ".3f")])


def _row(name: str, milliseconds: float, ours: float) -> Row:
    return {"what": name, "ms a page": f"{milliseconds:.3f}", "of lifestats": ratio(milliseconds, ours)}


def _pages() -> Pages:
    """Render pages as the mock API does, each with the cursor that asks for it."""
    records, shape = Records(Recipe(FIRST_ID, even(_PAGES).last_id)), Shape()
    cursor: int | None = FIRST_ID
    pages: Pages = []
    while cursor is not None:
        page = records.page(cursor, PAGE_RECORDS)
        pages.append((cursor, shape.body(Asked(cursor, PAGE_RECORDS), page)))
        cursor = page.following
    return pages


def _milliseconds(step: Callable[[Pages], None], pages: Pages) -> float:
    started = process_time()
    step(pages)
    return 1000 * (process_time() - started) / len(pages)


def _count(pages: Pages) -> None:
    config = Config(
        url="http://127.0.0.1/foodstats?offset={cursor}&limit={limit}",
        items="response",
        next="meta.next_offset",
        first_id=FIRST_ID,
        last_id=even(_PAGES).last_id,
        counters={name: CounterConfig(field=field) for name, field in FIELDS.items()},
    )
    dialect, coverage, partial = Dialect(config), Coverage(), Partial(config.counters)
    with TemporaryDirectory() as directory:
        for number, (cursor, body) in enumerate(pages, 1):
            tally = dialect.read(body, IdRange(cursor, config.space.end))
            coverage.add(tally.settles)
            partial.add(tally)
            if partial.pages == _SPILL_EVERY:
                _spill(Path(directory), number, partial)
                partial = Partial(config.counters)


def _spill(directory: Path, number: int, partial: Partial) -> None:
    covers, records_of = zip(*partial.pieces, strict=True)
    space = IdRange(0, covers[-1].end)
    footer = Footer(
        *({}, space, covers, partial.records, partial.pages, partial.pages, 0, {}, "", 0.0), records_of=records_of
    )
    segments.write(directory, number, partial.counts, footer)


def _decode(pages: Pages) -> None:
    for _, body in pages:
        json.loads(body)
