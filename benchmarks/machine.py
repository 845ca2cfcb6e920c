"""What the measurements ran on and with, without paths and host names."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("Scrapy", "Twisted", "aiohttp", "orjson", "pyarrow", "duckdb", "uvloop", "requests", "dlt", "numpy")


def machine() -> str:
    """Name cores, processor, memory and Python in a line."""
    cores, model = len(os.sched_getaffinity(0)), _after("model name", "/proc/cpuinfo") or platform.machine()
    gibibytes = int(_after("MemTotal", "/proc/meminfo").split()[0]) / 1024**2
    return f"{cores} cores of {model}, {gibibytes:.0f} GiB, Python {platform.python_version()}"


def versions() -> str:
    """Name the packages that are compared, or compared with."""
    return ", ".join(f"{package} {version(package)}" for package in _PACKAGES)


def load() -> str:
    """Tell how many processes wanted a core on average in the last five minutes."""
    return f"{os.getloadavg()[1]:.1f}"


def _after(name: str, path: str) -> str:
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
