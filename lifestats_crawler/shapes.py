"""The shapes of the JSON documents that programs read. ``docs/schema`` is made from them: ``make schema``.

A key that is not always there is NotRequired, for it came with a later version, or it only makes sense for some.
Later versions only add keys.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

Moment = Annotated[str, Field(description="UTC, ISO 8601")]
Range = Annotated[
    list[int],
    Field(min_length=2, max_length=2, description="ids from the first number up to, and without, the second"),
]
#: Rank and count.
Point = Annotated[list[int], Field(min_length=2, max_length=2)]
#: Begin, end, and why.
Reason = Annotated[list[int | str], Field(min_length=3, max_length=3)]


class RunFacts(TypedDict):
    """A run, and how its last crawl ended."""

    name: str
    environment: str
    started_at: Moment
    finished_at: Moment
    elapsed_seconds: Annotated[float, Field(description="how long its crawls have worked")]
    finish_reason: str


class Source(TypedDict):
    """What was asked, and how records are read."""

    url: Annotated[str, Field(description="without its login")]
    first_id: int
    last_id: int
    results_per_page: int
    rate_limit: Annotated[float | None, Field(description="requests a second; null without a limit")]
    items: NotRequired[Annotated[str, Field(description="where the records are, JMESPath")]]
    id: NotRequired[Annotated[str, Field(description="where the id of a record is, JMESPath")]]
    next: NotRequired[Annotated[str | None, Field(description="where the next cursor is, JMESPath")]]
    inclusive: NotRequired[Annotated[bool, Field(description="whether an answer has the record of the cursor")]]
    mock: NotRequired[Annotated[bool, Field(description="whether the records are made up")]]


class Coverage(TypedDict):
    """Which ids the counts rest on."""

    complete: bool
    ids: Annotated[int, Field(description="in the id space")]
    settled: Annotated[int, Field(description="ids that were crawled")]
    ratio: Annotated[float, Field(description="settled / ids, rounded down")]
    missing: list[Range]
    reasons: NotRequired[Annotated[list[Reason], Field(description="begin, end and reason of what was given up")]]
    seen: NotRequired[Annotated[bool, Field(description="false if the API has never shown a record")]]


class Audit(TypedDict):
    """What was asked a second time, in parts."""

    ranges: int
    differing: int
    at_most: Annotated[float, Field(description="share of pages that can differ at most, with 95 % confidence")]


class Totals(TypedDict):
    """What was counted, and what it took."""

    items: Annotated[int, Field(description="records")]
    pages: int
    requests: int
    retries: int
    requests_per_second: float


class Killed(TypedDict):
    """What is known of crawls of the run that were killed."""

    starts: int
    requests: Annotated[int, Field(description="sent after the last segment, as far as it was noted")]


class Previous(TypedDict):
    """The complete report that the rows are compared with."""

    name: str
    finished_at: Moment


class Besides(TypedDict, total=False):
    """What a row may have beside rank, value and count."""

    key_exact: Annotated[str, Field(description="an integer beyond 2^53, as a text")]
    label: str
    rank_change: Annotated[int | None, Field(description="ranks risen since the previous report")]
    new: Annotated[bool, Field(description="whether the previous run has not counted it")]


class Row(Besides):
    """A value, and how often it occurs."""

    rank: int
    key: int | str
    count: int
    share: Annotated[float, Field(description="of the records that the counter counts, rounded to six digits")]
    certain: NotRequired[
        Annotated[bool, Field(description="whether it has this rank whatever the missing ids contain")]
    ]


class Counter(TypedDict):
    """The counts of one field."""

    field: str
    items: Annotated[int, Field(description="records that were counted")]
    without: NotRequired[Annotated[int, Field(description="records without the field")]]
    distinct: Annotated[int, Field(description="values")]
    top: list[Row]
    frequency: NotRequired[Annotated[list[Point], Field(description="rank and count, down the whole list")]]


class Pace(TypedDict):
    """How many requests were sent in the seconds before a moment."""

    at: Moment
    seconds: float
    requests: int


class Report(TypedDict):
    """report.json and latest.json."""

    schema: Literal["lifestats.report/1"]
    written_by: NotRequired[Annotated[str, Field(description="lifestats and its version")]]
    run: RunFacts
    source: Source
    coverage: Coverage
    audit: NotRequired[Audit | None]
    totals: Totals
    answers: NotRequired[
        Annotated[dict[str, int], Field(description="answers by status, or by why there was none")]
    ]
    faults: NotRequired[
        Annotated[
            dict[str, int], Field(description="answers with a good status that were not believed, by reason")
        ]
    ]
    paused: NotRequired[
        Annotated[dict[str, float], Field(description="seconds in which no request left, by cause")]
    ]
    errors: NotRequired[Annotated[list[str], Field(description="the last lines of the log that were errors")]]
    killed: NotRequired[Killed]
    previous: NotRequired[Previous | None]
    counters: dict[str, Counter]
    pace: NotRequired[list[Pace]]


class Compared(RunFacts):
    """One of two runs that are compared."""

    complete: bool
    items: Annotated[int, Field(description="records")]


class DiffTotals(TypedDict):
    """The whole of a counter in both reports."""

    items_before: int
    items: int
    distinct_before: int
    distinct: int


class Change(TypedDict):
    """What became of one value; null where a report has not counted it, or does not list it."""

    key: int | str
    label: str | None
    rank_before: int | None
    rank: int | None
    count_before: int | None
    count: int | None
    share_before: float | None
    share: float | None
    below: Annotated[
        int | None, Field(description="the rank below which it may be in the report that does not list it")
    ]
    rank_change: Annotated[int | None, Field(description="ranks risen")]
    count_change: int | None
    kind: Literal["new", "gone", "risen", "fallen", "same", "unlisted"]
    direction: Annotated[
        Literal[-1, 0, 1], Field(description="whether it became more or less frequent itself, as its rank says")
    ]


class Diff(TypedDict):
    """``scrapy diff --json``."""

    schema: Literal["lifestats.diff/1"]
    before: Compared
    after: Compared
    differences: Annotated[list[str], Field(description="in what the two have not counted the same")]
    totals: dict[str, DiffTotals]
    counters: dict[str, list[Change]]


class NotContinued(TypedDict):
    """A run that a crawl would not go on with."""

    run: str
    why: str


class PlannedRun(TypedDict):
    """The run that a crawl would go on with, if there is one."""

    continues: str | None
    settled: Annotated[int, Field(description="ids")]
    damaged_segments: int
    last_worked_on: Moment | None
    refused_by: Annotated[str | None, Field(description="the process that crawls it now")]
    not_continued: list[NotContinued]


class Density(TypedDict):
    """Records and requests per id that is left to crawl, and the run that showed them."""

    ratio: float
    requests: float
    run: str


class Estimate(TypedDict):
    """What a crawl would take."""

    records: int
    requests: int
    seconds: Annotated[float | None, Field(description="null without a limit")]
    segments: int
    bytes: int


class Plan(TypedDict):
    """``scrapy plan --json``."""

    schema: Literal["lifestats.plan/1"]
    environment: str
    config: Annotated[str, Field(description="path of the configuration")]
    source: Source
    counters: Annotated[dict[str, dict[str, Any]], Field(description="as in the configuration")]
    run: PlannedRun
    ids: int
    unsettled: Annotated[int, Field(description="ids that are left to crawl")]
    subsets: int
    most_chains: int
    density: Density | None
    bytes_measured_in: Annotated[str | None, Field(description="the run that tells what a record takes on disk")]
    likely: Estimate | None
    at_most: Estimate
    page_bytes: Annotated[int, Field(description="what report.html and its script take on disk beside that")]


class Check(TypedDict):
    """One thing that has to hold."""

    name: str
    outcome: Literal["ok", "note", "FAILED", "skipped"]
    seen: str
    keys: Annotated[str, Field(description="keys of the configuration to look at")]
    json: Annotated[str, Field(description="the part of the answer in question")]


class Probe(TypedDict):
    """``scrapy probe --json``."""

    schema: Literal["lifestats.probe/1"]
    environment: str
    url: str
    rate_limit: float | None
    holds: Annotated[bool, Field(description="whether no check failed")]
    requests: int
    checks: list[Check]
    crawl: Annotated[Estimate | None, Field(description="what a crawl would take, by what was seen")]


class ListedRun(TypedDict):
    """A run as it is on disk."""

    environment: str
    run: str
    state: str
    crawled_by: Annotated[str | None, Field(description="the process that crawls it now")]
    ids: Annotated[int | None, Field(description="null before the first segment")]
    settled: int
    records: int
    damaged_segments: int
    started_at: Moment | None
    last_worked_on: Moment | None
    bytes: int


class Runs(TypedDict):
    """``scrapy runs --json``."""

    schema: Literal["lifestats.runs/1"]
    storage: Annotated[str, Field(description="path")]
    environment: Annotated[str | None, Field(description="null for all")]
    runs: list[ListedRun]


#: Each document, by the name that is in its ``schema``.
DOCUMENTS = {"report": Report, "diff": Diff, "plan": Plan, "probe": Probe, "runs": Runs}
