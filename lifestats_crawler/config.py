"""config.yml, read and checked once: one frozen ``Config`` for one environment."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import quote

import jmespath
import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from lifestats_crawler import config_errors, labels
from lifestats_crawler.exceptions import ConfigError
from lifestats_crawler.ranges import IdRange

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable


# Ids and keys are stored as int64, and the end of a range is one past its last id.
MAX_ID = 2**63 - 2

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def _url_template(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    if "{cursor}" not in value:
        raise ValueError("must contain {cursor}, where the id to start from goes")
    unknown = re.search(r"(?<!\$)\{(?!cursor\}|limit\}).*?\}", value)
    if unknown:
        raise ValueError(f"has {unknown.group()}; only {{cursor}}, {{limit}} and ${{VARIABLE}} are filled in")
    return value


def _jmespath(value: str) -> str:
    try:
        jmespath.compile(value)
    except jmespath.exceptions.JMESPathError as error:
        reason = str(error).splitlines()[0].rstrip(":")
        raise ValueError(f"must be a JMESPath expression ({reason})") from None
    return value


def _counter_name(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value


def _as_written(value: float) -> float:
    return int(value) if value.is_integer() else value


UrlTemplate = Annotated[str, AfterValidator(_url_template)]
JMESPath = Annotated[str, AfterValidator(_jmespath)]
CounterName = Annotated[str, AfterValidator(_counter_name)]
Rate = Annotated[float, Field(gt=0), AfterValidator(_as_written)]
Id = Annotated[int, Field(ge=0, le=MAX_ID)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class CounterConfig(_Model):
    """One field to count: where it is in a record, and how many rows the report gives it."""

    field: JMESPath
    top: Annotated[int, Field(ge=1)] = 100
    #: What a record without the field is: part of a faulty page, or counted under nothing.
    missing: Literal["fault", "skip"] = "fault"
    #: A name to show beside a value: where it is in a record, or a CSV file of values and names.
    label: JMESPath | None = None
    labels: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_source_of_labels(self) -> Self:
        if self.label and self.labels:
            raise ValueError("has both label and labels: give one")
        return self


class NotifyConfig(_Model):
    """Where to say how a crawl has ended, and of which ends."""

    url: Annotated[str, Field(pattern="^https?://")]
    on: frozenset[Literal["complete", "failed"]] = frozenset({"failed", "complete"})

    @field_validator("on", mode="before")
    @classmethod
    def _from_list(cls, value: Any) -> Any:
        return frozenset(value) if isinstance(value, list) else value

    @model_validator(mode="before")
    @classmethod
    def _on_is_a_word(cls, value: Any) -> Any:
        """Take back what YAML 1.1 makes of a bare ``on``: true."""
        return (
            {"on" if key is True else key: item for key, item in value.items()}
            if isinstance(value, dict)
            else value
        )


class Config(_Model):
    """What is crawled, and how: one environment of config.yml.

    Texts are as they stand in the file: ``${VARIABLE}`` is filled in by ``secrets`` at the moment
    of use, so that a value from the process environment has no way into a log or a report.
    """

    url: UrlTemplate
    headers: dict[str, str] = {}
    items: JMESPath = "@"
    id: JMESPath = "id"
    next: JMESPath | None = None
    inclusive: bool = True
    results_per_page: Annotated[int, Field(ge=1)] = 100
    first_id: Id
    last_id: Id
    subsets: Annotated[int, Field(ge=1)] = 100
    rate_limit: Rate | None = None
    strict_rate: bool = False
    retries: Annotated[int, Field(ge=0)] = 8
    failure_limit: Annotated[float, Field(gt=0, le=1)] = 0.75
    spill_every: Annotated[int, Field(ge=1)] = 1000
    spill_seconds: Annotated[float, Field(gt=0)] = 30
    spill_keys: Annotated[int, Field(ge=1)] = 200_000
    counters: Annotated[dict[CounterName, CounterConfig], Field(min_length=1)]
    storage: Annotated[str, Field(min_length=1)] = "runs"
    metrics_file: Annotated[str, Field(min_length=1)] | None = None
    metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    metrics_host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    notify: NotifyConfig | None = None
    mock: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first_id > self.last_id:
            raise ValueError(f"first_id {self.first_id} is after last_id {self.last_id}")
        return self

    @property
    def space(self) -> IdRange:
        """The id space; the file's ``last_id`` is inclusive, the range's end is not."""
        return IdRange(self.first_id, self.last_id + 1)

    @property
    def secrets(self) -> dict[str, str]:
        """The value of each ``${VARIABLE}`` that a text names."""
        names = _VARIABLE.findall(" ".join(self.templates.values()))
        return {f"${{{name}}}": os.environ[name] for name in names}

    @property
    def templates(self) -> dict[str, str]:
        """The texts in which ``${VARIABLE}`` is filled in, by their keys."""
        headers = {f"headers.{name}": text for name, text in self.headers.items()}
        return {"url": self.url, **headers} | ({"notify.url": self.notify.url} if self.notify else {})


def fill_in(text: str, secrets: Mapping[str, str]) -> str:
    """Put the values of ``${VARIABLE}`` into a text: at the moment of use, so that none is ever logged."""
    for variable, value in secrets.items():
        text = text.replace(variable, value)
    return text


def fill_in_url(url: str, secrets: Mapping[str, str], safe: str = "") -> str:
    """Put them into a url, quoted but for the characters in ``safe``."""
    return fill_in(url, {variable: quote(value, safe=safe) for variable, value in secrets.items()})


_MODELS: dict[str, type[BaseModel]] = {"": Config, "counters": CounterConfig, "notify": NotifyConfig}


def load(path: Traversable, environment: str) -> Config:
    """Read one environment of a config file.

    Raises ConfigError, in one line that names the file, the environment, the key, the bad
    value and what is allowed.
    """
    place = f"{path}, environment {environment}"
    section = _merged(_sections(path), path, environment)
    try:
        config = Config.model_validate(section)
    except ValidationError as error:
        raise ConfigError(f"{place}: {config_errors.in_one_line(error, _MODELS)}") from None
    _check_variables(config, place)
    return _with_labels(config, path, place)


def _sections(path: Traversable) -> Mapping[str, Any]:
    try:
        sections = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(sections, dict):
        raise ConfigError(f"{path}: must have one section per environment, such as `production:`")
    return sections


def _merged(sections: Mapping[str, Any], path: Traversable, environment: str) -> dict[str, Any]:
    names = sorted(str(name) for name in sections if name != "default")
    if environment not in names or not _ENVIRONMENT_NAME.fullmatch(environment):
        raise ConfigError(f"{path}: has no environment {environment!r}; it has {', '.join(names) or 'none'}")
    merged: dict[str, Any] = {}
    for name in ("default", environment):
        section = sections.get(name) or {}
        if not isinstance(section, dict):
            raise ConfigError(f"{path}: section {name} must be keys and values, not {section!r}")
        merged |= section
    return merged


def _check_variables(config: Config, place: str) -> None:
    for key, text in config.templates.items():
        for name in _VARIABLE.findall(text):
            if not os.environ.get(name):
                raise ConfigError(f"{place}: {key} needs the environment variable {name}, which is not set")


def _with_labels(config: Config, path: Traversable, place: str) -> Config:
    """Find the files with names beside the config file, and check that they can be used."""
    counters = dict(config.counters)
    for name, counter in config.counters.items():
        if counter.labels is None:
            continue
        file = Path(str(path)).parent / counter.labels
        try:
            labels.read(file)
        except ConfigError as error:
            raise ConfigError(f"{place}: counters.{name}.{error}") from None
        counters[name] = counter.model_copy(update={"labels": str(file)})
    return config.model_copy(update={"counters": counters})
