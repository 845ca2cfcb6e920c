"""Standard streams that may be closed, or that nobody reads: neither may stop a crawl."""

from __future__ import annotations

import atexit
import os
import sys
from collections import deque
from contextlib import suppress
from io import BufferedWriter, FileIO, TextIOWrapper
from math import inf
from select import select
from threading import Condition, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Callable

_STANDARD = range(3)
_MOST_CHARACTERS = 4 * 1024 * 1024  # that wait for a reader
_AT_ONCE_BYTES = 4096  # what a pipe takes whole, if it takes anything
_PATIENCE_SECONDS = 2.0  # for a reader who takes nothing any more
_LOOK_UP_SECONDS = 0.2
_FAILED = "lifestats: standard output cannot be written: {}\n"


def open_closed() -> None:
    """Open the null device in place of each standard descriptor that is closed.

    Otherwise the next file or socket gets its number, and what is written to standard output goes there.
    """
    for descriptor in _STANDARD:
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
    for descriptor, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            stream = open(descriptor, mode, errors="backslashreplace", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)


class _Output(FileIO):
    """Standard output, whose reader may have enough, as ``head`` has: that is no error, and the rest is dropped.

    Where it cannot be written for another reason, the process ends with a line and exit status 1.
    """

    _is_ended = has_failed = False

    def write(self, data: Any) -> int:
        """Write what can be written, and nothing any more after the first failure."""
        if not self._is_ended:
            try:
                return super().write(data)
            except BrokenPipeError:
                self._is_ended = True
            except OSError as error:
                self._is_ended = self.has_failed = True
                sys.stderr.write(_FAILED.format(error.strerror))
                raise SystemExit(1) from None
        return memoryview(data).nbytes


def open_output() -> None:
    """Open standard output anew for commands: see ``_Output``.

    What it cannot encode is written with backslashes.
    """
    usual = sys.stdout
    if usual is not sys.__stdout__ or not isinstance(usual, TextIOWrapper):  # another program's
        return
    output = _Output(usual.fileno(), "w", closefd=False)
    sys.stdout = TextIOWrapper(
        BufferedWriter(output),
        encoding=usual.encoding,
        errors="backslashreplace",
        line_buffering=usual.line_buffering,
        write_through=usual.write_through,
    )
    atexit.register(_end, output)


def _end(output: _Output) -> None:
    """End with status 1 also where the output failed at the very end, which Python passes over in silence."""
    with suppress(SystemExit):
        sys.stdout.flush()
    if output.has_failed:
        sys.stderr.flush()
        os._exit(1)


class Relay:
    """A text stream that hands what is written to a thread, so that a reader who does not read stops nobody.

    Lines for which there is no room are dropped, and counted in a line of their own as soon as the reader reads
    again. Without ``most`` nothing is dropped. What the stream cannot encode is written with backslashes.
    """

    def __init__(self, stream: TextIO, most: int | None = _MOST_CHARACTERS) -> None:
        """Write to the descriptor of a stream, which is to be written by nobody else from now on."""
        stream.flush()
        self._stream = stream
        self._descriptor = stream.fileno()
        self._most = most
        self._waiting: deque[str] = deque()
        self._characters = 0
        self._dropped = 0
        self._written = 0  # bytes
        self._is_broken = False
        #: Why the stream cannot be written, if not for want of a reader.
        self.failed_because: str | None = None
        self._changed = Condition()
        self._thread: Thread | None = None

    encoding = property(lambda self: self._stream.encoding)
    errors = property(lambda _: "backslashreplace")
    mode = property(lambda _: "w")
    name = property(lambda self: self._stream.name)
    closed = property(lambda _: False)

    def write(self, text: str) -> int:
        """Put a text into the queue, or drop it."""
        with self._changed:
            if self._is_broken or not text:
                return len(text)
            if self._most is not None and self._characters + len(text) > self._most:
                self._dropped += text.count("\n")
                return len(text)
            self._add(self._dropped_line() + text)
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write each of them."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Do nothing: the thread writes at once, and nobody is to wait for it."""

    def close(self) -> None:
        """Wait for what is written, but not for a reader who takes nothing; close what is no standard stream."""
        if self.drain() and self._descriptor not in _STANDARD:
            self._stream.close()

    def fileno(self) -> int:
        """Return the descriptor that is written to."""
        return self._descriptor

    def isatty(self) -> bool:
        """Tell whether that is a terminal."""
        return self._stream.isatty()

    def readable(self) -> bool:
        """Tell that it is not."""
        return False

    def writable(self) -> bool:
        """Tell that it is."""
        return True

    def drain(self, seconds: float = _PATIENCE_SECONDS, is_wanted: Callable[[], bool] = lambda: True) -> bool:
        """Wait until everything is written, and tell whether it is.

        Give up when the reader takes nothing for so many ``seconds``, or for two where it is not wanted any more.
        """
        with self._changed:
            if self._dropped:
                self._add(self._dropped_line())
            written, since = self._written, monotonic()
            while self._characters and not self._is_broken:
                self._changed.wait(_LOOK_UP_SECONDS)
                if self._written != written:
                    written, since = self._written, monotonic()
                elif monotonic() - since > (seconds if is_wanted() else _PATIENCE_SECONDS):
                    return False
            return True

    def _dropped_line(self) -> str:
        many, self._dropped = self._dropped, 0
        return f"lifestats: {many:,} lines of the log were dropped, because nobody read it\n" if many else ""

    def _add(self, text: str) -> None:
        self._waiting.append(text)
        self._characters += len(text)
        self._changed.notify_all()
        if self._thread is None:
            self._thread = Thread(target=self._relay, daemon=True, name=f"relay of {self._descriptor}")
            self._thread.start()

    def _relay(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                text = "".join(self._waiting)
                self._waiting.clear()
            self._put(text.encode(self._stream.encoding or "utf-8", "backslashreplace"))
            with self._changed:
                self._characters -= len(text)
                self._changed.notify_all()

    def _put(self, data: bytes) -> None:
        """Write to the descriptor itself: the locks of Python's streams must be free at the end of the process."""
        try:
            while data:
                # Another process may have told the descriptor that they share not to wait.
                select([], [self._descriptor], [])
                with suppress(BlockingIOError):
                    many = os.write(self._descriptor, data[:_AT_ONCE_BYTES])
                    data = data[many:]
                    with self._changed:
                        self._written += many
        except BrokenPipeError:  # nobody is left to read
            self._is_broken = True
        except OSError as error:
            self._is_broken, self.failed_because = True, error.strerror


def relayed(stream: TextIO, most: int | None = _MOST_CHARACTERS) -> TextIO:
    """Return a stream that hands what is written to a thread; the same stream if it has no descriptor."""
    try:
        return cast("TextIO", Relay(stream, most))
    except OSError:  # a test's, or nothing that can be written
        return stream


def relay_errors() -> None:
    """Write standard error through a thread; at the end of the process wait for its reader, but not for ever."""
    sys.stderr = relayed(sys.stderr)
    if isinstance(sys.stderr, Relay):
        atexit.register(sys.stderr.drain)


def show(write: Callable[[], None], seconds: float, is_wanted: Callable[[], bool]) -> None:
    """Call a function that writes to standard output, and wait for the reader for as long as ``drain`` does.

    A terminal that somebody has stopped to read it is waited for.
    """
    usual = sys.stdout
    sys.stdout = stream = relayed(usual, None)
    try:
        write()
    finally:
        if isinstance(stream, Relay):
            stream.drain(inf if stream.isatty() else seconds, is_wanted)
            if stream.failed_because:
                sys.stderr.write(_FAILED.format(stream.failed_because))
        sys.stdout = usual
