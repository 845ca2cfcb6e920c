"""The few errors of lifestats, each saying when and from where it comes."""


class LifestatsError(Exception):
    """Anything that lifestats reports in one line, without a traceback."""


class ConfigError(LifestatsError):
    """Raised when config.yml, or a file that it names, cannot be used as it stands."""


class FaultyPageError(LifestatsError):
    """Raised by the dialect and the frontier for an answer that cannot be believed.

    The page counts nothing and its range is asked for again.
    """


class RefusedError(FaultyPageError):
    """Raised for an answer that says that we may not ask: the crawl stops."""


class ContradictionError(FaultyPageError):
    """Raised by the dialect for an answer that says that the configuration is wrong.

    If it comes twice in a row, it is no accident: the crawl stops.
    """


class OverlapError(LifestatsError):
    """Raised when the same ids are settled twice: their records would count double."""


class RunError(LifestatsError):
    """Raised by ``runs`` when the run that is asked for cannot be had: no such name, another source, or in use."""


class StorageError(LifestatsError):
    """Raised when the storage cannot be used, or a segment or report in it cannot be read."""


class CountError(LifestatsError):
    """Raised by the merge when the counts of a run are not those of the records it settled."""


class MockError(LifestatsError):
    """Raised when the mock API cannot be started for an environment with ``mock: true``."""
