"""``make mutants``: change the code that counts and paces, a bit at a time, and see whether a test notices.

The changes are mutmut's, of the modules that pyproject.toml names. Left out are those that nobody could notice:
of a message, of the case of SQL's words, and of the lines that docs/decisions.md explains (``EQUIVALENT``).
What mutmut does not change at all (decorated functions, properties) has table tests: tests/crawl/test_frontier.py,
tests/counting/test_spiller.py, tests/storage/test_runs.py.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

LEAST_KILLED = 0.95
_MUTMUT = str(Path(sys.executable).with_name("mutmut"))
_MESSAGES = ("reason = ", "message = ", "hint = ", "return Stop(")
#: Changes that make no difference, by how the line begins that they change: docs/decisions.md, Mutants.
EQUIVALENT = (
    "if item.end <= position:",
    "if item.begin >= whole.end:",
    "if bounds.end <= self._space.end:",
    'keys = zip(table["counter"].to_pylist(), ',
    'return "".join(f"[{character}]" if character in "*?[" else ',
    "places = ceil(rate) if rate else 1",
    "self._active[chain] = None",
    "self._least_gap = gap if gap > _TIMER_SECONDS",
)


def main() -> int:
    """Run the mutation tests, and print the share of the changes that a test noticed."""
    subprocess.run([_MUTMUT, "run"], check=True, env=os.environ | {"LIFESTATS_LIVES": "20"})
    told = subprocess.run([_MUTMUT, "results", "--all", "true"], check=True, capture_output=True, text=True).stdout
    outcomes = dict(re.findall(r"^\s*(\S+): (.+)$", told, re.MULTILINE))
    counted = Counter(outcomes.values())
    survivors = [name for name, outcome in outcomes.items() if outcome == "survived"]
    unreached = sorted(name for name, outcome in outcomes.items() if outcome == "no tests")
    with ThreadPoolExecutor(2) as pool:
        changes = dict(zip(survivors, pool.map(change, survivors), strict=True))
    alive = {name: lines for name, lines in changes.items() if not is_left_out(*lines)}
    for name, (before, after) in alive.items():
        sys.stdout.write(f"survived: {name}\n  - {before}\n  + {after}\n")
    for name in unreached:
        sys.stdout.write(f"reached by no test: {name}\n")
    killed = counted["killed"] + counted["timeout"] + counted["suspicious"]
    share = killed / (killed + len(alive))
    figures = {
        "changes": len(outcomes),
        "killed": killed,
        "survived": len(alive),
        "left out": len(survivors) - len(alive),
        "reached by no test": len(unreached),
        "share killed": f"{share:.1%}",
    }
    for name, figure in figures.items():
        sys.stdout.write(f"{name}: {figure}\n")
    return 0 if share >= LEAST_KILLED else 1


def change(name: str) -> tuple[str, str]:
    """Return the line that a mutant changes, before and after."""
    diff = subprocess.run([_MUTMUT, "show", name], check=True, capture_output=True, text=True).stdout
    before = [
        line[1:].strip() for line in diff.splitlines() if line.startswith("-") and not line.startswith("---")
    ]
    after = [line[1:].strip() for line in diff.splitlines() if line.startswith("+") and not line.startswith("+++")]
    return " ".join(before), " ".join(after)


def is_left_out(before: str, after: str) -> bool:
    """Tell whether nobody could notice a change."""
    is_of_case = before.lower() == after.lower()  # SQL, and the names of its parameters
    return is_of_case or before.startswith((*_MESSAGES, *EQUIVALENT))


if __name__ == "__main__":
    sys.exit(main())
