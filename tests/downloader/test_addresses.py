from __future__ import annotations

import pytest

from lifestats_crawler.downloader.addresses import address


@pytest.mark.parametrize(
    "query",
    [
        "f=a+b%2Bc",
        "f=100%25",
        "f=a%20b,c",
        "type=application%2Fgzip",
        "sig=ab%2Bc%2F%3D%3D&at=%7Ex%3A1",
        "at=%7e&x=~&y=%2f",
        "filter[id]=1&a=b;c=d&&e",
        "redirect=http://h/?x",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/x", "/a%2Fb/%7Ec", "/a/../b/./c//d", "/v1:search(x)!*'@$&=,;+", "/"])
def test_path_and_query_leave_as_they_are_written(path, query):
    written = f"{path}?{query}" if query else path
    assert address(f"http://127.0.0.1:4567{written}").raw_path_qs == written


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("http://h/a b?c=ü|{x}&d=100%&e=%zz", "/a%20b?c=%C3%BC%7C%7Bx%7D&d=100%25&e=%25zz"),
        ("http://h?x=1", "/?x=1"),
        ("http://h", "/"),
        ("http://h/x?y=1#part", "/x?y=1"),
    ],
)
def test_only_what_no_request_can_hold_is_quoted(written, sent):
    assert address(written).raw_path_qs == sent


@pytest.mark.parametrize(
    ("written", "host", "port"),
    [
        ("https://api.example.com/x", "api.example.com", 443),
        ("http://[::1]:8080/x", "::1", 8080),
        ("http://EXAMPLE.com:80/x", "example.com", 80),
        ("http://exämple.de/%2F", "xn--exmple-cua.de", 80),
    ],
)
def test_a_host_is_a_name_or_an_address(written, host, port):
    made = address(written)
    assert (made.raw_host, made.port) == (host, port)


@pytest.mark.parametrize("written", ["", "h/x", "http://[bad/", "http://h:99999/", "http://h:x/", "http:///x"])
def test_what_is_no_url_is_refused(written):
    with pytest.raises(ValueError, match=r"."):
        address(written)
