"""Some hundred lives of the simulation; ``make simulate`` lives twenty thousand."""

from __future__ import annotations

import os

import pytest

from lifestats_crawler.ending import Ending
from tests.simulation import estimates
from tests.simulation.audits import Audited
from tests.simulation.kinds import KINDS
from tests.simulation.liars import HONEST, LIARS, LiarLife
from tests.simulation.life import Life
from tests.simulation.mix_ups import KINDS as MIX_UPS

LIVES = int(os.environ.get("LIFESTATS_LIVES", "200"))
_EACH = 10


#: Seeds that failed once, by what was wrong with the crawl of them.
FOUND = {
    "outage": {
        140: "where nothing had ever answered, a space of one page was given up after two tries",
        288: "a claim was given up because of an outage while it was confirmed",
        790: "an API that was away was taken for replicas of which one lags",
    },
    "record": {
        16: "the only witness stood on the page of a bad record: every try was given back, for ever",
        58: "what a bad record hid from the question into a gap was given up, too",
        255: "one bad record among few was taken for a bad page",
    },
    "crowd": {2417: "without a witness, time-outs for all were taken for the pages' own fault"},
}


@pytest.mark.parametrize("first", range(0, LIVES, _EACH))
def test_every_life_ends_with_exactly_the_truth_or_with_what_is_missing(first, caplog):
    _live(range(first, first + _EACH), None, caplog)


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_server_with_one_kind_of_trouble_only_what_cannot_be_had_is_missing(kind, caplog):
    _live([*range(_EACH), *FOUND.get(kind, ())], kind, caplog)


def _live(seeds, kind, caplog):
    caplog.set_level("CRITICAL", logger="lifestats_crawler")
    for seed in seeds:
        try:
            Life(seed, kind).run()
        except Exception as error:  # whatever it is, the seed has to be known
            error.add_note(f"python -m tests.simulation {f'--kind {kind} ' if kind else ''}--seed {seed}")
            raise


@pytest.mark.parametrize("name", [*LIARS, *HONEST])
def test_an_api_that_is_not_what_it_says_is_found_and_an_honest_one_is_not_accused(name, caplog):
    caplog.set_level("CRITICAL", logger="lifestats_crawler")
    ending, is_complete, is_exact = LiarLife(1, (LIARS | HONEST)[name]).crawl()
    assert is_exact or not is_complete
    if name in HONEST:
        assert (ending, is_exact) == (Ending.FINISHED, True)


@pytest.mark.parametrize("kind", MIX_UPS.values())
def test_an_answer_that_was_meant_for_another_request_hides_no_record(kind, caplog):
    caplog.set_level("CRITICAL", logger="lifestats_crawler")
    hidden = 0
    for seed in range(_EACH):
        life = LiarLife(seed, HONEST["nearest"])
        crawling = kind(life)
        _, is_complete, is_exact = life.crawl(crawling)
        assert is_exact or not is_complete
        hidden += crawling.hides
    assert hidden


@pytest.mark.parametrize("name", ["a pinned record", "next is one record too far"])
def test_the_audits_of_a_long_crawl_find_what_one_audit_in_two_shows(name):
    assert Audited(1, LIARS[name]).crawl()


@pytest.mark.parametrize("seed", [3])
def test_the_time_left_is_told_within_fifteen_percent_during_a_crawl_and_after_an_interruption(seed):
    for off in estimates.differences(seed):
        assert max(map(abs, off)) <= estimates.TOLERATED
