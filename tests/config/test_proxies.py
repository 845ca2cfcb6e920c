from __future__ import annotations

import pytest

from lifestats_crawler.config import loading, proxies, secrets
from lifestats_crawler.config.proxies import is_excepted
from lifestats_crawler.exceptions import ConfigError
from tests.configurations import write_config

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_proxy_of_the_developer(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("no_proxy", "excepted", "others"),
    [
        ("example.com", ["example.com", "api.example.com", "API.Example.COM."], ["badexample.com", "com"]),
        (".example.com", ["example.com", "api.example.com"], ["badexample.com"]),
        ("*.example.com", ["api.example.com"], ["badexample.com"]),
        ("api.*.corp, 10.1.*", ["api.test.corp", "10.1.2.3"], ["api.corp", "10.2.1.1"]),
        ("*", ["example.com", "10.1.2.3", "::1"], []),
        ("localhost 10.0.0.0/8", ["localhost", "10.1.2.3"], ["11.0.0.1", "example.com"]),
        ("a.b ,\tc.d;e.f", ["a.b", "c.d", "e.f"], ["b"]),
        ("127.0.0.1", ["127.0.0.1"], ["127.0.0.2", "localhost"]),
        ("192.168.7.9/24", ["192.168.7.1"], ["192.168.8.1"]),
        ("::1", ["::1", "[::1]", "0:0:0:0:0:0:0:1"], ["::2"]),
        ("[fd00::1]", ["fd00::1"], ["fd00::2"]),
        ("fd00::/8", ["fd00::5", "fdff::1"], ["fe80::1", "10.0.0.1"]),
        ("<local>", ["intranet"], ["a.b", "::1"]),
        ("http://example.com/", ["example.com"], ["example.org"]),
        ("", [], ["example.com", ""]),
        (" , ,", [], ["example.com"]),
    ],
)
def test_no_proxy_is_read_as_administrators_write_it(no_proxy, excepted, others):
    assert [host for host in [*excepted, *others] if is_excepted(host, 80, no_proxy)] == excepted


@pytest.mark.parametrize(
    ("no_proxy", "port", "is_so"),
    [
        ("h:8080", 8080, True),
        ("h:8080", 80, False),
        ("*:8080", 8080, True),
        ("*:8080", 80, False),
        (".x, h:80", 80, True),
        ("[::1]:8080", 8080, False),
    ],
)
def test_a_port_in_no_proxy_is_that_of_the_url(no_proxy, port, is_so):
    assert is_excepted("h", port, no_proxy) is is_so
    assert is_excepted("::1", 8080, "[::1]:8080")
    assert not is_excepted("::1", 80, "[::1]:8080")


@pytest.mark.parametrize(
    ("named", "scheme", "proxy"),
    [
        ({"http": "http://p"}, "http", "http://p"),
        ({"http": "http://p"}, "https", None),
        ({"all": "http://a", "http": "http://p"}, "http", "http://p"),
        ({"all": "http://a"}, "https", "http://a"),
        ({"all": "http://a", "no": "h"}, "https", None),
        ({"https": "http://a", "no": "h:443"}, "https", None),
        ({}, "http", None),
    ],
)
def test_the_proxy_is_that_of_the_scheme_or_of_all(named, scheme, proxy):
    assert proxies.of(scheme, "h", None, named) == proxy


def test_the_variables_are_read_with_or_without_a_scheme(monkeypatch):
    monkeypatch.setenv("http_proxy", "me:pw@p:3128")
    monkeypatch.setenv("NO_PROXY", "a b")
    assert secrets.proxies() == {"http": "http://me:pw@p:3128", "no": "a b"}


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("http_proxy", "socks5://me:pr0xy@p:1080", "variable http_proxy names a socks5:// proxy"),
        ("all_proxy", "socks5://me:pr0xy@p:1080", "variable all_proxy names a socks5:// proxy"),
        ("http_proxy", "http://me:pr0xy@", "variable http_proxy is not the url of a proxy"),
        ("http_proxy", "http://me:pr0xy@p:port", "variable http_proxy is not the url of a proxy"),
    ],
)
def test_a_proxy_that_cannot_be_asked_is_refused_and_its_login_not_shown(
    tmp_path, monkeypatch, variable, value, message
):
    monkeypatch.setenv(variable, value)
    path = write_config(tmp_path)
    with pytest.raises(ConfigError, match=message) as error:
        loading.load(path, "test")
    assert "pr0xy" not in str(error.value)
    monkeypatch.setenv("no_proxy", "127.0.0.1, localhost")
    loading.load(path, "test")


@pytest.mark.parametrize("proxy", ["http://p", "https://me:pw@p.example.com:3128/", "HTTP://[::1]:3128"])
def test_a_proxy_of_http_is_one_that_can_be_asked(proxy):
    proxies.check(proxy, "p")
