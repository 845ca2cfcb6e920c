"""config.yml, read and checked once: one ``Config`` for one environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from lifestats_crawler.config import errors, file, labels, paths, secrets
from lifestats_crawler.config.model import Config, CounterConfig, NotifyConfig
from lifestats_crawler.exceptions import ConfigError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from pydantic import BaseModel

_MODELS: dict[str, type[BaseModel]] = {"": Config, "counters": CounterConfig, "notify": NotifyConfig}


def load(path: Traversable, environment: str, *, is_to_ask: bool = True) -> Config:
    """Read one environment of a config file; what does not ask the API needs no value for ``${VARIABLE}``.

    Raises ConfigError, in one line that names the file, the environment, the key, the bad
    value and what is allowed.
    """
    place = f"{path}, environment {environment}"
    section = file.read(path, environment)
    try:
        config = Config.model_validate(section)
    except ValidationError as error:
        raise ConfigError(f"{place}: {errors.in_one_line(error, _MODELS)}") from None
    if is_to_ask:
        secrets.check(config, place)
    return _with_labels(_with_paths(config, place), path, place)


def _with_paths(config: Config, place: str) -> Config:
    """Fill in what stands for a part of a path."""
    filled = {}
    for key in ("storage", "metrics_file"):
        if (written := getattr(config, key)) is not None:
            try:
                filled[key] = paths.filled_in(written, os.environ)
            except ValueError as error:
                raise ConfigError(f"{place}: {key} = {written!r}: {error}") from None
    return config.model_copy(update=filled)


def _with_labels(config: Config, path: Traversable, place: str) -> Config:
    """Read the files with names, which are beside the config file."""
    counters = dict(config.counters)
    for name, counter in config.counters.items():
        if counter.labels is None:
            continue
        try:
            counters[name] = counter.with_names(labels.read(Path(str(path)).parent / counter.labels))
        except ConfigError as error:
            raise ConfigError(f"{place}: counters.{name}.{error}") from None
    return config.model_copy(update={"counters": counters})
