from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler import formats


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *[(formats.many(count, "page"), text) for count, text in ((0, "0 pages"), (1, "1 page"), (2, "2 pages"))],
        *[
            (formats.percent(share), text)
            for share, text in ((0, "0.000%"), (0.000004, "<0.001%"), (0.000005, "0.001%"))
        ],
        *[(formats.percent_done(*parts), text) for parts, text in (((0, 9), "0.0 %"), ((9, 9), "100.0 %"))],
        *[(formats.plainly(ratio), text) for ratio, text in ((1.0, "100%"), (0.1, "10%"), (0.000001, "0.0001%"))],
        *[
            (formats.duration(seconds), text)
            for seconds, text in (
                (0, "0.00 s"),
                (0.999, "1.00 s"),
                (1, "1.0 s"),
                (59.94, "59.9 s"),
                (59.95, "1 min 0 s"),
                (3599.4, "59 min 59 s"),
                (3599.6, "1 h 0 min"),
                (90_000, "25 h 0 min"),
            )
        ],
        *[
            (formats.h_mm_ss(seconds), text)
            for seconds, text in ((0, "0:00:00"), (0.1, "0:00:01"), (59.5, "0:01:00"), (360_000, "100:00:00"))
        ],
        *[
            (formats.size(value), text)
            for value, text in (
                (0, "0 B"),
                (1000, "1 kB"),
                (999_499, "999 kB"),
                (2.5e9, "2 GB"),
                (3.25e12, "3.2 TB"),
            )
        ],
        (formats.moment("yesterday"), "yesterday"),
        (formats.minute(None), ""),
        (formats.minute(""), ""),
    ],
)
def test_as_people_read_it(written, value):
    assert written == value


@given(st.integers(0, 10**12), st.integers(1, 10**12))
def test_only_all_of_it_shows_as_a_hundred_percent(part, whole):
    part = min(part, whole)
    assert (formats.percent_done(part, whole) == "100.0 %") is (part == whole)


@given(st.floats(1e-12, 1))
def test_what_is_not_nothing_never_shows_as_nothing(share):
    assert formats.percent(share) != formats.percent(0)


@given(st.floats(0, 10**6))
def test_a_clock_never_shows_less_time_than_is_left(seconds):
    hours, minutes, rest = map(int, formats.h_mm_ss(seconds).split(":"))
    assert 0 <= hours * 3600 + minutes * 60 + rest - seconds <= 1
