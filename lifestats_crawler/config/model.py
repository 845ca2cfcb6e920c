"""config.yml, read and checked once: one frozen ``Config`` for one environment."""

from __future__ import annotations

import os
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from lifestats_crawler.config import errors as config_errors
from lifestats_crawler.config import file as config_file
from lifestats_crawler.config import labels
from lifestats_crawler.config.values import (
    VARIABLE,
    Count,
    CounterName,
    Header,
    Id,
    JMESPath,
    Rate,
    Seconds,
    UrlTemplate,
    WebAddress,
)
from lifestats_crawler.exceptions import ConfigError
from lifestats_crawler.ranges import IdRange

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class CounterConfig(_Model):
    """One field to count: where it is in a record, and how many rows the report gives it."""

    field: JMESPath
    top: Count = 100
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

    url: WebAddress
    on: frozenset[Literal["complete", "failed"]] = frozenset({"failed", "complete"})

    @field_validator("on", mode="before")
    @classmethod
    def _from_list(cls, value: Any) -> Any:
        is_words = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return frozenset(value) if is_words else value

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
    headers: dict[str, Header] = {}
    items: JMESPath = "@"
    id: JMESPath = "id"
    next: JMESPath | None = None
    inclusive: bool = True
    results_per_page: Count = 100
    first_id: Id
    last_id: Id
    subsets: Annotated[int, Field(ge=1, le=100_000)] = 100
    rate_limit: Rate | None = None
    strict_rate: bool = False
    retries: Annotated[int, Field(ge=0, le=1000)] = 8
    failure_limit: Annotated[float, Field(gt=0, le=1)] = 0.75
    spill_every: Count = 1000
    spill_seconds: Seconds = 30
    spill_keys: Annotated[int, Field(ge=1, le=100_000_000)] = 200_000
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
        """The value of each ``${VARIABLE}`` that a text names. Raises KeyError for one that is not set."""
        names = VARIABLE.findall(" ".join(self.templates.values()))
        return {f"${{{name}}}": os.environ[name] for name in names}

    @property
    def hidden(self) -> list[str]:
        """What must never be shown: these values, and what is made of a user and password in the url."""
        values = list(self.secrets.values())
        user, at, _ = urlsplit(self.url).netloc.rpartition("@")
        if at and VARIABLE.search(user):
            values.append(b64encode(fill_in(user, self.secrets).encode()).decode())
        return values

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


def load(path: Traversable, environment: str, *, is_to_ask: bool = True) -> Config:
    """Read one environment of a config file; what does not ask the API needs no value for ``${VARIABLE}``.

    Raises ConfigError, in one line that names the file, the environment, the key, the bad
    value and what is allowed.
    """
    place = f"{path}, environment {environment}"
    section = config_file.read(path, environment)
    try:
        config = Config.model_validate(section)
    except ValidationError as error:
        raise ConfigError(f"{place}: {config_errors.in_one_line(error, _MODELS)}") from None
    if is_to_ask:
        _check_variables(config, place)
    return _with_labels(config, path, place)


def _check_variables(config: Config, place: str) -> None:
    for key, text in config.templates.items():
        for name in VARIABLE.findall(text):
            value = os.environ.get(name)
            if not value:
                raise ConfigError(f"{place}: {key} needs the environment variable {name}, which is not set")
            if not value.isprintable():
                raise ConfigError(f"{place}: {key}: the environment variable {name} has a control character in it")


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
