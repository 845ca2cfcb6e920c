"""The build, as pyproject.toml has it, with config.yml beside the code, and the README without its links.

``scrapyd-deploy`` makes a setup.py of its own where there is none: one that takes mocks/ and tests/ along
and leaves config.yml and the templates behind.
"""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithConfig(build_py):
    """Copy the repository's config.yml into the package: an egg or a wheel has no repository around it."""

    def run(self) -> None:
        """Build the modules, then copy; an editable install still has the repository."""
        super().run()
        if not self.editable_mode:
            self.copy_file("config.yml", str(Path(self.build_lib, "lifestats_crawler")))


def description() -> str:
    """Return the README for a package index, where no link to a file of the repository leads anywhere."""
    text = Path("README.md").read_text(encoding="utf-8")
    text = re.sub(r"!\[[^]]*\]\((?!https?:)[^)]*\)\n*", "", text)
    return re.sub(r"\[([^]]*)\]\((?!https?:)[^)]*\)", r"\1", text)


setup(
    cmdclass={"build_py": BuildWithConfig},
    long_description=description(),
    long_description_content_type="text/markdown",
)
