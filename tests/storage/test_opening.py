from __future__ import annotations

from dataclasses import replace

import pytest

from lifestats_crawler.storage import segments
from lifestats_crawler.storage.opening import open_run
from lifestats_crawler.storage.source import Job
from tests.configurations import configured
from tests.storage.test_segments import FOOTER

NOW = "2026-01-01T00:00:00.000Z"
CONFIG = configured()


@pytest.mark.parametrize(("change", "differs"), [({"mock": True}, "mock differs"), ({}, "")])
def test_made_up_records_never_join_a_run_of_real_ones(tmp_path, change, differs):
    job, other = Job.of(CONFIG), Job.of(CONFIG.model_copy(update=change))
    first = open_run(tmp_path, job, None, NOW)
    footer = replace(FOOTER, source=job.source, space=job.space, covers=())
    segments.write(first.segments, 1, {"ids": {1: 3}}, footer)
    first.close()
    again = open_run(tmp_path, other, None, NOW)
    again.close()
    assert (again.name == first.name) is (differs == "")
    assert job.difference(other) == differs
