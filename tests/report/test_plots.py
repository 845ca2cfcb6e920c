from __future__ import annotations

from math import log10

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.report import plots


def steps(*of: tuple[int, float, int]) -> list[dict]:
    """Steps of a pace: (the minute at their end, their seconds, their requests)."""
    return [
        {"at": f"2026-01-01T00:{minute:02}:00.000Z", "seconds": seconds, "requests": requests}
        for minute, seconds, requests in of
    ]


@pytest.mark.parametrize(
    ("counter", "message"),
    [
        ({"top": []}, None),
        ({"frequency": [[1, 5]], "top": []}, None),
        ({"top": [{"rank": 1, "count": 5}]}, None),
        (
            {"top": [{"rank": 1, "count": 5}, {"rank": 2, "count": 1}, {"rank": 3, "count": 1}]},
            "Rank 1 has 5 records, and rank 3, the last, has 1.",
        ),
        ({"frequency": [[1, 1], [2, 1]], "top": []}, None),
        (
            {"frequency": [[1, 1], [2, 1], [3, 1]], "top": []},
            "Rank 1 has 1 record, and rank 3, the last, has 1.",
        ),
        (
            {
                "frequency": [[1, 90], [9, 50], [12, 40], [99, 8], [150, 7], [900, 1]],
                "top": [{"rank": 1, "count": 0}],
            },
            "Rank 1 has 90 records, rank 12 has 40, rank 150 has 7, and rank 900, the last, has 1.",
        ),
        (
            {"frequency": [[1, 9000], [10, 900], [100, 90], [1000, 9], [10_000, 3], [20_000, 1]], "top": []},
            "Rank 1 has 9,000 records, rank 100 has 90, rank 10,000 has 3, and rank 20,000, the last, has 1.",
        ),
    ],
)
def test_the_counts_by_rank_are_drawn_with_what_they_say_in_numbers(counter, message):
    figure = plots.frequency(counter)
    assert (figure and figure["message"]) == message


@given(st.lists(st.integers(1, 10**9), min_size=3, max_size=40).map(sorted), st.integers(1, 10**7))
def test_every_point_and_every_tick_is_on_its_axis(counts, step):
    points = [[1 + at * step, count] for at, count in enumerate(reversed(counts))]
    figure = plots.frequency({"frequency": points, "top": []})
    (line,), layout = figure["data"], figure["layout"]
    assert (line["x"], line["y"]) == ([rank for rank, _ in points], [count for _, count in points])
    for axis, values in (("xaxis", line["x"]), ("yaxis", line["y"])):
        low, high = layout[axis]["range"]
        ticks = layout[axis]["tickvals"]
        assert all(low < log10(value) < high for value in [*values, *ticks])
        assert ticks == sorted(set(ticks))
        assert len(layout[axis]["ticktext"]) == len(ticks)


@pytest.mark.parametrize(
    "none",
    [[], steps((1, 0, 5), (2, 0, 5), (3, 0, 5)), steps((1, 60, 5), (2, 60, 5))],
    ids=["no step", "steps without time", "two steps"],
)
def test_without_steps_no_pace_is_drawn(none):
    assert plots.pace(none, 100) is None


def test_the_pace_is_a_staircase_that_a_pause_interrupts():
    figure = plots.pace(steps((1, 60, 600), (2, 60, 300), (10, 30, 900)), None)
    (line,) = figure["data"]
    assert list(zip(line["x"], line["y"], strict=True)) == [
        ("2026-01-01T00:00:00", 10.0),
        ("2026-01-01T00:01:00", 10.0),
        ("2026-01-01T00:02:00", 5.0),
        (None, None),
        ("2026-01-01T00:09:30", 30.0),
        ("2026-01-01T00:10:00", 30.0),
    ]
    assert figure["message"] == "12.0 requests a second on average, between 5.0 and 30.0; there is no limit."
    assert figure["layout"]["yaxis"]["range"] == [0, pytest.approx(36)]
    assert "shapes" not in figure["layout"]


def test_a_limit_is_a_line_across_that_is_on_the_axis():
    figure = plots.pace(steps((1, 60, 600), (2, 60, 600), (3, 60, 600)), 100)
    assert figure["message"].startswith("10.0 requests a second all the time; ")
    (across,) = figure["layout"]["shapes"]
    assert (across["y0"], across["y1"]) == (100, 100)
    assert figure["layout"]["annotations"][0]["text"] == "limit 100"
    assert figure["layout"]["yaxis"]["range"][1] > 100
    assert figure["message"].endswith("the limit is 100.")


def test_requests_of_which_none_was_made_have_an_axis_all_the_same():
    none = steps((1, 60, 0), (2, 60, 0), (3, 60, 0))
    assert plots.pace(none, None)["layout"]["yaxis"]["range"] == [0, 1.2]


def test_no_figure_holds_a_value_of_the_api():
    counter = {
        "top": [{"rank": rank, "count": 5, "key": "<b>", "label": "<b>"} for rank in (1, 2, 3)],
        "field": "<b>",
    }
    assert "<b>" not in str(plots.frequency(counter))
