from __future__ import annotations

import fcntl
import os

from lifestats_crawler.ranges import IdRange
from lifestats_crawler.storage import lock
from lifestats_crawler.storage.source import Job

HERE, THERE = (Job({"url": url, "counters": {}}, IdRange(0, 9)) for url in ("here", "there"))


def test_a_lock_tells_who_has_it_for_what_until_it_is_closed(tmp_path):
    path = tmp_path / "lock"
    assert lock.holder(path) is None
    held = lock.take(path, HERE)
    assert lock.take(path, THERE) is None
    holder = lock.holder(path)
    assert holder["who"].startswith(f"process {os.getpid()} on ")
    assert holder["job"] == HERE
    held.close()
    assert lock.holder(path) is None
    with lock.take(path, THERE):
        assert lock.holder(path)["job"] == THERE


def test_whoever_merely_looks_keeps_nobody_from_taking_it(tmp_path):
    path = tmp_path / "lock"
    path.touch()
    look = path.open()
    fcntl.flock(look, fcntl.LOCK_SH)
    with lock.take(path, HERE, pause=lambda _: look.close()) as held:
        assert held is not None
