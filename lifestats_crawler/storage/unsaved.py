"""What a crawl has requested since its last segment, noted beside the run: known also of a crawl that was killed.

It is a note for people. No count rests on it, so it is written without fsync, and a damaged one tells nothing.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from lifestats_crawler.storage import segments

if TYPE_CHECKING:
    from pathlib import Path

    from lifestats_crawler.storage.runs import Run

_NAME = ".requested"


def note(run: Run, segment: int, requests: int) -> None:
    """Write how many requests no segment before number ``segment`` accounts for. Raises OSError."""
    _path(run).write_text(json.dumps({"segment": segment, "requests": requests}), encoding="utf-8")


def left(run: Run) -> int | None:
    """Return how many requests a crawl had made that was killed; None if none was. Raises no error."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        noted = json.loads(_path(run).read_text(encoding="utf-8"))
        is_written = any(int(path.stem) >= noted["segment"] for path in segments.paths(run.segments))
        return 0 if is_written else int(noted["requests"])
    return 0 if _path(run).exists() else None


def clear(run: Run) -> None:
    """Remove the note: every request is in a segment. Raises OSError."""
    _path(run).unlink(missing_ok=True)


def _path(run: Run) -> Path:
    return run.directory / _NAME
