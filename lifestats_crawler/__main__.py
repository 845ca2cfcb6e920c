"""``lifestats``: the project's commands without a clone, as ``scrapy`` runs them in one.

The configuration is config.yml in the current directory, and a mistake in the command line is one line.
"""

from __future__ import annotations

import os
import re
import sys
from cProfile import Profile
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from lifestats_crawler import __version__, program

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from scrapy.commands import ScrapyCommand

#: In the order in which people need them.
COMMANDS = ("init", "probe", "plan", "crawl", "runs", "report", "diff")
_SETTINGS = "lifestats_crawler.settings"


def main() -> NoReturn:
    """Run the command that the command line names, and end the process with its exit status."""
    program.be_own()
    _know_a_home()
    os.environ["SCRAPY_SETTINGS_MODULE"] = _SETTINGS
    import_module(_SETTINGS)  # signals are heard from here on: Scrapy takes half a second to import
    name, *arguments = sys.argv[1:] or [""]
    match name:
        case "-h" | "--help":
            sys.stdout.write(_help())
        case "-V" | "--version":
            sys.stdout.write(f"lifestats {__version__}\n")
        case "":
            _refuse(f"name a command: {', '.join(COMMANDS)}. lifestats --help describes them")
        case _ if name not in COMMANDS:
            kind = "option" if name.startswith("-") else "command"
            _refuse(f"there is no {kind} {name!r}{_nearest(name, COMMANDS)} lifestats --help lists the commands")
        case _:
            sys.exit(_run(name, arguments))
    sys.exit(0)


def _know_a_home() -> None:
    """Set HOME for an account without a name and a home: Scrapy looks there before it does anything else."""
    if os.path.expanduser("~") == "~":  # noqa: PTH111  # Path raises an error instead
        os.environ["HOME"] = "/"


def _help() -> str:
    described = "".join(f"  {name:<8} {_command(name).short_desc()}\n" for name in COMMANDS)
    return (
        "Usage: lifestats COMMAND [options]\n\n"
        "Count how often each value of chosen fields occurs in all records of a paged API.\n\n"
        f"{described}\n"
        "lifestats COMMAND --help shows the options of a command. lifestats --version shows the version.\n"
    )


def _command(name: str) -> ScrapyCommand:
    made: ScrapyCommand = import_module(f"lifestats_crawler.commands.{name}").Command()
    return made


def _run(name: str, arguments: list[str]) -> int:
    """Do what Scrapy does for a command of a project. Returns the exit status."""
    from scrapy.crawler import AsyncCrawlerProcess  # noqa: PLC0415  # not before there is a home
    from scrapy.exceptions import UsageError  # noqa: PLC0415
    from scrapy.utils.project import get_project_settings  # noqa: PLC0415

    command, settings = _command(name), get_project_settings()
    settings.setdict(command.default_settings, priority="command")
    command.settings = settings
    options, values = _parsed(name, command, arguments)
    try:
        command.process_options(values, options)
        if command.requires_crawler_process:
            command.crawler_process = AsyncCrawlerProcess(settings)
        _work(command, values, options)
    except UsageError as error:
        _refuse(str(error))
    return command.exitcode


def _parsed(name: str, command: ScrapyCommand, arguments: list[str]) -> tuple[Namespace, list[str]]:
    parser = _parser(name, command)
    command.add_options(parser)
    options, values = parser.parse_known_args(arguments)
    known = re.findall(r"(?<!\S)--?\w[\w-]*", parser.format_help())
    for value in values:
        if value.startswith("-"):
            _refuse(f"there is no option {value!r}{_nearest(value, known)} {_options_of(name)}")
    return options, values


def _parser(name: str, command: ScrapyCommand) -> ArgumentParser:
    from scrapy.cmdline import ScrapyArgumentParser  # noqa: PLC0415
    from scrapy.commands import ScrapyHelpFormatter  # noqa: PLC0415

    class Parser(ScrapyArgumentParser):
        """Refuses a command line in one line, with the exit status of a crawl that could not start."""

        def error(self, message: str) -> NoReturn:
            _refuse(f"{message}. {_options_of(name)}")

    return Parser(
        formatter_class=ScrapyHelpFormatter,
        usage=f"lifestats {name} {command.syntax()}",
        conflict_handler="resolve",
        description=command.long_desc(),
    )


def _work(command: ScrapyCommand, values: list[str], options: Namespace) -> None:
    if not options.profile:
        command.run(values, options)
        return
    profile = Profile()
    profile.runcall(command.run, values, options)
    profile.dump_stats(options.profile)


def _options_of(name: str) -> str:
    return f"lifestats {name} --help lists the options"


def _nearest(word: str, words: list[str] | tuple[str, ...]) -> str:
    near = get_close_matches(word.partition("=")[0], words, n=1)
    return f". Did you mean {near[0]}?" if near else "."


def _refuse(reason: str) -> NoReturn:
    raise SystemExit(f"lifestats: {reason}")


if __name__ == "__main__":
    main()
