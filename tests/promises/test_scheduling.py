"""The lines and units in deploy/, as cron's shell and systemd take them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from time import time

import pytest
import yaml

from lifestats_crawler.api.throttling import MOST_SECONDS
from tests.promises.conftest import URL, wait_until

LAST = 1200
YESTERDAY = "Complete: 1 record"
TOKEN = "not for logs"  # noqa: S105

need_flock = pytest.mark.skipif(not shutil.which("flock"), reason="flock (util-linux) is not installed")
need_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")


class Crontab:
    """deploy/crontab on a machine where everything is somewhere else."""

    def __init__(self, text: str, directory) -> None:
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        self.variables = dict(line.split("=", 1) for line in lines if re.match(r"\w+=", line))
        # minute, hour, day, month, weekday, command
        self.crawl, self.watch = (line.split(None, 5)[5] for line in lines if not re.match(r"\w+=", line))
        self.places = {
            "CLONE": directory / "clone",
            "SECRETS": directory / "env",
            "LIFESTATS_CONFIG": directory / "config.yml",
            "LOCK": directory / "lock",
            "LOG": directory / "log",
            "REPORT": directory / "runs" / "production" / "latest.json",
        }
        assert set(self.variables) == {*self.places, "MAILTO", "SHELL"}

    def start(self, command) -> subprocess.Popen:
        """Start a command as cron does, with nothing of this process's environment."""
        variables = self.variables | {name: str(path) for name, path in self.places.items()}
        return subprocess.Popen(
            [variables["SHELL"], "-c", command],
            env={"PATH": "/usr/bin:/bin"} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def mail(self, command) -> str:
        """Run a command, and return what cron would mail."""
        return self.start(command).communicate(timeout=60)[0]

    def report(self):
        return json.loads(self.places["REPORT"].read_text())


@pytest.fixture
def crontab(project, tmp_path):
    crontab = Crontab((project / "deploy" / "crontab").read_text(), tmp_path)
    clone = crontab.places["CLONE"]
    clone.mkdir()
    for name in ("scrapy.cfg", "lifestats_crawler"):
        (clone / name).symlink_to(project / name)
    (clone / ".venv").symlink_to(sys.prefix)
    crontab.places["SECRETS"].write_text(f"LIFESTATS_TOKEN='{TOKEN}'\n")
    return crontab


@pytest.fixture
def configure(project, crontab, tmp_path):
    def configure(api, **changes) -> None:
        own = {
            "url": api.url + URL,
            "first_id": 1,
            "last_id": LAST,
            "results_per_page": 20,
            "rate_limit": None,
            "storage": str(tmp_path / "runs"),
        }
        sections = yaml.safe_load((project / "config.yml").read_text())
        sections["production"] |= own | changes
        crontab.places["LIFESTATS_CONFIG"].write_text(yaml.safe_dump(sections))

    return configure


@pytest.fixture
def wrong_crawl(crontab, configure, start_api, api_does, config_has):
    """What cron would mail of a crawl of an API and with a configuration that are wrong, and the log."""
    with start_api("--first-id=1", f"--last-id={LAST}", *api_does) as api:
        configure(api, **config_has)
        crontab.places["LOG"].write_text(f"== Yesterday\n{YESTERDAY}\n")
        return crontab.mail(crontab.crawl), crontab.places["LOG"]


@need_flock
def test_cron_has_nothing_to_mail_of_a_complete_crawl(crontab, configure, start_api):
    with start_api("--first-id=1", f"--last-id={LAST}") as api:
        configure(api)
        assert crontab.mail(crontab.crawl) == ""
        assert crontab.report()["totals"]["items"] == api.get("/truth")["records"]
    assert TOKEN not in crontab.places["LOG"].read_text()
    assert crontab.mail(crontab.watch) == ""


@need_flock
def test_cron_has_nothing_to_mail_of_a_crawl_that_is_still_going_on(crontab, configure, start_api, tmp_path):
    with start_api("--first-id=1", f"--last-id={LAST}") as api:
        configure(api, rate_limit=15)
        with crontab.start(crontab.crawl) as first:
            wait_until(lambda: api.get("/log")["requests"], first)
            assert crontab.mail(crontab.crawl) == ""
            assert first.poll() is None
            assert first.communicate(timeout=60)[0] == ""
    assert len(list((tmp_path / "runs" / "production").glob("*/segments"))) == 1
    assert crontab.report()["coverage"]["complete"] is True


@need_flock
@pytest.mark.parametrize(
    ("api_does", "config_has", "told"),
    [
        ([], {"rate_limit": -1}, ("exit status 1", "rate_limit = -1")),
        (["--fault=status-500:1:300:320", "--fault-limit=0"], {"retries": 1}, ("exit status 2", "INCOMPLETE")),
        (["--fault=status-401:1"], {}, ("exit status 3", "the API answers 401")),
    ],
)
def test_cron_mails_the_exit_status_and_the_last_lines_of_what_went_wrong(wrong_crawl, told):
    mail, log = wrong_crawl
    status, reason = told
    assert YESTERDAY not in mail
    assert mail.startswith(f"lifestats: {status}, the last lines of {log}:\n")
    assert reason in mail


@need_flock
@pytest.mark.parametrize("place", ["CLONE", "SECRETS", "LOG", "LOCK"])
def test_cron_mails_that_something_is_not_where_it_belongs(crontab, configure, start_api, tmp_path, place):
    crontab.places[place] = tmp_path / "nowhere" / "at all"
    with start_api("--first-id=1", f"--last-id={LAST}") as api:
        configure(api)
        assert "nowhere" in crontab.mail(crontab.crawl)
        assert api.get("/log")["requests"] == []


def test_cron_mails_when_no_report_was_complete_for_two_days(crontab):
    report = crontab.places["REPORT"]
    assert f"{report} is older than two days" in crontab.mail(crontab.watch)
    report.parent.mkdir(parents=True)
    report.touch()
    assert crontab.mail(crontab.watch) == ""
    os.utime(report, (time() - 3 * 86400,) * 2)
    assert crontab.mail(crontab.watch) == f"lifestats: {report} is older than two days\n"


def test_cron_takes_a_percent_sign_for_the_end_of_a_command(crontab):
    assert "%" not in crontab.crawl + crontab.watch


@need_systemd
def test_systemd_has_nothing_to_say_against_the_units(project, tmp_path):
    units = [tmp_path / f"lifestats.{kind}" for kind in ("service", "timer")]
    for unit in units:
        text = (project / "deploy" / unit.name).read_text()
        unit.write_text(text.replace("/srv/lifestats/.venv", sys.prefix))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units],  # noqa: S607
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


@need_systemd
def test_the_unit_outlasts_a_pause_of_a_day_and_starts_a_crawl_again_without_beginning_a_second_run(project):
    unit = dict(
        line.split("=", 1)
        for line in (project / "deploy" / "lifestats.service").read_text().splitlines()
        if re.match(r"\w+=", line)
    )
    assert seconds(unit["TimeoutStartSec"]) > MOST_SECONDS
    # Ids that two starts give up are done with, and a third start begins a new run: not within a night.
    assert int(unit["StartLimitBurst"]) <= 2
    assert 12 * 3600 < seconds(unit["StartLimitIntervalSec"]) < 24 * 3600
    assert unit["Restart"] == "on-failure"
    assert unit["RestartPreventExitStatus"] == "1 3"


def seconds(span: str) -> float:
    """Return how long a time is as systemd writes it."""
    told = subprocess.check_output(["systemd-analyze", "timespan", span], text=True)  # noqa: S607
    return int(re.search(r"\u03bcs: (\d+)", told)[1]) / 1e6
