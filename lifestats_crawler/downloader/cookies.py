"""The cookies of one crawl: kept in memory, and sent back to the host that set them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yarl import URL


class Cookies(aiohttp.CookieJar):
    """Keeps cookies, also those of a host without a name; passes over what no header can send back."""

    def __init__(self) -> None:
        """Begin without a cookie. A value goes back as it came."""
        super().__init__(unsafe=True)

    def update_cookies_from_headers(self, headers: Sequence[str], response_url: URL) -> None:
        """Take the cookies of these Set-Cookie headers."""
        super().update_cookies_from_headers([header for header in headers if header.isascii()], response_url)
