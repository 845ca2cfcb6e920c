"""Extensions: the mock API of an environment with ``mock: true``, and more chains for a slow server."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlsplit

from scrapy import signals
from scrapy.exceptions import CloseSpider, NotConfigured

from lifestats_crawler.addons import load_config
from lifestats_crawler.exceptions import MockError
from lifestats_crawler.growth import LOOK_AHEAD

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from lifestats_crawler.config import Config

logger = logging.getLogger(__name__)

_PROJECT = Path(__file__).resolve().parent.parent


class Growth:
    """Look now and then whether the spider starts more chains."""

    def __init__(self, crawler: Crawler) -> None:
        """Look after the chains of a crawl."""
        self._crawler = crawler
        self._watch: asyncio.Task[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Watch from the first request to the last."""
        extension = cls(crawler)
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        return extension

    def spider_opened(self, spider: Any) -> None:
        """Start to watch."""
        self._watch = asyncio.ensure_future(self._keep_up(spider))

    def spider_closed(self) -> None:
        """Stop watching."""
        if self._watch:
            self._watch.cancel()

    async def _keep_up(self, spider: Any) -> None:
        while True:
            await asyncio.sleep(LOOK_AHEAD)
            for request in spider.grow():
                self._crawler.engine.crawl(request)


class MockApi:
    """Start the mock API before the first request, and stop it after the last.

    It gets a pipe for its input and stops when that closes: when the crawl ends, however it ends.
    """

    def __init__(self, config: Config) -> None:
        """Mock the API that a configuration describes."""
        self._config = config
        self._process: asyncio.subprocess.Process | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Decline in an environment without ``mock: true``."""
        config = load_config(crawler.settings)
        if not config.mock:
            raise NotConfigured
        extension = cls(config)
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        crawler.signals.connect(extension.engine_stopped, signals.engine_stopped)
        return extension

    async def spider_opened(self, spider: Any) -> None:
        """Start the mock, and send the spider to it."""
        try:
            url = await self._start()
        except MockError as error:
            logger.error("%s", error)  # noqa: TRY400  # the user's mistake: no traceback
            raise CloseSpider("mock_failed") from None
        template = urlsplit(self._config.url)
        port = urlsplit(url).port
        spider.use_url(template._replace(netloc=f"{template.hostname}:{port}").geturl())
        logger.info("Mock API at %s", url)

    async def engine_stopped(self) -> None:
        """Stop the mock."""
        if self._process and self._process.stdin:
            self._process.stdin.close()
            await self._process.wait()

    async def _start(self) -> str:
        if not (_PROJECT / "mocks").is_dir():
            raise MockError(
                f"mock: true needs the repository, and {_PROJECT} has no mocks/: choose another environment, "
                "such as -s ENV=production"
            )
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "mocks.api"),
            *mock_arguments(self._config),
            cwd=_PROJECT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the crawl, which still has to settle pages
        )
        line = await process.stdout.readline()  # type: ignore[union-attr]  # it is a PIPE
        if not line:
            _, complaint = await process.communicate()
            raise MockError(f"The mock API did not start: {complaint.decode().strip()}")
        return line.decode().strip()


def mock_arguments(config: Config) -> list[str]:
    """Return the command line that makes the mock speak the dialect of a configuration.

    Raises MockError for a configuration that it cannot be driven by.
    """
    url = urlsplit(config.url)
    parameters = {value: name for name, value in parse_qsl(url.query)}
    if "{cursor}" not in parameters or url.scheme != "http":
        raise MockError("mock: true needs an http:// url with {cursor} as a query parameter")
    arguments = {
        "--port": 80 if url.port is None else url.port,
        "--path": url.path or "/",
        "--cursor-parameter": parameters["{cursor}"],
        "--limit-parameter": parameters.get("{limit}", "limit"),
        "--max-limit": config.results_per_page,
        "--items": config.items,
        "--id": config.id,
        "--next": config.next or "",
        "--first-id": config.first_id,
        "--last-id": config.last_id,
    }
    counters = config.counters.values()
    labels = [counter.label for counter in counters if counter.label]
    fields = dict.fromkeys([*(counter.field for counter in counters), *labels])
    sizes = [16_000_000, *[150] * len(fields)]
    return [
        *(f"{name}={value}" for name, value in arguments.items()),
        *(f"--field={field}:{size}" for field, size in zip(fields, sizes, strict=False)),
        *(["--until-stdin-closes"] if config.inclusive else ["--until-stdin-closes", "--exclusive"]),
    ]
