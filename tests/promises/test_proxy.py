from __future__ import annotations

import socket
from base64 import b64encode

import pytest

from tests.conftest import FIRST
from tests.promises.odd_server import Reply, odd_server, page
from tests.promises.tunnels import certified, proxy

SPACE = {
    "items": "rows",
    "next": "next",
    "first_id": 1,
    "last_id": 100,
    "subsets": 1,
    "counters": {"values": {"field": "value"}},
}
LOGIN = "Basic " + b64encode(b"proxy-user:pr0xy pa55").decode()


def test_a_proxy_that_never_opens_its_tunnel_does_not_hold_a_crawl_for_ever(crawls):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(100)
        crawls.configure(url="https://api.example.invalid/{cursor}", last_id=FIRST + 99, subsets=10)
        proxy = f"http://127.0.0.1:{silent.getsockname()[1]}"
        done = crawls.run("-s", "DOWNLOAD_TIMEOUT=0.2", https_proxy=proxy)
    assert done.returncode == 2
    assert "DownloadTimeoutError" in done.stderr


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("login", ["proxy-user:pr0xy%20pa55@", ""], ids=["a login", "no login"])
def test_credentials_go_to_whom_they_are_for_and_are_in_no_file(crawls, tmp_path, scheme, login):
    """The proxy's login is for the proxy, the url's and the token for the API: crawl, probe and webhook."""
    certificate, key = certified(tmp_path)
    tls = (certificate, key) if scheme == "https" else None
    # A plain proxy of the tests closes after each answer.
    closing = {"Connection": "close"} if tls is None else {}
    hook = Reply({"ok": True}, headers=closing)

    def answering(query, *_):
        return Reply(page(range(1, 101), query), headers=closing)

    with odd_server(answering, tls, hook) as server, proxy(login and LOGIN) as via:
        address = server.address.replace("://", "://me:url%20pa55@")
        crawls.configure(
            url=f"{address}/x?from={{cursor}}&limit={{limit}}",
            **SPACE,
            headers={"X-Api-Key": "${LIFESTATS_KEY}"},
            notify={"url": f"{address}/hook"},
        )
        env = {
            f"{scheme}_proxy": f"http://{login}{via.address}",
            "SSL_CERT_FILE": str(certificate),
            "LIFESTATS_KEY": "ap1-k3y",
        }
        done = crawls.run("-s", "LOG_LEVEL=DEBUG", "-s", f"LOG_FILE={tmp_path / 'log'}", **env)
        crawled = len(server.headers)
        probed = crawls.command("probe", **env)
        others = ("plan", "--json"), ("runs", "--json"), ("report",)
        printed = [done, probed, *(crawls.command(*words, **env) for words in others)]
    assert (done.returncode, probed.returncode) == (0, 0), (tmp_path / "log").read_text() + probed.stdout
    assert crawled < len(server.headers)
    for told in server.headers:
        assert told["authorization"] == "Basic " + b64encode(b"me:url pa55").decode()
        assert "proxy-authorization" not in told
    with_token = [told for told in server.headers if told.get("x-api-key") == "ap1-k3y"]
    assert (len(with_token), len(server.posted)) == (len(server.headers) - 1, 1), (
        "all but the webhook get the token"
    )
    assert via.heads
    for method, told in via.heads:
        assert (method == "CONNECT") is (scheme == "https")
        assert told.get("proxy-authorization") == (LOGIN if login else None)
        assert method != "CONNECT" or not {"x-api-key", "authorization"} & set(told), (
            "the token is not for a proxy"
        )
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name not in ("config.yml", "key.pem")]
    shown = [*(path.read_bytes() for path in files), *((one.stdout + one.stderr).encode() for one in printed)]
    for text in shown:
        for secret in (b"pa55", b"ap1-k3y", LOGIN[6:].encode(), b64encode(b"me:url pa55")):
            assert secret not in text


@pytest.mark.parametrize("no_proxy", ["127.0.0.0/8", "localhost 127.0.0.1", "127.*", "127.0.0.1:{port}"])
def test_no_proxy_holds_for_crawl_probe_and_webhook_as_administrators_write_it(crawls, no_proxy):
    with odd_server(lambda query, *_: Reply(page(range(1, 101), query))) as server:
        port = server.address.split(":")[2]
        crawls.configure(url=server.url, **SPACE, notify={"url": f"{server.address}/hook"})
        env = {"http_proxy": "http://127.0.0.1:9", "no_proxy": no_proxy.format(port=port)}
        done, probed = crawls.run(**env), crawls.command("probe", **env)
    assert (done.returncode, probed.returncode) == (0, 0), done.stderr
    assert "notify" not in done.stderr
    assert len(server.posted) == 1
