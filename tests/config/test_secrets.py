from __future__ import annotations

import pytest

from lifestats_crawler.config import secrets
from lifestats_crawler.exceptions import ConfigError
from tests.configurations import configured

URL = "http://${LIFESTATS_USER}:${LIFESTATS_PASSWORD}@127.0.0.1/{cursor}"


@pytest.fixture(autouse=True)
def planted(monkeypatch):
    """Only our own variables, so that a proxy of the developer's is not in the way."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("LIFESTATS_USER", "me")
    monkeypatch.setenv("LIFESTATS_PASSWORD", "a/b c")


def test_the_value_of_each_variable_that_a_text_names_is_looked_up_and_no_other():
    config = configured(
        url=URL, headers={"A": "Bearer ${LIFESTATS_USER}"}, notify={"url": "http://h/${LIFESTATS_PASSWORD}"}
    )
    assert secrets.of(config) == {"${LIFESTATS_USER}": "me", "${LIFESTATS_PASSWORD}": "a/b c"}
    assert secrets.of(configured()) == {}


def test_a_header_with_a_value_is_hidden_as_a_whole_for_the_value_may_be_short(monkeypatch):
    monkeypatch.setenv("LIFESTATS_USER", "x7")
    config = configured(headers={"A": "Token ${LIFESTATS_USER}", "B": "plain"})
    assert secrets.hidden(config) == ["x7", "Token x7"]


def test_every_form_of_a_login_that_is_sent_is_hidden():
    hidden = secrets.hidden(configured(url=URL))
    assert {"me", "a/b c", "bWU6YS9iIGM="} <= set(hidden)
    written = configured(notify={"url": "https://hook:wr1tten@h/"})
    assert secrets.hidden(written) == ["wr1tten", "aG9vazp3cjF0dGVu"]


@pytest.mark.parametrize(
    ("proxy", "hidden"),
    [
        ("http://proxy:3128", []),
        ("http://you:pr0xy@proxy:3128", ["pr0xy", "eW91OnByMHh5"]),
        ("http://you:pr%40xy@proxy:3128", ["pr%40xy", "pr@xy", "eW91OnByQHh5"]),
        ("http://you@proxy:3128", ["you", "eW91Og=="]),
        ("you:pr0xy@proxy:3128", ["pr0xy", "eW91OnByMHh5"]),
        ("http://you:p[r0xy@proxy:3128", ["p[r0xy", "eW91OnBbcjB4eQ=="]),
    ],
)
def test_the_login_of_a_proxy_is_hidden_too(monkeypatch, proxy, hidden):
    monkeypatch.setenv("https_proxy", proxy)
    assert secrets.hidden(configured()) == hidden


def test_values_are_filled_in_as_they_are_and_quoted_in_a_url():
    known = {"${A}": "a/b c", "${B}": "${A}"}
    assert secrets.fill_in("x ${A} ${C}", known) == "x a/b c ${C}"
    assert secrets.fill_in_url("http://h/${A}", known) == "http://h/a%2Fb%20c"
    assert secrets.fill_in_url("http://h/${A}", known, safe="/") == "http://h/a/b%20c"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "p: headers.A needs the environment variable LIFESTATS_CHECKED, which is not set"),
        ("", "p: headers.A needs the environment variable LIFESTATS_CHECKED, which is not set"),
        ("a\nb", "p: headers.A: the environment variable LIFESTATS_CHECKED contains a control character"),
    ],
)
def test_a_variable_that_is_not_set_or_cannot_be_sent_is_named_with_the_key_that_needs_it(
    monkeypatch, value, message
):
    config = configured(headers={"A": "${LIFESTATS_CHECKED}"})
    if value is not None:
        monkeypatch.setenv("LIFESTATS_CHECKED", value)
    with pytest.raises(ConfigError) as error:
        secrets.check(config, "p")
    assert str(error.value) == message
    monkeypatch.setenv("LIFESTATS_CHECKED", "fine")
    secrets.check(config, "p")
