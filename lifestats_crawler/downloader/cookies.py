"""The cookies of one crawl: kept in memory, and sent back to the host that set them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from http.cookies import BaseCookie

_NO_URL = URL()


class Cookies(aiohttp.CookieJar):
    """Keeps cookies, also those of a host without a name; passes over what no header can send back."""

    def __init__(self) -> None:
        """Begin without a cookie."""
        super().__init__(unsafe=True, quote_cookie=False)

    def update_cookies_from_headers(self, headers: Sequence[str], response_url: URL) -> None:
        """Take the cookies of these Set-Cookie headers."""
        super().update_cookies_from_headers([header for header in headers if header.isascii()], response_url)

    def filter_cookies(self, request_url: URL = _NO_URL) -> BaseCookie[str]:
        """Return the cookies for a url, each as it came: aiohttp adds quotes to a value, or takes them away."""
        chosen = super().filter_cookies(request_url)
        if chosen:
            kept = {(morsel.key, morsel.value): morsel for morsel in self}
            for name, morsel in list(chosen.items()):
                chosen[name] = kept.get((name, morsel.value), morsel)
        return chosen
