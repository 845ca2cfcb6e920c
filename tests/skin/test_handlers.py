from __future__ import annotations

import socket

import pytest
from scrapy.settings import Settings

from lifestats_crawler.config.model import Config
from lifestats_crawler.downloader.client import request_headers
from lifestats_crawler.handlers import usual_headers

FIRST = 658330693


@pytest.mark.parametrize(
    ("own", "sent"),
    [
        ({}, {"Accept": "application/json", "User-Agent": "lifestats"}),
        ({"accept": "text/plain", "USER-AGENT": "me"}, {"accept": "text/plain", "USER-AGENT": "me"}),
        ({"X-Key": "k"}, {"Accept": "application/json", "User-Agent": "lifestats", "X-Key": "k"}),
    ],
)
def test_configured_headers_replace_the_usual_ones_whatever_their_case(own, sent):
    settings = Settings({"DEFAULT_REQUEST_HEADERS": {"Accept": "application/json"}, "USER_AGENT": "lifestats"})
    counters = {"ids": {"field": "id"}}
    config = Config(url="http://h/{cursor}", first_id=0, last_id=1, counters=counters, headers=own)
    assert request_headers(usual_headers(settings), config) == sent


def test_a_proxy_that_never_opens_its_tunnel_does_not_hold_a_crawl_for_ever(crawls):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(100)
        crawls.configure(url="https://api.example.invalid/{cursor}", last_id=FIRST + 99, subsets=10)
        proxy = f"http://127.0.0.1:{silent.getsockname()[1]}"
        done = crawls.run("-s", "DOWNLOAD_TIMEOUT=0.2", https_proxy=proxy)
    assert done.returncode == 3
    assert "DownloadTimeoutError" in done.stderr
