"""A declarative source of airbyte-cdk, as a connector has it: one chain, whose records are messages."""

from __future__ import annotations

import logging

from airbyte_cdk.models import (
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
    SyncMode,
    Type,
)
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource

from benchmarks.contestants.counts import Counts, arguments


def manifest(url: str, first: int) -> dict[str, object]:
    """Describe the API as a connector does."""
    following = f"{{{{ next_page_token['next_page_token'] or {first} }}}}"
    requester = {
        "type": "HttpRequester",
        "url_base": url,
        "path": "/foodstats",
        "http_method": "GET",
        "request_parameters": {"limit": "100", "offset": following},
    }
    paginator = {
        "type": "DefaultPaginator",
        "pagination_strategy": {
            "type": "CursorPagination",
            "cursor_value": "{{ response.meta.next_offset }}",
            "stop_condition": "{{ response.meta.next_offset is none }}",
        },
    }
    selector = {"type": "RecordSelector", "extractor": {"type": "DpathExtractor", "field_path": ["response"]}}
    stream = {
        "type": "DeclarativeStream",
        "name": "records",
        "primary_key": ["id"],
        "schema_loader": {"type": "InlineSchemaLoader", "schema": {"type": "object", "properties": {}}},
        "retriever": {
            "type": "SimpleRetriever",
            "requester": requester,
            "paginator": paginator,
            "record_selector": selector,
        },
    }
    return {
        "version": "6.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["records"]},
        "streams": [stream],
        "spec": {"type": "Spec", "connection_specification": {"type": "object", "properties": {}}},
    }


def main() -> None:
    """Read what the command line says, and count its messages."""
    args = arguments()
    source = ConcurrentDeclarativeSource(config={}, source_config=manifest(args.url, args.first))
    logger = logging.getLogger("airbyte")
    logger.setLevel(logging.ERROR)
    (stream,) = source.discover(logger, {}).streams
    chosen = ConfiguredAirbyteStream(
        stream=stream, sync_mode=SyncMode.full_refresh, destination_sync_mode=DestinationSyncMode.append
    )
    counts = Counts()
    for message in source.read(logger, {}, ConfiguredAirbyteCatalog(streams=[chosen]), []):
        if message.type == Type.RECORD:
            counts.add([message.record.data], args.last + 1)
    counts.write(args.out)


if __name__ == "__main__":
    main()
