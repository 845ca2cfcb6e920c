from __future__ import annotations

import pytest
from scrapy.settings import Settings

from lifestats_crawler.handlers import usual_headers


@pytest.mark.parametrize(
    ("settings", "usual"),
    [
        ({"DEFAULT_REQUEST_HEADERS": {"Accept": "a"}, "USER_AGENT": "me"}, {"Accept": "a", "User-Agent": "me"}),
        ({"DEFAULT_REQUEST_HEADERS": '{"Accept": "a"}', "USER_AGENT": None}, {"Accept": "a", "User-Agent": None}),
    ],
    ids=["settings.py", "the command line"],
)
def test_the_usual_headers_are_those_of_scrapys_two_settings(settings, usual):
    assert usual_headers(Settings(settings)) == usual
