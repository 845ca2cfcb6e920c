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


def test_a_lock_is_the_one_at_its_path_until_that_is_removed_or_another_is_made(tmp_path):
    path = tmp_path / "lock"
    held = lock.take(path, HERE)
    assert lock.is_at(path, held)
    path.unlink()
    assert not lock.is_at(path, held)
    with lock.take(path, THERE) as other:
        assert (lock.is_at(path, held), lock.is_at(path, other)) == (False, True)
    held.close()
