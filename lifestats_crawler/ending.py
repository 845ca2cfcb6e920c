"""How a crawl ends: the word in its report, the sentence for people, and the exit status."""

from __future__ import annotations

from enum import Enum, IntEnum

from lifestats_crawler.program import called

#: Keys of Scrapy's stats: the path of the report, whether it is complete, and why a crawl did not start.
REPORT, COMPLETE = "lifestats/report", "lifestats/complete"
NOT_STARTED_BECAUSE = "lifestats/not_started_because"


class ExitStatus(IntEnum):
    """What the process ends with."""

    COMPLETE = 0
    NOT_STARTED = 1
    INCOMPLETE = 2
    STOPPED = 3


class Ending(Enum):
    """How a crawl has ended, or how a run stands whose crawl has written no report.

    Each has the word that stands in a report's ``finish_reason``, its sentence, and the exit status, which is None
    where the completeness of the report decides.
    """

    FINISHED = "finished", "The crawl reached the end of the id space.", None
    SHUTDOWN = "shutdown", "A signal stopped the crawl.", None
    #: The report has Scrapy's word, or that of the extension or the pipeline, in place of this one.
    CLOSED = "closed", "Scrapy, an extension or a pipeline ended the crawl.", None
    OUTAGE = (
        "outage",
        "The crawl stopped because the API could not be reached, or did not work, for too long.",
        None,
    )
    FAILING = "failing", "The crawl stopped because most answers failed.", ExitStatus.STOPPED
    REFUSED = (
        "refused",
        "The crawl stopped because the API refused access (status 401 or 403).",
        ExitStatus.STOPPED,
    )
    MISCONFIGURED = (
        "misconfigured",
        "The crawl stopped because the answers contradict the configuration.",
        ExitStatus.STOPPED,
    )
    STORAGE = (
        "storage",
        "The crawl stopped because reading or writing a file failed; the log has the reason.",
        ExitStatus.STOPPED,
    )
    BROKEN = (
        "broken",
        "The crawl ended while ids were still to be crawled. This is an error of lifestats: open an issue with"
        " the log.",
        ExitStatus.STOPPED,
    )
    MOCK_FAILED = "mock_failed", "The mock API could not be started.", ExitStatus.NOT_STARTED
    CRAWLING = "crawling", "This run is still being crawled.", None
    KILLED = "killed", "The crawl was killed before it could write a report.", None

    def __init__(self, word: str, sentence: str, status: ExitStatus | None) -> None:
        """Take the three apart."""
        self.word = word
        self.sentence = sentence
        self.status = status


#: The reasons of Scrapy's own limits, and the settings that set them.
_LIMITS = {
    "closespider_timeout": "CLOSESPIDER_TIMEOUT",
    "closespider_itemcount": "CLOSESPIDER_ITEMCOUNT",
    "closespider_pagecount": "CLOSESPIDER_PAGECOUNT",
    "closespider_errorcount": "CLOSESPIDER_ERRORCOUNT",
    "closespider_timeout_no_item": "CLOSESPIDER_TIMEOUT_NO_ITEM",
    "closespider_pagecount_no_item": "CLOSESPIDER_PAGECOUNT_NO_ITEM",
    "memusage_exceeded": "MEMUSAGE_LIMIT_MB",
}


_AGAIN = "To fetch them, run this command again."
_ADVICE = {
    Ending.FAILING: "Run {probe} to find the cause. Then run this command again: it goes on from here.",
    Ending.REFUSED: "Check the token or the login. A start with a new one goes on from here.",
    Ending.MISCONFIGURED: "Run {probe}, correct the configuration, and start again.",
    Ending.STORAGE: "Make room in the storage, or mend it. Then run this command again: it goes on from here.",
    Ending.BROKEN: "Open an issue with the log.",
    Ending.CRAWLING: "The crawl goes on.",
    Ending.FINISHED: "To try these ids once more, add -a run={name}",
}


def advice(word: str, name: str) -> str:
    """Say what helps a run that is not complete, for the word that its report has, and its name.

    >>> advice("shutdown", "a"), advice("finished", "a")
    ('To fetch them, run this command again.', 'To try these ids once more, add -a run=a')
    """
    return next((text for ending, text in _ADVICE.items() if ending.word == word), _AGAIN).format(
        name=name, probe=called("probe")
    )


def sentence(word: str) -> str:
    """Say in a sentence how a crawl ended, for the word that a stored report has; a later version may have others.

    >>> sentence("shutdown"), sentence("tired")
    ('A signal stopped the crawl.', 'The crawl ended with the reason “tired”.')
    >>> sentence("closespider_timeout")
    'The crawl reached the limit CLOSESPIDER_TIMEOUT.'
    """
    if word in _LIMITS:
        return f"The crawl reached the limit {_LIMITS[word]}."
    known = {ending.word: ending.sentence for ending in Ending}
    return known.get(word, f"The crawl ended with the reason “{word}”.")
