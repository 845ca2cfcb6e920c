"""What this process is given: descriptors, memory and processors, by its limits and by its control groups."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from ctypes import CDLL
from math import ceil, inf
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path("/")
_UNLIMITED_BYTES = 2**60  # what version 1 writes for no limit is near 2**63
# Measured: with less, the C++ libraries below pyarrow and DuckDB end the process.
_LEAST_ADDRESS_SPACE = 500 * 2**20
_LEAST_THREADS, _MOST_MERGING = 6, 4
_M_ARENA_MAX = -8  # malloc.h
_ENOUGH_PROCESSES = 1000  # a limit that is not worth counting the user's processes
#: What a group's memory holds that the kernel gives back when it is needed: pages of files.
_FILE_PAGES = {"memory": ("total_inactive_file", "total_active_file"), "": ("inactive_file", "active_file")}
_CAPACITY = {"memory": "memory.limit_in_bytes", "": "memory.max"}
_USAGE = {"memory": "memory.usage_in_bytes", "": "memory.current"}


def descriptors() -> float:
    """Raise the limit of open files as far as it goes, and return how many more this process may open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft not in {hard, resource.RLIM_INFINITY}:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    if soft == resource.RLIM_INFINITY:
        return inf
    return soft - _open_descriptors()


def memory(root: Path = _ROOT) -> float:
    """Return how many bytes this process may still take: by the machine, its control groups, and its limits."""
    return min(_available(root), _left_by_limits(root), *_left_in_groups(root), inf)


def shortage(root: Path = _ROOT) -> str | None:
    """Say what this process has too little of to crawl at all, before a library ends it without a word."""
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        _save_address_space()
        left = soft - _fields(root / "proc/self/status").get("VmSize", 0) * 1024
        if left < _LEAST_ADDRESS_SPACE:
            needed = f"a crawl needs {_LEAST_ADDRESS_SPACE >> 20:,} MB more than are in use"
            return f"the address space is limited to {soft >> 20:,} MB (ulimit -v), and {needed}. Raise this limit"
    needed_threads = _LEAST_THREADS + min(_MOST_MERGING, processors(root))
    if (many := threads(root)) < needed_threads:
        where = "(ulimit -u, or pids.max of its control group)"
        needed = f"a crawl needs {needed_threads}"
        return f"this process may start {max(0, many):.0f} threads {where}, and {needed}. Raise this limit"
    return None


def _save_address_space() -> None:
    """Let all threads take memory from one place: each would else reserve 64 MB for itself, and Arrow more."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    with suppress(OSError, AttributeError):
        CDLL(None).mallopt(_M_ARENA_MAX, 1)


def threads(root: Path = _ROOT) -> float:
    """Return how many threads this process may start: by its control groups, and by the limit of its user."""
    left = [_number(group / "pids.max") - _number(group / "pids.current") for group in _groups(root, "pids")]
    soft, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    if os.geteuid() and _ENOUGH_PROCESSES > soft != resource.RLIM_INFINITY:  # root is not limited
        left.append(soft - _tasks_of_user(root))
    return min((many for many in left if many == many), default=inf)  # noqa: PLR0124  # no numbers are not equal


def _tasks_of_user(root: Path) -> int:
    tasks = 0
    for process in (root / "proc").glob("[0-9]*"):
        with suppress(OSError):
            if process.stat().st_uid == os.geteuid():
                tasks += _fields(process / "status").get("Threads", 1)
    return tasks


def give_back_memory() -> None:
    """Give back to the kernel what is free in this process, where its C library can."""
    with suppress(OSError, AttributeError):  # musl and macOS have no such call
        CDLL(None).malloc_trim(0)


def processors(root: Path = _ROOT) -> int:
    """Return how many processors this process may keep busy."""
    many = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    for group in _groups(root, "cpu"):
        many = min(many, _quota(group))
    return max(1, ceil(many))


def _open_descriptors() -> int:
    try:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # names are all that is wanted
    except OSError:
        return 16


def _available(root: Path) -> float:
    return _fields(root / "proc/meminfo").get("MemAvailable", inf) * 1024


def _left_by_limits(root: Path) -> float:
    taken = _fields(root / "proc/self/status")
    left = inf
    for limit, name in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
        soft, _ = resource.getrlimit(limit)
        if soft != resource.RLIM_INFINITY:
            left = min(left, soft - taken.get(name, 0) * 1024)
    return left


def _left_in_groups(root: Path) -> Iterator[float]:
    """Yield what is left in each control group that this process is in, by itself or by a group above it."""
    for version in ("memory", ""):
        for group in _groups(root, version, both=False):
            capacity, usage = _number(group / _CAPACITY[version]), _number(group / _USAGE[version])
            if capacity < _UNLIMITED_BYTES and usage < inf:
                kept = _fields(group / "memory.stat")
                yield capacity - usage + sum(kept.get(name, 0) for name in _FILE_PAGES[version])


def _quota(group: Path) -> float:
    with suppress(OSError, ValueError):
        quota, period = (group / "cpu.max").read_text().split()
        return inf if quota == "max" else int(quota) / int(period)
    quota_us, period_us = _number(group / "cpu.cfs_quota_us"), _number(group / "cpu.cfs_period_us")
    return quota_us / period_us if 0 < quota_us < inf and 0 < period_us < inf else inf


def _groups(root: Path, controller: str, *, both: bool = True) -> Iterator[Path]:
    """Yield the directories of the groups of a controller, from this process's own upwards.

    A controller without a name is that of version 2. In a container the path may be that of the host, and its
    mount shows the container's group as the root: a directory that is not there is passed over.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
        mounts = [line.split(" - ") for line in (root / "proc/self/mountinfo").read_text().splitlines()]
    except OSError:
        return
    for line in lines:
        _, names, path = line.split(":", 2)
        if controller not in names.split(",") and not (both and not names):
            continue
        for place, kind in mounts:
            options = kind.split()
            is_its = options[0] == "cgroup2" if not names else options[0] == "cgroup" and _has(options, controller)
            if is_its:
                at, mounted = place.split()[3:5]
                base = root / mounted.lstrip("/")
                inside = Path(path.removeprefix(at if at != "/" else "").lstrip("/"))
                yield from (base / above for above in [inside, *inside.parents] if (base / above).is_dir())


def _has(options: list[str], controller: str) -> bool:
    return controller in options[-1].split(",")


def _number(path: Path) -> float:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # not there, or "max"
        return inf


def _fields(path: Path) -> dict[str, int]:
    """Read lines of a name and a number."""
    found = {}
    with suppress(OSError):
        for line in path.read_text().splitlines():
            name, number, *_ = [*line.replace(":", " ").split(), "", ""]
            if number.isdecimal():
                found[name] = int(number)
    return found
