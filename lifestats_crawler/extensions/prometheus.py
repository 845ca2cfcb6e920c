"""The figures of a run in Prometheus' words. Its package is optional: imported where metrics are configured."""

from __future__ import annotations

from datetime import datetime
from time import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, start_http_server, write_to_textfile
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client import Metric

    from lifestats_crawler.crawl.state import Crawl


class RunCollector(Collector):
    """The figures of the run that is being crawled, read when they are asked for."""

    def __init__(self, crawl: Crawl) -> None:
        """Read them from a crawl."""
        self._crawl = crawl
        self._started_at = time()
        self.ended_at: float | None = None
        self.is_complete = False

    def collect(self) -> Iterator[Metric]:
        """Yield each metric, by the Prometheus conventions for names and units; README.md has a table of them."""
        crawl, kept = self._crawl, self._crawl.kept
        yield self._counter("requests", "Requests sent", kept.requests)
        yield self._counter("retries", "Requests that repeated a failed one", kept.retries)
        yield self._counter("pages", "Pages that were counted", kept.pages)
        yield self._counter("records", "Records that were counted", kept.records)
        yield self._counters("answers", "Answers by status, or by why there was none", "kind", crawl.diary.answers)
        yield self._counters(
            "disbelieved_answers",
            "Answers with a good status that count for nothing",
            "reason",
            crawl.diary.faults,
        )
        yield self._counters(
            "paused_seconds", "Time in which no request left, by cause", "cause", crawl.diary.paused
        )
        yield self._gauge("ids", "Ids in the id space", len(crawl.config.space))
        yield self._gauge("ids_settled", "Ids that were crawled", kept.ids)
        has_ended = self.ended_at is not None
        yield self._gauge("chains", "Chains under way", 0 if has_ended else len(crawl.frontier))
        if crawl.config.rate_limit is not None:
            yield self._gauge("rate_limit_requests_per_second", "The configured limit", crawl.config.rate_limit)
        yield self._gauge("started_timestamp_seconds", "When this crawl was started", self._started_at)
        if kept.saved_at:
            saved_at = datetime.fromisoformat(kept.saved_at).timestamp()
            yield self._gauge("last_spill_timestamp_seconds", "When a segment was last written", saved_at)
        yield self._gauge("updated_timestamp_seconds", "When these figures were read", time())
        yield self._gauge("complete", "1 if the run is complete", float(self.is_complete))
        if self.ended_at is not None:
            yield self._gauge("ended_timestamp_seconds", "When the crawl ended", self.ended_at)

    def _counter(self, name: str, about: str, value: float) -> Metric:
        family = CounterMetricFamily(f"lifestats_{name}", about, labels=["environment"])
        family.add_metric([self._crawl.run.environment], value)
        return family

    def _counters(self, name: str, about: str, label: str, values: Mapping[str, float]) -> Metric:
        family = CounterMetricFamily(f"lifestats_{name}", about, labels=["environment", label])
        for each, value in values.items():
            family.add_metric([self._crawl.run.environment, each], value)
        return family

    def _gauge(self, name: str, about: str, value: float) -> Metric:
        family = GaugeMetricFamily(f"lifestats_{name}", about, labels=["environment"])
        family.add_metric([self._crawl.run.environment], value)
        return family

    def write(self, path: str) -> None:
        """Write a file for the node exporter, whole or not at all. Raises OSError."""
        write_to_textfile(path, self._registry())

    def serve(self, host: str, port: int) -> Callable[[], None]:
        """Answer at an address, and return what ends that. Raises OSError."""
        server, _ = start_http_server(port, host, self._registry())

        def close() -> None:
            server.shutdown()
            server.server_close()

        return close

    def _registry(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        registry.register(self)
        return registry
