"""``lifestats init``: a configuration to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lifestats_crawler.config import setting_names, starter
from lifestats_crawler.exceptions import ConfigError
from lifestats_crawler.facts_command import Facts, FactsCommand
from lifestats_crawler.program import called
from lifestats_crawler.storage import durable

if TYPE_CHECKING:
    import argparse

    from rich.console import Console
    from scrapy.settings import Settings


class Command(FactsCommand):
    """Write config.yml into the current directory."""

    def short_desc(self) -> str:
        """Describe the command in the list of commands."""
        return "Write a commented config.yml into the current directory"

    def long_desc(self) -> str:
        """Describe the command in its help."""
        return (
            "Write config.yml into the current directory: a configuration with a comment and the default for each"
            f" key, in which you describe your API. An existing file is left as it is. Then run {called('probe')}."
        )

    def gather(self, settings: Settings, opts: argparse.Namespace) -> Facts:  # noqa: ARG002  # no options
        """Write the file. Raises ConfigError for one that is there, and OSError where none can be written."""
        setting_names.check(settings)
        path = Path("config.yml").absolute()
        try:
            durable.create(path, starter.text().encode())
        except FileExistsError:
            raise ConfigError(
                f"{path} is there already, and stays as it is. Move it away to get a new one"
            ) from None
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
        return {"schema": "lifestats.init/1", "config": str(path)}

    def show(self, facts: Facts, console: Console) -> None:
        """Say where the file is, and what is next."""
        written = f"Wrote {facts['config']}. Describe your API in it, and then run: {called('probe')}"
        console.print(written, markup=False, soft_wrap=True)
