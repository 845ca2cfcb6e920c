"""The command line of the development API."""

from __future__ import annotations

from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser, Namespace
from typing import TYPE_CHECKING

from lifestats_crawler.ranges import IdRange
from mocks.data import Field
from mocks.faults import KINDS
from mocks.injector import demands

if TYPE_CHECKING:
    from collections.abc import Sequence


_FAULT_HELP = f"a share of the requests gets a fault: all, {', '.join(KINDS)}"


def arguments(argv: Sequence[str] | None = None) -> Namespace:
    """Read the command line; the configuration of a crawl has the same words."""
    parser = ArgumentParser(
        "mocks.api",
        description="Serve made-up records page by page, and know the truth about them: /truth, /log, /faults.",
        epilog="Example: python -m mocks.api --last-id 658430692 --latency 0.05 --fault status-503:0.01",
        formatter_class=ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=4567, help="0 for any free port")
    add("--first-id", type=int, default=658330693)
    add("--last-id", type=int, default=658332803, help="inclusive")
    add("--density", type=float, default=0.95, help="share of the ids that exist")
    add("--density-in", type=_dense, action="append", metavar="BEGIN:END:DENSITY", help="another share there")
    add("--hole", type=_hole, action="append", metavar="BEGIN:END", help="no id from BEGIN up to END exists")
    add("--field", type=_field, action="append", metavar="NAME:CARDINALITY", help="dots in NAME nest it")
    add("--seed", type=int, default=0)
    add("--latency", type=float, default=0.0, help="seconds that a page takes")
    add("--jitter", type=float, default=0.0, help="and up to so many seconds more")
    add("--path", default="/foodstats", help="where pages are; every other path has them too")
    add("--cursor-parameter", default="offset", metavar="NAME")
    add("--limit-parameter", default="limit", metavar="NAME")
    add("--max-limit", type=int, default=100, help="most records in a page")
    add("--items", default="response", metavar="KEY", help="where the records are; @ if the body is the list")
    add("--id", default="id", metavar="KEY", help="where a record has its id")
    add("--next", default="meta.next_offset", metavar="KEY", help="where the next cursor is; may be empty")
    add("--exclusive", action="store_true", help="a page starts after the cursor, not at it")
    add("--fault", type=demands, action="append", metavar="KIND:SHARE[:BEGIN:END]", help=_FAULT_HELP)
    add("--fault-limit", type=int, default=3, help="faults per cursor at most; 0 for no bound")
    add("--echo-header", default="", metavar="NAME", help="faults repeat this header and the url")
    add("--until-stdin-closes", action="store_true", help="stop with the process that started it")
    return parser.parse_args(argv)


def _field(text: str) -> Field:
    name, _, cardinality = text.rpartition(":")
    return Field(name, int(cardinality))


def _dense(text: str) -> tuple[IdRange, float]:
    ids, _, density = text.rpartition(":")
    return _hole(ids), float(density)


def _hole(text: str) -> IdRange:
    begin, end = text.split(":")
    return IdRange(int(begin), int(end))
