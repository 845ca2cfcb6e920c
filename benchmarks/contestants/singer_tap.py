"""A tap of singer-sdk, piped to a program that counts its messages, as a target would read them: one chain."""

from __future__ import annotations

import json
import subprocess
import sys

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.pagination import JSONPathPaginator

from benchmarks.contestants.counts import FIELDS, Counts, arguments


class Records(RESTStream[int]):
    """The records of the API."""

    name = "records"
    path = "/foodstats"
    records_jsonpath = "$.response[*]"
    primary_keys = ("id",)
    schema = th.PropertiesList(
        th.Property("id", th.IntegerType), *(th.Property(field, th.IntegerType) for field in FIELDS.values())
    ).to_dict()

    @property
    def url_base(self) -> str:
        """Where the API is."""
        return str(self.config["url"])

    def get_new_paginator(self) -> JSONPathPaginator:
        """Take the next cursor from the answer."""
        return JSONPathPaginator("$.meta.next_offset")

    def get_url_params(self, context: object, next_page_token: int | None) -> dict[str, int]:  # noqa: ARG002  # its
        """Ask from the next cursor on."""
        return {"limit": 100, "offset": next_page_token or int(self.config["first"])}


class BenchTap(Tap):
    """A tap with one stream."""

    name = "tap-bench"
    config_jsonschema = th.PropertiesList(
        th.Property("url", th.StringType), th.Property("first", th.IntegerType)
    ).to_dict()

    def discover_streams(self) -> list[Records]:
        """Return its stream."""
        return [Records(self)]


def main() -> None:
    """Run the tap in a process of its own, and count what it writes."""
    if sys.argv[1] == "tap":
        BenchTap(config=json.loads(sys.argv[2])).sync_all()
        return
    args = arguments()
    config = json.dumps({"url": args.url, "first": args.first})
    counts = Counts()
    command = [sys.executable, "-m", "benchmarks.contestants.singer_tap", "tap", config]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as tap:  # noqa: S603  # ours
        for line in tap.stdout or ():
            message = json.loads(line)
            if message["type"] == "RECORD":
                counts.add([message["record"]], args.last + 1)
    if tap.returncode:
        raise SystemExit(tap.returncode)
    counts.write(args.out)


if __name__ == "__main__":
    main()
