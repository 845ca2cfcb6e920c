"""What a run counts: its source, and the id space that it walks. Runs of the same job can be continued."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lifestats_crawler.config.model import Config, CounterConfig
from lifestats_crawler.config.redaction import without_login
from lifestats_crawler.ranges import IdRange

if TYPE_CHECKING:
    from collections.abc import Mapping

_ASKED = ("items", "id", "next", "inclusive")
_COUNTED = ("field", "missing")


@dataclass(frozen=True, slots=True)
class Job:
    """A source, and the id space beside it."""

    source: Mapping[str, Any]
    space: IdRange

    @classmethod
    def of(cls, config: Config) -> Job:
        """Return what a crawl with this configuration counts."""
        return cls(source(config), config.space)

    def difference(self, other: Job) -> str:
        """Name the keys of the configuration in which another job differs, empty where none does."""
        keys = [key for key in {**other.source, **self.source} if self.source.get(key) != other.source.get(key)]
        keys += ["first_id"] if self.space.begin != other.space.begin else []
        keys += ["last_id"] if self.space.end != other.space.end else []
        is_one = len(keys) == 1 and keys != ["counters"]
        return f"{', '.join(keys)} {'differs' if is_one else 'differ'}" if keys else ""


def source(config: Config) -> dict[str, Any]:
    """Return what makes two crawls count the same thing: the url without its login, and how records are read.

    A key that has its default is left out, so that a key of a later version makes no run another one.
    """
    asked = {key: getattr(config, key) for key in _ASKED}
    counters = {
        name: _without_defaults(CounterConfig, {key: getattr(counter, key) for key in _COUNTED})
        for name, counter in config.counters.items()
    }
    made = {"url": config.shown_url} | _without_defaults(Config, asked) | {"counters": counters}
    # Made-up records are others than those of the same url.
    return made | ({"mock": True} if config.mock else {})


def from_format_1(stored: Mapping[str, Any]) -> Job:
    """Return the job of a source as format 1 has it: with every default, and with the id space in it."""
    space = IdRange(stored["first_id"], stored["last_id"] + 1)
    asked = {key: stored[key] for key in _ASKED}
    counters = {
        name: _without_defaults(CounterConfig, {"field": field, "missing": missing})
        for name, (field, missing) in stored["counters"].items()
    }
    made = {"url": without_login(stored["url"])} | _without_defaults(Config, asked) | {"counters": counters}
    return Job(made | ({"mock": True} if stored.get("mock") else {}), space)


def _without_defaults(model: type[Config | CounterConfig], values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value != model.model_fields[key].default}
