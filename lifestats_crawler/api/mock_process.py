"""The mock API of an environment with ``mock: true``, in a process of its own."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from lifestats_crawler.exceptions import MockError

if TYPE_CHECKING:
    from lifestats_crawler.config.model import Config

_LOOPBACK = ("127.0.0.1", "localhost")
_PROJECT = Path(__file__).resolve().parent.parent.parent


class MockProcess:
    """Speaks the dialect of a configuration.

    Its stdin closes when the crawl ends, also by a kill, and then the mock stops.
    """

    def __init__(self, config: Config) -> None:
        """Mock the API that a configuration describes."""
        self._config = config
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *arguments: str) -> str:
        """Start it, and return the configured url with the port that it listens on. Raises MockError."""
        if not (_PROJECT / "mocks").is_dir():
            raise MockError(
                f"mock: true needs the repository, but {_PROJECT} has no directory mocks. Choose another"
                " environment, such as -s ENV=production"
            )
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "mocks.api"),
            *command_line(self._config),
            *arguments,
            cwd=_PROJECT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the crawl, which still has to settle pages
        )
        line = await process.stdout.readline()  # type: ignore[union-attr]  # it is a PIPE
        if not line:
            _, complaint = await process.communicate()
            raise MockError(f"The mock API did not start: {' '.join(complaint.decode().split())}")
        template = urlsplit(self._config.url)
        port = urlsplit(line.decode().strip()).port
        return template._replace(netloc=f"{template.hostname}:{port}").geturl()

    async def stop(self) -> None:
        """Stop it, if it runs."""
        if self._process and self._process.stdin:
            self._process.stdin.close()
            await self._process.wait()


def command_line(config: Config) -> list[str]:
    """Return the arguments that make the mock speak the dialect of a configuration.

    Raises MockError for a configuration that it cannot be driven by.
    """
    url = urlsplit(config.url)
    parameters = {value: name for name, value in parse_qsl(url.query)}
    if "{cursor}" not in parameters or url.scheme != "http":
        raise MockError("mock: true needs an http:// url with {cursor} as a query parameter")
    if url.hostname not in _LOOPBACK:
        raise MockError(f"mock: true needs a url at {' or '.join(_LOOPBACK)}, not at {url.hostname}")
    arguments = {
        "--host": url.hostname,
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
