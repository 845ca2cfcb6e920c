"""dlt's rest_api source into DuckDB, counted with SQL. Its paginator is one chain, from first_id to the end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dlt
from dlt.sources.rest_api import rest_api_source

from benchmarks.contestants.counts import FIELDS, TOP, arguments


def main() -> None:
    """Load what the command line says, and count it."""
    args = arguments()
    directory = Path(args.out).parent
    source = rest_api_source(
        {
            "client": {
                "base_url": args.url,
                "paginator": {"type": "cursor", "cursor_path": "meta.next_offset", "cursor_param": "offset"},
            },
            "resources": [
                {
                    "name": "records",
                    "endpoint": {
                        "path": "foodstats",
                        "params": {"offset": args.first, "limit": 100},
                        "data_selector": "response",
                    },
                }
            ],
        }
    )
    destination = dlt.destinations.duckdb(str(directory / "records.duckdb"))
    pipeline = dlt.pipeline("bench", destination=destination, pipelines_dir=str(directory / "dlt"))
    pipeline.run(source)
    with pipeline.sql_client() as database:
        Path(args.out).write_text(json.dumps({name: counted(database, name) for name in FIELDS}), encoding="utf-8")


def counted(database: Any, name: str) -> dict[str, Any]:
    """Summarise a counter."""
    groups = f"SELECT {FIELDS[name]} AS key, count(*) AS count FROM records GROUP BY key"  # noqa: S608  # our names
    sums = f"SELECT sum(count)::BIGINT, count(*) FROM ({groups})"  # noqa: S608  # our names
    ((items, distinct),) = database.execute_sql(sums)
    rows = database.execute_sql(f"{groups} ORDER BY count DESC, key LIMIT {TOP}")
    return {"items": items, "distinct": distinct, "top": [list(row) for row in rows]}


if __name__ == "__main__":
    main()
