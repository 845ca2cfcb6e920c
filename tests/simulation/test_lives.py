"""Some hundred lives of the simulation; ``make simulate`` lives twenty thousand."""

from __future__ import annotations

import os

import pytest

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
