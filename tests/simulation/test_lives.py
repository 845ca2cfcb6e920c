"""Some hundred lives of the simulation; ``make simulate`` lives twenty thousand."""

from __future__ import annotations

import os

import pytest

from lifestats_crawler.ending import Ending
from tests.simulation.liars import HONEST, LIARS, LiarLife
from tests.simulation.life import Life

LIVES = int(os.environ.get("LIFESTATS_LIVES", "300"))
_EACH = 10


@pytest.mark.parametrize("first", range(0, LIVES, _EACH))
def test_every_life_ends_with_exactly_the_truth_or_with_what_is_missing(first, caplog):
    caplog.set_level("CRITICAL", logger="lifestats_crawler")
    for seed in range(first, first + _EACH):
        try:
            Life(seed).run()
        except Exception as error:  # whatever it is, the seed has to be known
            error.add_note(f"python -m tests.simulation --seed {seed}")
            raise


@pytest.mark.parametrize("name", [*LIARS, *HONEST])
def test_an_api_that_is_not_what_it_says_is_found_and_an_honest_one_is_not_accused(name, caplog):
    caplog.set_level("CRITICAL", logger="lifestats_crawler")
    ending, is_complete, is_exact = LiarLife(1, (LIARS | HONEST)[name]).crawl()
    assert is_exact or not is_complete
    if name in HONEST:
        assert (ending, is_exact) == (Ending.FINISHED, True)
