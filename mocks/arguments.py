"""The command line of the development API."""

from __future__ import annotations

from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser, ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Any, TypeVar

from lifestats_crawler.ranges import IdRange
from mocks.data import Field
from mocks.faults import KINDS
from mocks.injector import demands

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


_FAULT_HELP = (
    "give a SHARE of the requests a fault; with BEGIN and END, only requests with a cursor from BEGIN up to END."
    f" KIND is all, or one of {', '.join(KINDS)}"
)

Value = TypeVar("Value")


def arguments(argv: Sequence[str] | None = None) -> Namespace:
    """Read the command line; the configuration of a crawl has the same words."""
    parser = ArgumentParser(
        "mocks.api",
        description="Serve made-up records page by page. /truth counts them exactly, /log lists the requests,"
        " and /faults counts the faults.",
        epilog="Example: python -m mocks.api --last-id 658430692 --latency 0.05 --fault status-503:0.01",
        formatter_class=ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="the address to listen on")
    add("--port", type=int, default=4567, help="the port to listen on; 0: any free port")
    add("--first-id", type=int, default=658330693, help="the first id of the id space")
    add("--last-id", type=int, default=658332803, help="the last id of the id space")
    add("--density", type=float, default=0.95, help="share of the ids that exist")
    form = "BEGIN:END:DENSITY"
    add("--density-in", **_several(_dense, form), help="the share of the ids from BEGIN up to END that exist")
    add("--hole", **_several(_hole, "BEGIN:END"), help="no id from BEGIN up to END exists")
    form = "NAME:CARDINALITY"
    add("--field", **_several(_field, form), help="a field and how many values it has; dots in NAME nest it")
    add("--seed", type=int, default=0, help="another seed makes other records")
    add("--latency", type=float, default=0.0, help="seconds from a request to its answer")
    add("--jitter", type=float, default=0.0, help="add up to this many seconds to the latency, at random")
    add(
        "--path", default="/foodstats", help="ignored: the mock gives pages on all paths but /truth, /log, /faults"
    )
    add("--cursor-parameter", default="offset", metavar="NAME", help="the query parameter of the cursor")
    add("--limit-parameter", default="limit", metavar="NAME", help="the query parameter of the page size")
    add("--max-limit", type=int, default=100, help="the most records on a page")
    add("--items", default="response", metavar="KEY", help="the key of the records; @ if the body is the list")
    add("--id", default="id", metavar="KEY", help="the key of the id in a record")
    add("--next", default="meta.next_offset", metavar="KEY", help="the key of the next cursor; empty: no such key")
    add("--exclusive", action="store_true", help="a page starts after the cursor, not at it")
    add("--fault", **_several(demands, "KIND:SHARE[:BEGIN:END]"), help=_FAULT_HELP)
    add("--fault-limit", type=int, default=3, help="the most faults for one cursor; 0: no limit")
    add("--rate-limit", type=int, metavar="N", help="refuse (429) what exceeds N requests in any sliding second")
    add(
        "--arrival-jitter", type=float, default=0.0, help="requests arrive up to this many seconds late, at random"
    )
    add("--echo-header", default="", metavar="NAME", help="faults repeat this request header and the url")
    add("--until-stdin-closes", action="store_true", help="stop when stdin closes")
    return parser.parse_args(argv)


def _several(read: Callable[[str], Value], form: str) -> dict[str, Any]:
    """Return what argparse needs to read an option that may be given several times."""

    def checked(text: str) -> Value:
        try:
            return read(text)
        except (ValueError, IndexError):
            raise ArgumentTypeError(f"{text!r} must have the form {form}: see --help") from None

    return {"type": checked, "action": "append", "metavar": form}


def _field(text: str) -> Field:
    name, _, cardinality = text.rpartition(":")
    return Field(name, int(cardinality))


def _dense(text: str) -> tuple[IdRange, float]:
    ids, _, density = text.rpartition(":")
    return _hole(ids), float(density)


def _hole(text: str) -> IdRange:
    begin, end = text.split(":")
    return IdRange(int(begin), int(end))
