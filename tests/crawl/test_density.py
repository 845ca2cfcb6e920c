from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.crawl.density import Density
from lifestats_crawler.ranges import IdRange

WHOLE = IdRange(10**6, 10**6 + 10**5)
places = st.lists(st.integers(WHOLE.begin, WHOLE.end), max_size=30)
densities = st.floats(0.01, 1)


def test_before_the_first_page_every_id_is_taken_to_exist():
    assert Density(WHOLE).records(IdRange(WHOLE.begin + 5, WHOLE.begin + 105)) == pytest.approx(100)


@given(places, densities, st.floats(0, 1))
def test_an_even_density_is_found_wherever_it_was_measured(begins, density, part):
    estimate = Density(WHOLE)
    for begin in [WHOLE.begin, *begins]:
        page = IdRange(begin, begin + 100)
        estimate.show(page, 100 * density)
    assert estimate.records(WHOLE) == pytest.approx(len(WHOLE) * density)
    records = part * len(WHOLE) * density
    assert estimate.after(records, WHOLE) == pytest.approx(WHOLE.begin + part * len(WHOLE), abs=1)


@given(st.dictionaries(st.integers(0, 999), densities, min_size=1), st.floats(0, 1), st.none() | densities)
def test_before_the_id_after_so_many_records_are_so_many_records(seen, part, here):
    estimate = Density(WHOLE)
    for place, density in seen.items():
        page = IdRange(WHOLE.begin + 100 * place, WHOLE.begin + 100 * place + 100)
        estimate.show(page, 100 * density)
    ids = IdRange(WHOLE.begin + 777, WHOLE.end - 555)
    records = part * estimate.records(ids, here)
    before = IdRange(ids.begin, estimate.after(records, ids, here))
    assert estimate.records(before, here) == pytest.approx(records, abs=1)


def test_where_nothing_was_measured_it_is_between_its_neighbours():
    estimate = Density(IdRange(0, 1024))
    estimate.show(IdRange(0, 1), 1)
    estimate.show(IdRange(1000, 1001), 0)
    assert estimate.records(IdRange(500, 501)) == pytest.approx(0.5)
    assert estimate.records(IdRange(1010, 1020)) == 0


def test_what_the_last_page_has_shown_goes_on_to_the_end_of_the_place():
    estimate = Density(IdRange(0, 1024 * 1000))
    estimate.show(IdRange(0, 100), 10)
    assert estimate.records(IdRange(100, 2000), here=1.0) == pytest.approx(900 + 100)
