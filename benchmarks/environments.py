"""A virtual environment for each contestant whose packages do not go together with ours."""

from __future__ import annotations

import subprocess
import venv
from typing import TYPE_CHECKING

from benchmarks.processes import PROJECT
from benchmarks.results import progress

if TYPE_CHECKING:
    from pathlib import Path

#: The packages of each, as pip takes them; what they bring along is the newest that they allow.
PACKAGES = {
    "crawlee": ("crawlee==1.11.0", "impit==0.15.1"),
    "airbyte-cdk": ("airbyte-cdk==7.39.1",),
    "singer-sdk": ("singer-sdk==0.54.9",),
    "pycurl": ("pycurl==7.49.0",),
}
_DIRECTORY = PROJECT / ".venv-bench"
_MOST_SECONDS = 600


def python_of(name: str) -> Path | None:
    """Return the interpreter of a contestant, for which an environment is made once; None if that cannot be."""
    environment = _DIRECTORY / name
    python, done = environment / "bin" / "python", environment / "installed"
    packages = " ".join(PACKAGES[name])
    if done.exists() and done.read_text(encoding="utf-8") == packages:
        return python
    try:
        venv.create(environment, clear=True, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES[name]]
        subprocess.run(install, check=True, capture_output=True, text=True, timeout=_MOST_SECONDS)  # noqa: S603  # ours
    except (OSError, subprocess.SubprocessError) as error:
        lines = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        progress("skipped", {"contestant": name, "why": lines[-1] if lines else "it cannot be installed"})
        return None
    done.write_text(packages, encoding="utf-8")
    return python
