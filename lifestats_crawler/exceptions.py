"""The few errors of lifestats, each saying when and from where it comes."""

from __future__ import annotations

from enum import Enum, auto


class LifestatsError(Exception):
    """Anything that lifestats reports in one line, without a traceback."""


class ConfigError(LifestatsError):
    """Raised when config.yml, or a file that it names, cannot be used as it stands."""


class Cause(Enum):
    """Why a request got no answer."""

    NOT_IN_TIME = auto()
    UNKNOWN_HOST = auto()
    #: It is refused, or cannot be made.
    NO_CONNECTION = auto()
    #: It was reset or closed before an answer began.
    LOST = auto()
    CUT_SHORT = auto()
    TOO_LARGE = auto()
    #: It came, and cannot be unpacked, or is not in the encoding that it names.
    UNREADABLE = auto()
    OTHER = auto()


class NoAnswerError(LifestatsError):
    """Raised by the client for a request that got no whole answer."""

    def __init__(
        self, cause: Cause, message: str, *, left_at: float = 0.0, at: float = 0.0, connection: int = 0
    ) -> None:
        """Say why in a message, and tell the kind of it; the rest is that of ``Answer``."""
        super().__init__(message)
        self.cause = cause
        self.left_at = left_at
        self.at = at
        self.connection = connection


class FaultyPageError(LifestatsError):
    """Raised by the dialect and the frontier for an answer that cannot be believed.

    The page counts nothing and its range is asked for again.
    """


class RefusedError(FaultyPageError):
    """Raised for an answer that refuses access (status 401 or 403): the crawl stops."""


class ContradictionError(FaultyPageError):
    """Raised by the dialect for an answer that says that the configuration is wrong.

    If it comes twice in a row, it is no accident: the crawl stops.
    """


class FaultyRecordsError(FaultyPageError):
    """Raised by the dialect for a page of which too many records cannot be counted."""


class OverlapError(LifestatsError):
    """Raised when the same ids are settled twice: their records would count double."""


class RunError(LifestatsError):
    """Raised by the storage when a run cannot be used: no such name, another configuration, or in use."""


class StorageError(LifestatsError):
    """Raised when the storage cannot be used, or a segment or report in it cannot be read."""


class UnreadableError(LifestatsError):
    """Raised where a file of the storage cannot be read, for no reason of its own: nothing is touched."""


class NewerFormatError(StorageError):
    """Raised for a segment that a later version of lifestats wrote: nothing of its run is touched."""


class CountError(LifestatsError):
    """Raised by the merge when the counts of a run are not those of the records it settled."""


class MockError(LifestatsError):
    """Raised when the mock API cannot be started for an environment with ``mock: true``."""
