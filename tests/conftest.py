"""What tests of every room share: where things are, and how long hypothesis may take."""

from __future__ import annotations

import sys
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

# Hypothesis would also write an example that fails as a patch, with libcst, which stumbles over an attribute that
# zope.interface (Scrapy's) gives to every class: pytest would end with an internal error, and tell no failure.
sys.modules["hypothesis.extra._patching"] = None


def pytest_collection_modifyitems(items):
    """Begin with what takes longest: begun last, it would keep one worker busy and the others waiting."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture
def project() -> Path:
    return PROJECT


@pytest.fixture
def fixtures() -> Path:
    return FIXTURES
