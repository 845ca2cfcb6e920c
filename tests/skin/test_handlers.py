from __future__ import annotations

import pytest
from scrapy.settings import Settings

from lifestats_crawler.downloader.client import request_headers
from lifestats_crawler.handlers import usual_headers
from tests.configurations import configured


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
    assert request_headers(usual_headers(settings), configured(headers=own)) == sent
