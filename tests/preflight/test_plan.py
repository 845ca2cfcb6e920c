from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.preflight import plan as planning
from tests.configurations import configured


@given(ids=st.integers(1, 10**9), density=st.floats(0, 1), rate=st.none() | st.floats(0.1, 1000))
def test_no_estimate_exceeds_what_every_id_would_take(ids, density, rate):
    config = configured(last_id=ids - 1, rate_limit=rate)
    ranges = planning.unsettled(config, None)
    likely, most = (planning.estimate(config, ranges, ratio, 3.0) for ratio in (density, 1.0))
    assert likely.requests <= most.requests
    assert likely.records <= most.records == ids
    assert likely.bytes <= most.bytes
    assert likely.segments <= most.segments
    assert (likely.seconds is None) == (rate is None)
    assert most.requests >= -(-ids // config.results_per_page)
