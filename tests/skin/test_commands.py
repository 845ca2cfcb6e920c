"""The commands as Scrapy finds them: their help, and how they refuse what is not understood."""

from __future__ import annotations

import argparse
from importlib import import_module

import pytest
from scrapy.settings import Settings

from tests.configurations import write_config

FACTS = ["init", "plan", "probe", "runs"]


@pytest.fixture
def made(tmp_path):
    """Make a command as Scrapy does, with its parser."""

    def make(name):
        command = import_module(f"lifestats_crawler.commands.{name}").Command()
        path = write_config(tmp_path)
        command.settings = Settings({"ENV": "test", "LIFESTATS_CONFIG": str(path)})
        parser = argparse.ArgumentParser(conflict_handler="resolve", description=command.long_desc())
        command.add_options(parser)
        return command, parser

    return make


@pytest.mark.parametrize("name", [*FACTS, "report", "diff", "crawl"])
def test_help_says_what_a_command_is_for_and_how_to_begin(made, name):
    command, parser = made(name)
    told = " ".join(parser.format_help().split())
    assert f"Example: scrapy {name}" in told
    assert " ".join(command.long_desc().split()) in told
    assert "\n" not in command.short_desc()
    assert name == "crawl" or "--json" in told


@pytest.mark.parametrize("name", FACTS)
def test_an_argument_that_is_not_understood_is_one_line_with_an_example(made, capsys, name):
    command, parser = made(name)
    command.run(["nonsense"], parser.parse_args([]))
    output = capsys.readouterr()
    assert (output.out, command.exitcode) == ("", 1)
    assert (
        output.err
        == f"lifestats: unexpected argument 'nonsense'. Example: {f'scrapy {name} {command.example}'.rstrip()}\n"
    )


@pytest.mark.parametrize("name", ["plan", "runs"])
def test_facts_are_one_document_or_lines_without_control_characters(made, capsys, name):
    command, parser = made(name)
    for arguments in ([], ["--json"]):
        command.run([], parser.parse_args(arguments))
        output = capsys.readouterr()
        assert (output.err, command.exitcode) == ("", 0)
        assert output.out.startswith("{") is bool(arguments)
        assert "\x1b" not in output.out
