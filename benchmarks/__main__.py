"""``python -m benchmarks``: measure, and write docs/benchmarks.md and its pictures."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from benchmarks import counting, machine, memory, merging, pace, questions, skew, speed, start, tuning
from benchmarks.processes import PROJECT
from benchmarks.results import Options, Result, progress

_SECTIONS = {
    "pace": pace.run,
    "skew": skew.run,
    "questions": questions.run,
    "speed": speed.run,
    "tuning": tuning.run,
    "counting": counting.run,
    "memory": memory.run,
    "merge": merging.run,
    "start": start.run,
}
_HEAD = """# Benchmarks

Each section says when it was measured, and on what. Other programs on the machine change the numbers; they have
less effect on the ratio of two measurements made side by side. *Counts* are exact if they are equal to the
truth, or to the counts of the other contestant.
"""
_COMMANDS = """## Commands

- lifestats: `scrapy crawl lifestats -s ENV=bench -s LIFESTATS_CONFIG=config.yml`, with a section `bench` that has
  `url`, the id space, `rate_limit` and the keys that a row names
- Scrapy: `scrapy runspider benchmarks/contestants/plain_scrapy.py -a url=URL -a out=FILE -a first=ID -a last=ID`,
  and `-s` for each setting that a row names
- other contestants: `python -m benchmarks.contestants.NAME URL FILE FIRST LAST`, with `--rate` where the section
  has a limit; pycurl, crawlee, airbyte-cdk and singer-sdk with the interpreters in `.venv-bench`
- servers: `python -m mocks.api --first-id ID --last-id ID --latency SECONDS --density-in BEGIN:END:DENSITY`; in
  the section Speed `python -m benchmarks.fast_api --first-id ID --last-id ID`
"""


def main() -> None:
    """Measure what the command line asks for; each section is written when it is done."""
    args = _arguments()
    options = Options(args.quick, args.pages)
    for section in args.only or _SECTIONS:
        load = machine.load()
        result = _SECTIONS[section](options)
        for target in result.targets:
            progress("met" if target.met else "NOT", {result.title: target.text})
        if args.write or not (args.quick or args.only):
            _write(section, result, load)


def _arguments() -> Namespace:
    parser = ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="run for about three minutes, and write no file")
    parser.add_argument("--only", choices=_SECTIONS, action="append", help="run this section, and write no file")
    parser.add_argument("--write", action="store_true", help="write docs/ also with --quick or --only")
    parser.add_argument("--pages", type=int, help="the pages of the long crawl that shows the memory")
    return parser.parse_args()


def _write(section: str, result: Result, load: str) -> None:
    """Put a section into the document, in place of what it said before."""
    docs = PROJECT / "docs"
    measured = (
        f"Measured by `python -m benchmarks --only {section}` on {datetime.now(UTC).date().isoformat()}, on"
        f" {machine.machine()}, with {machine.versions()}. The load average before it was {load}."
    )
    path = docs / "benchmarks.md"
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    texts = {part.partition("\n")[0]: part.strip() for part in old.split("\n## ")[1:]}
    texts[result.title] = result.markdown(measured)
    texts.pop("Commands", None)
    parts = [_HEAD.strip(), *(f"## {text}" for text in texts.values()), _COMMANDS.strip()]
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    for name, draw in result.plots.items():
        draw(docs / f"{name}.svg")


if __name__ == "__main__":
    main()
