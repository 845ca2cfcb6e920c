"""The command line of the mock for a configuration, read by the mock itself."""

from __future__ import annotations

import pytest

from lifestats_crawler.api.dialect import Dialect
from lifestats_crawler.api.mock_process import command_line
from lifestats_crawler.exceptions import MockError
from lifestats_crawler.ranges import IdRange
from mocks.api import api_for
from mocks.arguments import arguments
from tests.configurations import configured

MOCKED = {"mock": True, "url": "http://127.0.0.1:0/v2/people?since={cursor}&max={limit}", "items": "data.rows"}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"items": "@", "next": None},
        {"id": "key.id", "next": "paging.after"},
        {"inclusive": False, "next": "paging.after"},
        {"url": "http://localhost:0/x?from={cursor}", "next": "next"},
        {"counters": {"towns": {"field": "address.town", "label": "address.name"}, "ages": {"field": "age"}}},
        {"counters": {"towns": {"field": "town"}, "again": {"field": "town"}}},
        {"results_per_page": 7, "first_id": 500, "last_id": 600},
    ],
    ids=str,
)
def test_a_mock_speaks_the_dialect_of_the_configuration(changes):
    config = configured(**MOCKED | changes)
    api = api_for(arguments(command_line(config)))
    dialect = Dialect(config)
    query = dict(part.split("=") for part in dialect.url(config.first_id).partition("?")[2].split("&"))
    _, answer = api.page(query)
    tally = dialect.read(answer.body, config.space)
    assert answer.status == 200
    assert tally.settles.begin == config.first_id
    assert tally.records == min(config.results_per_page, tally.records) > 5
    assert tally.settles == IdRange(config.first_id, tally.next)
    assert {len(keys) for keys in tally.keys.values()} == {tally.records}


@pytest.mark.parametrize(
    ("url", "port"), [("http://127.0.0.1:4567/?a={cursor}", 4567), ("http://127.0.0.1/?a={cursor}", 80)]
)
def test_a_mock_listens_where_the_url_says(url, port):
    told = arguments(command_line(configured(mock=True, url=url)))
    assert (told.host, told.port, told.path) == ("127.0.0.1", port, "/")
    assert told.until_stdin_closes


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "http://127.0.0.2:0/x?offset={cursor}",
            "mock: true needs a url at 127.0.0.1 or localhost, not at 127.0.0.2",
        ),
        ("http://127.0.0.1:0/{cursor}", "mock: true needs an http:// url with {cursor} as a query parameter"),
        ("https://127.0.0.1:0/?a={cursor}", "mock: true needs an http:// url with {cursor} as a query parameter"),
    ],
)
def test_an_api_that_cannot_be_mocked_is_refused(url, message):
    with pytest.raises(MockError, match=message.replace("{", r"\{")):
        command_line(configured(mock=True, url=url))
