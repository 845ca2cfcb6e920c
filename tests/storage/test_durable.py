from __future__ import annotations

import pytest

from lifestats_crawler.storage import durable


def test_a_file_that_fails_half_way_does_not_appear_and_leaves_the_old_one(tmp_path):
    path = tmp_path / "report.json"
    durable.write(path, b"old")
    with pytest.raises(RuntimeError), durable.appearing(path) as unfinished:  # noqa: PT012
        unfinished.write_bytes(b"ne")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
