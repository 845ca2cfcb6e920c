from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
from collections import Counter
from contextlib import closing, contextmanager
from errno import EADDRINUSE
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import ProxyHandler, build_opener

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
FIRST, LAST = 658_330_693, 658_332_803

opener = build_opener(ProxyHandler({}))


def started(*arguments: str, stdin: int = subprocess.PIPE) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "mocks.api", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdin=stdin, stdout=pipe, stderr=pipe, text=True)


@contextmanager
def running(*arguments: str) -> Iterator[str]:
    """Run the API on a free port, and give its URL."""
    with started("--port=0", *arguments) as process:
        try:
            yield first_line(process)
        finally:
            process.terminate()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().rstrip("\n")


def connected(url: str) -> closing[HTTPConnection]:
    return closing(HTTPConnection(urlsplit(url).netloc))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running() as url:
        yield url


def get(url: str, path: str = "/foodstats", **query: object) -> Any:
    with opener.open(f"{url}{path}?{urlencode(query)}", timeout=30) as response:
        assert response.headers["Content-Type"] == "application/json"
        return json.load(response)


def refused(url: str, path: str = "/foodstats", **query: object) -> tuple[int, Any]:
    with pytest.raises(HTTPError) as caught:
        get(url, path, **query)
    with caught.value as answer:
        return answer.code, json.load(answer)


def test_the_first_line_is_the_url(url: str) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:[1-9][0-9]*", url)


def test_a_page_has_the_shape_of_the_first_users_api(url: str) -> None:
    page = get(url, offset=FIRST, limit=100)
    ids = [record["id"] for record in page["response"]]
    following = page["meta"]["next_offset"]
    assert page["meta"] == {"code": 200, "limit": 100, "offset": FIRST, "next_offset": following}
    assert all(list(record) == ["id", "food_id", "food__category_id"] for record in page["response"])
    assert len(ids) == 100
    assert ids == sorted(set(ids))
    assert FIRST <= ids[0] < ids[-1] < following


def test_walking_from_next_to_next_finds_the_truth(url: str) -> None:
    records, cursor = [], FIRST
    while cursor is not None:
        page = get(url, offset=cursor, limit=100)
        records += page["response"]
        cursor = page["meta"]["next_offset"]
    truth = get(url, "/truth")
    assert truth["records"] == len(records)
    assert FIRST <= records[0]["id"] < records[-1]["id"] <= LAST
    for name, field in truth["fields"].items():
        counts = Counter(record[name] for record in records)
        ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        assert field == {"distinct": len(counts), "records": len(records), "counts": [*map(list, ranked)]}


def test_the_truth_can_be_asked_for_in_part(url: str) -> None:
    records = get(url, offset=FIRST, limit=10)["response"]
    last_id = records[-1]["id"]
    truth = get(url, "/truth", first_id=FIRST, last_id=last_id, top=1)
    assert truth["records"] == 10
    food = truth["fields"]["food_id"]
    assert food["distinct"] == len({record["food_id"] for record in records})
    assert len(food["counts"]) == 1


@pytest.mark.parametrize(("limit", "records"), [({}, 100), ({"limit": 101}, 100), ({"limit": 7}, 7)])
def test_the_limit_is_cut_to_the_highest(url: str, limit: dict[str, int], records: int) -> None:
    page = get(url, offset=FIRST, **limit)
    assert len(page["response"]) == page["meta"]["limit"] == records


@pytest.mark.parametrize(
    ("path", "query"),
    [
        *(("/foodstats", {"offset": cursor}) for cursor in ("", "x", "1.5", "1_0", "٣", "9" * 19, "9" * 5000)),
        ("/foodstats", {}),
        ("/foodstats", {"offset": 1, "limit": 0}),
        ("/foodstats", {"offset": 1, "limit": "all"}),
        ("/truth", {"top": "all"}),
    ],
)
def test_a_query_that_cannot_be_read_is_refused(url: str, path: str, query: dict[str, Any]) -> None:
    status, body = refused(url, path, **query)
    assert status == 400
    assert re.search(r"(offset|limit|top) must be", body["error"])


def test_the_log_has_every_page_in_the_order_of_arrival_until_it_is_cleared() -> None:
    with running() as url:
        before = monotonic()
        get(url, offset=FIRST, limit=7)
        refused(url, offset="x")
        get(url, "/elsewhere", offset=1, limit=1000)
        get(url, "/truth")
        rows = get(url, "/log", clear=1)["requests"]
        assert [row[1:] for row in rows] == [[FIRST, 7, 200, None], [-1, -1, 400, None], [1, 100, 200, None]]
        times = [before, *(row[0] for row in rows), monotonic()]
        assert times == sorted(times)
        assert get(url, "/log") == {"requests": []}


def test_a_page_takes_the_latency_and_the_log_tells_when_it_was_asked_for() -> None:
    with running("--latency=0.1", "--jitter=0.01") as url:
        asked = monotonic()
        get(url, offset=FIRST)
        answered = monotonic()
        ((arrived, *_),) = get(url, "/log")["requests"]
        assert answered - arrived >= 0.1
        assert asked < arrived


def test_pages_are_served_while_the_truth_is_counted() -> None:
    with running("--first-id=0", "--last-id=74000000") as url, connected(url) as counting:
        counting.request("GET", "/truth")
        assert len(get(url, offset=0)["response"]) == 100
        assert select.select([counting.sock], [], [], 0)[0] == []


def test_the_configuration_of_a_crawl_says_where_things_are() -> None:
    shape = "--cursor-parameter=from", "--limit-parameter=count", "--max-limit=5", "--density=1"
    with running(*shape, "--items=data.items", "--next=data.next", "--id=key.id", "--field=food.id:7") as url:
        page = get(url, "/any/path", **{"from": FIRST, "count": 100})
        assert [record["key"]["id"] for record in page["data"]["items"]] == list(range(FIRST, FIRST + 5))
        assert page["data"]["next"] == FIRST + 5


def test_arguments_that_cannot_be_are_one_line_and_exit_code_2() -> None:
    with started("--port=0", "--density=2") as process:
        output, complaint = process.communicate(timeout=30)
    assert (output, process.returncode) == ("", 2)
    assert re.fullmatch(r"mocks\.api: .+\n", complaint)


def test_a_port_that_is_taken_is_one_line_and_exit_code_1(url: str) -> None:
    port = urlsplit(url).port
    with started(f"--port={port}") as process:
        output, complaint = process.communicate(timeout=30)
    assert (output, process.returncode) == ("", 1)
    assert complaint == f"mocks.api: cannot listen on 127.0.0.1:{port}: {os.strerror(EADDRINUSE)}\n"


@pytest.mark.parametrize("address", ["--port=70000", "--host=192.0.2.1", "--host=nowhere.invalid"])
def test_an_address_that_cannot_be_is_one_line_and_exit_code_1(address: str) -> None:
    with started("--port=0", address) as process:
        output, complaint = process.communicate(timeout=30)
    assert (output, process.returncode) == ("", 1)
    assert re.fullmatch(r"mocks\.api: cannot listen on \S+:\d+: \S.*\n", complaint)
    assert not re.search("errno|attempting", complaint, re.IGNORECASE)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_though_a_connection_is_open(number: signal.Signals) -> None:
    with started("--port=0") as process:
        connection = HTTPConnection(urlsplit(first_line(process)).netloc)
        connection.request("GET", f"/foodstats?offset={FIRST}")
        connection.getresponse().read()
        process.send_signal(number)
        assert process.communicate(timeout=30) == ("", "")
        connection.close()
    assert process.returncode == 0


def test_a_signal_stops_it_cleanly_though_it_is_counting_and_an_answer_is_late() -> None:
    with started("--port=0", "--first-id=0", "--last-id=74000000", "--latency=600") as process:
        url = first_line(process)
        with connected(url) as counting, connected(url) as late:
            counting.request("GET", "/truth")
            late.request("GET", "/foodstats?offset=1")
            get(url, "/log")
            process.terminate()
            assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 0


def test_it_stops_when_its_input_closes() -> None:
    with started("--port=0", "--until-stdin-closes") as process:
        get(first_line(process), offset=FIRST)
        assert process.communicate(input="not yet\n", timeout=30) == ("", "")
    assert process.returncode == 0


def test_without_an_input_it_stops_at_once() -> None:
    with started("--port=0", "--until-stdin-closes", stdin=subprocess.DEVNULL) as process:
        _, complaint = process.communicate(timeout=30)
    assert (complaint, process.returncode) == ("", 0)
