"""What tests of every room share: where things are, and how long hypothesis may take."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

PROJECT = Path(__file__).resolve().parent.parent
#: The first id of the first user's API.
FIRST = 658_330_693
FIXTURES = PROJECT / "tests" / "fixtures"

# A machine that is busy for a moment is no failure of what is tested.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def project() -> Path:
    return PROJECT


@pytest.fixture
def fixtures() -> Path:
    return FIXTURES
