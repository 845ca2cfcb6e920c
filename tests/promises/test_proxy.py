from __future__ import annotations

import socket

from tests.conftest import FIRST


def test_a_proxy_that_never_opens_its_tunnel_does_not_hold_a_crawl_for_ever(crawls):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(100)
        crawls.configure(url="https://api.example.invalid/{cursor}", last_id=FIRST + 99, subsets=10)
        proxy = f"http://127.0.0.1:{silent.getsockname()[1]}"
        done = crawls.run("-s", "DOWNLOAD_TIMEOUT=0.2", https_proxy=proxy)
    assert done.returncode == 2
    assert "DownloadTimeoutError" in done.stderr
