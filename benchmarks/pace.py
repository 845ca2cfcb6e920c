"""How close a crawl comes to its rate limit, and whether it stays within it, counted by the server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.crawlers import Contestant, lifestats, plain_scrapy, program
from benchmarks.processes import prompt_mock
from benchmarks.results import Result, Row, Target, at_least, at_most, exactness, progress
from benchmarks.spaces import even

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.crawlers import Crawl
    from benchmarks.results import Options
    from benchmarks.spaces import Space

RATE_PER_SECOND = 100
_SECONDS, _QUICK_SECONDS, _STRICT_SECONDS, _LONG_SECONDS = 20, 10, 120, 300
_PAUSE_SECONDS = 0.5  # without a request, where one is due every hundredth of a second
_MOST_PAUSES = 2
_ABOUT = (
    f"The server counts the requests that arrive; the limit is {RATE_PER_SECOND} a second. The columns show the"
    " rate without the first and the last tenth of the crawl, the rate of the whole crawl up to its last request"
    " and up to its last answer, and the most requests in any sliding second. Each crawl waits for its last answer"
    " at the end, and loses about the time of one more answer. This matters for a short crawl, but not for a crawl"
    " of hours, so one row is a long crawl. *Stalls*: the process is stopped for 100 ms every half a second."
    " *Failures*: one answer in fifty is a 500, and its page is requested again. *Strict*: the server refuses"
    " what exceeds the limit in any second of its clock, and requests arrive up to so many milliseconds late."
    " *Pauses* is how often nothing arrived for half a second. The server has priority over"
    " every other process, so it sees a request when the request arrives."
)


class Setting(NamedTuple):
    """A contestant, and a server that takes ``latency`` to ``latency + jitter`` seconds for a page."""

    contestant: Contestant
    latency: float
    jitter: float = 0.0
    seconds: int = _SECONDS  # at the limit
    has_stalls: bool = False
    has_failures: bool = False
    #: Of a server that refuses what exceeds the limit: how late requests arrive at most, in seconds.
    strict_jitter: float | None = None

    @property
    def server(self) -> str:
        """Describe the circumstances."""
        longest = f" to {self.latency + self.jitter:g}" if self.jitter else ""
        circumstances = [
            f"{self.latency:g}{longest} s",
            *(["stalls"] if self.has_stalls else []),
            *(["failures"] if self.has_failures else []),
            *([] if self.strict_jitter is None else [f"strict, {1000 * self.strict_jitter:g} ms"]),
        ]
        return ", ".join(circumstances)


class Outcome(NamedTuple):
    """A setting and what became of it."""

    setting: Setting
    crawl: Crawl

    @property
    def is_promised(self) -> bool:
        """Tell whether its contestant is lifestats."""
        return self.setting.contestant.name.startswith("lifestats")

    @property
    def last_answer(self) -> float:
        """When it had its last answer at the latest."""
        return self.crawl.arrivals[-1] + self.setting.latency + self.setting.jitter


def run(options: Options) -> Result:
    """Measure every setting, two at a time, beside the long ones: a paced crawl idles.

    Two begin together, and the next two when both have ended: a start takes a core for a second.
    """
    settings = _quick_settings() if options.quick else _settings()
    pairs = [settings[first : first + 2] for first in range(0, len(settings), 2)]
    longer = [] if options.quick else [Setting(_ours(), 0.5, seconds=_LONG_SECONDS), *_strict_servers()]
    with ThreadPoolExecutor(3) as threads:
        long_ones = threads.map(_measure, longer)
        outcomes = [outcome for pair in pairs for outcome in threads.map(_measure, pair)]
        outcomes += long_ones
    return Result("Pace", _ABOUT, [_row(outcome) for outcome in outcomes], _targets(outcomes))


def most_in_a_second(arrivals: Sequence[float]) -> int:
    """Return the most arrivals within any second.

    >>> most_in_a_second([0.0, 0.5, 0.9, 1.2, 2.5])
    3
    """
    most = first = 0
    for last, arrival in enumerate(arrivals):
        while arrival - arrivals[first] >= 1:
            first += 1
        most = max(most, last - first + 1)
    return most


def _settings() -> list[Setting]:
    latencies = [(0, 0), (0.05, 0), (0.05, 0.05), (0.5, 0), (0.5, 0.5)]
    others = [_scrapy(), program("32 processes that sleep", "blocking", f"--rate={RATE_PER_SECOND}")]
    return [
        *(Setting(contestant, *latency) for contestant in (_ours(), _strict()) for latency in latencies),
        *(Setting(contestant, 0.05, has_stalls=True) for contestant in (_ours(), _strict())),
        Setting(_ours(), 0.05, has_failures=True),
        Setting(_ours(), 2),
        *(Setting(contestant, latency) for contestant in others for latency in (0.05, 0.5)),
    ]


def _strict_servers() -> list[Setting]:
    return [
        Setting(contestant, 0.05, seconds=_STRICT_SECONDS, strict_jitter=jitter)
        for contestant in (_ours(), _strict())
        for jitter in (0.005, 0.02)
    ]


def _quick_settings() -> list[Setting]:
    return [
        *(Setting(one, 0.05, 0.05, _QUICK_SECONDS) for one in (_ours(), _strict())),
        Setting(_ours(), 2, seconds=_QUICK_SECONDS),
        Setting(_scrapy(), 0.05, seconds=_QUICK_SECONDS),
    ]


def _ours() -> Contestant:
    return lifestats(rate_limit=RATE_PER_SECOND)


def _strict() -> Contestant:
    return lifestats("lifestats, strict_rate", rate_limit=RATE_PER_SECOND, strict_rate=True)


def _scrapy() -> Contestant:
    wide = {"CONCURRENT_REQUESTS": 100, "CONCURRENT_REQUESTS_PER_DOMAIN": 100}
    return plain_scrapy("Scrapy, DOWNLOAD_DELAY = 0.01", DOWNLOAD_DELAY=1 / RATE_PER_SECOND, **wide)


def _space(seconds: int) -> Space:
    return even(RATE_PER_SECOND * seconds).known()


def _measure(setting: Setting) -> Outcome:
    space = _space(setting.seconds)
    faults = ["--fault=status-500:0.02"] if setting.has_failures else []
    times = f"--latency={setting.latency}", f"--jitter={setting.jitter}"
    if setting.strict_jitter is not None:
        faults = [f"--rate-limit={RATE_PER_SECOND}", f"--arrival-jitter={setting.strict_jitter}"]
    with prompt_mock(*space.arguments, *times, *faults) as server:
        outcome = Outcome(setting, setting.contestant.crawl(server, space, has_stalls=setting.has_stalls))
    progress("pace", _row(outcome))
    return outcome


def _stretches(arrivals: Sequence[float]) -> list[Sequence[float]]:
    """Return the arrivals between pauses."""
    ends = [
        number for number in range(1, len(arrivals)) if arrivals[number] - arrivals[number - 1] > _PAUSE_SECONDS
    ]
    return [arrivals[begin:end] for begin, end in zip([0, *ends], [*ends, len(arrivals)], strict=True)]


def _share(arrivals: Sequence[float]) -> float:
    """Return the rate, as a share of the limit."""
    return (len(arrivals) - 1) / (arrivals[-1] - arrivals[0]) / RATE_PER_SECOND


def _middle(arrivals: Sequence[float]) -> Sequence[float]:
    """Return what is neither start nor end, which weigh more in a crawl as short as these."""
    tenth = len(arrivals) // 10
    return arrivals[tenth:-tenth]


def _row(outcome: Outcome) -> Row:
    setting, crawl = outcome
    return {
        "contestant": crawl.name,
        "latency": setting.server,
        "pages": f"{setting.seconds * RATE_PER_SECOND:,}",
        "in the middle": f"{_share(_middle(max(_stretches(crawl.arrivals), key=len))):.1%}",
        "pauses": str(len(_stretches(crawl.arrivals)) - 1),
        "to the last request": f"{_share(crawl.arrivals):.1%}",
        "to the last answer": f"{_share_to_the_last_answer(outcome):.1%}",
        "most in any second": str(most_in_a_second(crawl.arrivals)),
        "counts": exactness(is_exact=crawl.found == _space(setting.seconds).truth),
    }


def _targets(outcomes: list[Outcome]) -> list[Target]:
    promises = (("lifestats", 0.994, RATE_PER_SECOND + 2), ("lifestats, strict_rate", 0.99, RATE_PER_SECOND))
    promised = [outcome for outcome in outcomes if outcome.is_promised and outcome.setting.strict_jitter is None]
    strict = [outcome for outcome in outcomes if outcome.setting.strict_jitter is not None]
    targets = [
        target
        for name, share, most in promises
        for target in _targets_of([crawl for _, crawl in promised if crawl.name == name], share, most)
    ]
    whole = [
        _share_to_the_last_answer(outcome) for outcome in promised if outcome.setting.seconds == _LONG_SECONDS
    ]
    targets += [target for outcome in strict for target in _targets_beside_a_strict_server(outcome)]
    return targets + [at_least("the long crawl, to its last answer", share, 0.994, ".1%") for share in whole]


def _targets_beside_a_strict_server(outcome: Outcome) -> list[Target]:
    """Say what is promised where the machine itself stalls for less than the slack."""
    setting, crawl = outcome
    stretches = _stretches(crawl.arrivals)
    least = 0.985 if (setting.strict_jitter or 0) <= 0.005 else 0.975  # noqa: PLR2004  # seconds
    return [
        at_least(f"{crawl.name}, {setting.server}", _share(_middle(max(stretches, key=len))), least, ".1%"),
        at_most(f"{crawl.name}, {setting.server}, pauses", len(stretches) - 1, _MOST_PAUSES, "d"),
    ]


def _share_to_the_last_answer(outcome: Outcome) -> float:
    return outcome.crawl.requests / (outcome.last_answer - outcome.crawl.arrivals[0]) / RATE_PER_SECOND


def _targets_of(crawls: list[Crawl], share: float, most: int) -> list[Target]:
    name = crawls[0].name
    in_the_middle = min(_share(_middle(crawl.arrivals)) for crawl in crawls)
    worst = max(most_in_a_second(crawl.arrivals) for crawl in crawls)
    return [
        at_least(f"{name}, the lowest rate in the middle", in_the_middle, share, ".1%"),
        at_most(f"{name}, in any second", worst, most, "d"),
    ]
