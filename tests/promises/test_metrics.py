from __future__ import annotations

import re
import socket
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import PROJECT
from tests.promises.conftest import free_port, wait_until


def values(text):
    return {
        sample.name: sample.value for family in text_string_to_metric_families(text) for sample in family.samples
    }


def documented():
    """Name, type and second label of each metric, as README.md has them."""
    rows = re.findall(
        r"^\| `(lifestats_\w+)` \| (\w+) \| (?:`(\w+)`)? ?\|", (PROJECT / "README.md").read_text(), re.MULTILINE
    )
    return {name: (kind, label) for name, kind, label in rows}


def test_the_metrics_of_a_crawl_are_those_of_its_report(crawls, start_api, tmp_path):
    file = tmp_path / "lifestats.prom"
    faults = "--fault=status-500:0.05", "--fault=throttle-seconds:0.02", "--fault=not-json:0.05"
    with start_api(*faults, ids=1000) as api:
        crawls.configure(**api.space, metrics_file=str(file), rate_limit=1000)
        assert crawls.run().returncode == 0
    report, text = crawls.report(), file.read_text()
    metrics = values(text)
    families = [family for family in text_string_to_metric_families(text) if family.samples]
    assert documented() == {
        family.samples[0].name: (family.type, "".join(family.samples[0].labels.keys() - {"environment"}))
        for family in families
    }
    labelled = {
        name: {next(iter(set(sample.labels.values()) - {"test"})): sample.value for sample in family.samples}
        for family in families
        for name in (family.name.removeprefix("lifestats_"),)
        if len(family.samples[0].labels) > 1
    }
    assert labelled["answers"] == report["answers"]
    assert labelled["disbelieved_answers"] == report["faults"]
    assert labelled["paused_seconds"] == report["paused"]
    assert metrics["lifestats_records_total"] == report["totals"]["items"]
    assert metrics["lifestats_started_timestamp_seconds"] < metrics["lifestats_last_spill_timestamp_seconds"]
    assert metrics["lifestats_ended_timestamp_seconds"] <= metrics["lifestats_updated_timestamp_seconds"]
    assert metrics["lifestats_requests_total"] == report["totals"]["requests"]
    assert metrics["lifestats_retries_total"] == report["totals"]["retries"] > 0
    assert metrics["lifestats_pages_total"] == report["totals"]["pages"]
    assert metrics["lifestats_ids_settled"] == metrics["lifestats_ids"] == 1000
    assert metrics["lifestats_complete"] == 1
    assert metrics["lifestats_ended_timestamp_seconds"] > 1.7e9
    assert [path.name for path in tmp_path.iterdir() if ".prom" in path.name] == ["lifestats.prom"]


def test_while_a_crawl_runs_its_metrics_can_be_asked_for_on_loopback(crawls, start_api):
    port = free_port()
    with start_api(ids=1000) as api:
        crawls.configure(**api.space, metrics_port=port, rate_limit=20)
        with crawls.start() as process:
            wait_until(lambda: len(api.requests) >= 5, process)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                metrics = values(answer.read().decode())
    assert metrics["lifestats_requests_total"] >= 5
    assert metrics["lifestats_rate_limit_requests_per_second"] == 20


def test_a_port_that_is_taken_costs_the_metrics_and_not_the_crawl(crawls, start_api):
    with socket.socket() as taken, start_api(ids=100) as api:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        crawls.configure(**api.space, metrics_port=port)
        done = crawls.run()
    assert done.returncode == 0
    assert "Address already in use; choose another metrics_port" in done.stderr


def test_where_the_package_for_metrics_is_missing_one_line_says_what_to_install(crawls, tmp_path):
    (tmp_path / "prometheus_client.py").write_text("raise ImportError")
    crawls.configure(metrics_file=str(tmp_path / "lifestats.prom"))
    done = crawls.run(PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("need a package: pip install prometheus-client")
