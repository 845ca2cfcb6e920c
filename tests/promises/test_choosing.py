"""Which environment is crawled: never the mock's because a name was written wrongly."""

from __future__ import annotations

import pytest

from lifestats_crawler.program import called

COMMANDS = ["crawl", "probe", "plan", "report", "runs", "diff"]


@pytest.fixture(scope="module")
def asked(start_api):
    with start_api(ids=100) as api:
        yield api


@pytest.fixture(scope="module")
def start_api():
    from tests.promises.conftest import running_api  # noqa: PLC0415

    return running_api


@pytest.fixture
def refused(crawls, asked):
    """Run a command for a config file whose environments have an API; return its one line."""

    def run(name, *arguments, **variables):
        crawls.configure(**asked.space)
        started = [*called(name).split()[1:], *(("a", "b") if name == "diff" else ())]
        variables = {"LIFESTATS_CONFIG": str(crawls.config), "ENV": "test"} | variables
        done = crawls.scrapy(*started, *arguments, **variables)
        assert (done.returncode, done.stdout) == (1, ""), done.stderr
        *log, line = done.stderr.splitlines()
        assert name == "crawl" or not log
        assert asked.requests == []
        assert not crawls.storage.exists()
        return line

    return run


@pytest.mark.parametrize("name", COMMANDS)
def test_an_environment_that_is_empty_or_set_in_another_case_is_refused_by_every_command(refused, name):
    assert refused(name, "-s", "ENV=").startswith("lifestats: the setting ENV is empty: name an environment")
    assert refused(name, "-s", "env=test") == "lifestats: there is no setting 'env'. Write it as ENV"


@pytest.mark.parametrize(
    ("arguments", "variables", "told"),
    [
        ([], {"ENV": ""}, "the environment variable ENV is empty"),
        (["-s", "ENV=test "], {}, "has no environment 'test '; it has test"),
        (["-s", "LIFESTATS_CONFIG="], {}, "the setting LIFESTATS_CONFIG is empty"),
        (["-s", "LIFESTATS_CONFG=x.yml"], {}, "Did you mean LIFESTATS_CONFIG?"),
        (["-s", "rate_limit=1"], {}, "Set rate_limit in config.yml"),
        (["-s", "ENV"], {}, "Invalid -s value"),
        (["-a", "run"], {}, "Invalid -a value"),
        (["-a", "run="], {}, "run '': use 1 to 100 letters"),
        (["-a", "Run=x"], {}, "unknown argument -a Run; the only one is -a run=NAME"),
        (["-a", "ENV=test"], {}, "unknown argument -a ENV"),
    ],
)
def test_what_is_empty_or_misspelt_is_one_line_before_the_first_request(refused, arguments, variables, told):
    assert told in refused("crawl", *arguments, **variables)


def test_empty_names_of_runs_and_environments_name_nothing(refused):
    assert "--environment is empty" in refused("runs", "--environment", "")
    assert "there is no run" in refused("report", "")


def test_the_last_line_of_a_crawl_of_the_mock_says_that_the_data_is_made_up(crawls):
    crawls.configure(mock=True, url="http://127.0.0.1:0/x?offset={cursor}", first_id=1, last_id=50)
    done = crawls.run()
    assert done.returncode == 0, done.stderr
    for output in (done.stdout, crawls.command("report").stdout):
        assert output.splitlines()[-1].startswith("This data is made up: the environment test has mock: true")
