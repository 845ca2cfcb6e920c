"""The servers and the clients: processes of their own, pinned to a core and measured from outside."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PROJECT = Path(__file__).resolve().parent.parent
_CORES = sorted(os.sched_getaffinity(0))
CLIENT_CORE, SERVER_CORE = _CORES[0], _CORES[-1]
_TICKS = os.sysconf("SC_CLK_TCK")
_SAMPLE_SECONDS = 0.1
_STALL_SECONDS, _SAMPLES_PER_STALL = 0.1, 5
_OWN = {"PYTHONPATH": str(PROJECT), "RUNTIME__DLTHUB_TELEMETRY": "false"}


class ClientError(Exception):
    """Raised when a client fails, with the end of what it said."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process took; times are those of the monotonic clock."""

    started: float
    cpu_seconds: float  # its own and its children's
    memory: list[tuple[float, float]]  # (time, resident MB)


class Server:
    """An API in a process of its own."""

    def __init__(self, process: Popen[bytes], url: str) -> None:
        """Speak to a server that listens already."""
        self.url = url
        self.pid = process.pid

    def arrivals(self, since: float) -> list[float]:
        """Return when requests arrived, in order, in seconds of the monotonic clock."""
        with urlopen(f"{self.url}/log") as answer:  # noqa: S310  # our own server
            return [row[0] for row in json.load(answer)["requests"] if row[0] > since]

    def cpu_seconds(self) -> float:
        """Return what it has taken of the processor so far."""
        figures = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(figures[11]) + int(figures[12])) / _TICKS


def run_client(
    command: Sequence[str], directory: Path, cwd: Path, core: int | None = None, *, has_stalls: bool = False
) -> Usage:
    """Run a program to its end, with or without stalls of 100 ms; raises ClientError if it fails."""
    said = directory / "said.log"
    with said.open("wb") as output:
        started = monotonic()
        process = _start(command, core, cwd=cwd, stdin=DEVNULL, stdout=output, stderr=STDOUT)
    memory = []
    while resident := _resident(process.pid):
        memory.append((monotonic(), resident))
        sleep(_SAMPLE_SECONDS)
        if has_stalls and len(memory) % _SAMPLES_PER_STALL == 0:
            os.kill(process.pid, signal.SIGSTOP)
            sleep(_STALL_SECONDS)
            os.kill(process.pid, signal.SIGCONT)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ClientError(said.read_text(encoding="utf-8", errors="replace")[-2000:])
    return Usage(started, usage.ru_utime + usage.ru_stime, memory)


@contextmanager
def serving(module: str, *arguments: str, core: int | None = None) -> Iterator[Server]:
    """Run a server, which prints its url as a line, until the block ends."""
    command = [sys.executable, "-m", module, *arguments]
    with _start(command, core, cwd=PROJECT, stdin=PIPE, stdout=PIPE) as process:
        try:
            yield Server(process, process.stdout.readline().decode().strip())  # type: ignore[union-attr]  # a PIPE
        finally:
            process.stdin.close()  # type: ignore[union-attr]  # a PIPE


@contextmanager
def mock(*arguments: str) -> Iterator[Server]:
    """Run ``mocks.api`` until the block ends."""
    with serving("mocks.api", "--port=0", "--until-stdin-closes", *arguments) as server:
        yield server


@contextmanager
def prompt_mock(*arguments: str) -> Iterator[Server]:
    """Run ``mocks.api``, with priority over every other process where that is allowed.

    It then sees requests when they arrive, and not when it gets its turn on a busy machine.
    """
    with mock(*arguments) as server:
        with suppress(PermissionError):
            os.sched_setscheduler(server.pid, os.SCHED_RR, os.sched_param(1))
        yield server


def _start(command: Sequence[str], core: int | None, cwd: Path, **streams: Any) -> Popen[bytes]:
    pinned = ["taskset", "--cpu-list", str(core)] if core is not None else []
    options: Any = {"cwd": cwd, "env": os.environ | _OWN} | streams
    process: Popen[bytes] = Popen([*pinned, *command], **options)  # noqa: S603  # our own programs
    return process


def _resident(pid: int) -> float:
    """Return the resident memory of a process in MB, 0 when it has ended."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    _, found, figures = status.partition("VmRSS:")
    return int(figures.split()[0]) * 1024 / 1e6 if found else 0.0
