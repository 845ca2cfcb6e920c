from __future__ import annotations

import pytest

from lifestats_crawler.downloader.client import request_headers
from tests.configurations import configured

USUAL = {"Accept": "application/json", "User-Agent": "lifestats"}


@pytest.mark.parametrize(
    ("own", "sent"),
    [
        ({}, USUAL),
        ({"accept": "text/plain", "USER-AGENT": "me"}, {"accept": "text/plain", "USER-AGENT": "me"}),
        ({"X-Key": "k"}, USUAL | {"X-Key": "k"}),
        ({"X-Key": "Bearer ${LIFESTATS_PLANTED}"}, USUAL | {"X-Key": "Bearer s3cret/ü"}),
        ({"User-Agent": ""}, {"Accept": "application/json", "User-Agent": ""}),
    ],
)
def test_configured_headers_replace_the_usual_ones_whatever_their_case(monkeypatch, own, sent):
    monkeypatch.setenv("LIFESTATS_PLANTED", "s3cret/ü")
    assert request_headers(USUAL, configured(headers=own)) == sent


def test_a_usual_header_without_a_value_is_not_sent():
    assert request_headers({"Accept": None, "User-Agent": ""}, configured()) == {}
