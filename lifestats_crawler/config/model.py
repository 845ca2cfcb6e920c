"""What config.yml may say: one frozen ``Config`` for one environment."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    field_validator,
    model_validator,
)

from lifestats_crawler.config import message
from lifestats_crawler.config.redaction import without_login
from lifestats_crawler.config.values import (
    Count,
    CounterName,
    Header,
    Id,
    JMESPath,
    Rate,
    Seconds,
    UrlTemplate,
    WebAddress,
    checked_template,
)
from lifestats_crawler.ranges import IdRange


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
    #: What that file says, once it is read: the name of each value, both as they are written there.
    _names: dict[str, str] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _one_source_of_labels(self) -> Self:
        if self.label and self.labels:
            raise ValueError("has both label and labels: give only one of them")
        return self

    @property
    def names(self) -> dict[str, str]:
        """The name of each value that the file ``labels`` gives one."""
        return self._names

    def with_names(self, names: dict[str, str]) -> CounterConfig:
        """Return the same counter with names for its values."""
        named = self.model_copy()
        named._names = names  # noqa: SLF001  # of our own kind
        return named


class NotifyConfig(_Model):
    """Where to say how a crawl has ended, and of which ends."""

    url: WebAddress
    on: frozenset[Literal["complete", "failed"]] = frozenset({"failed", "complete"})
    #: What is posted, in place of all that there is: JSON, or a text. See ``config/message`` for its names.
    body: Any = None

    @field_validator("body")
    @classmethod
    def _names_are_known(cls, value: Any) -> Any:
        if not message.is_json(value) or isinstance(value, int | float):
            raise ValueError("must be keys and values as in JSON, a list, or a text")
        if name := message.unknown(value):
            raise ValueError(f"contains {{{name}}}; the names are {', '.join(message.NAMES)}")
        for text in message.texts(value):
            checked_template(text)
        return value

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

    Texts are as they stand in the file: ``${VARIABLE}`` is filled in by ``config/secrets`` at the moment
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
    outage_seconds: Seconds = 3600
    audit: bool = True
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
    def shown_url(self) -> str:
        """The url as reports, segments and commands show it: without the login that it may hold."""
        return without_login(self.url)

    @property
    def templates(self) -> dict[str, str]:
        """The texts in which ``${VARIABLE}`` is filled in, by their keys."""
        headers = {f"headers.{name}": text for name, text in self.headers.items()}
        notify = {}
        if self.notify:
            notify = {"notify.url": self.notify.url, "notify.body": "\n".join(message.texts(self.notify.body))}
        return {"url": self.url, **headers, **notify}
