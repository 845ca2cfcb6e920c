from __future__ import annotations

import fcntl
import os

import pytest

from lifestats_crawler.exceptions import RunError
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
    assert held.is_at_its_path
    path.unlink()
    assert not held.is_at_its_path
    assert lock.take(path, THERE) is None  # the directory is locked, too
    assert not held.is_at_its_path
    held.close()


def test_a_lock_file_that_was_removed_is_made_again(tmp_path):
    path = tmp_path / "lock"
    with lock.take(path, HERE) as held:
        path.unlink()
        held.keep()
        assert held.is_at_its_path
        assert lock.holder(path)["job"] == HERE


def test_a_lock_is_lost_where_another_one_is_in_its_place(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    with lock.take(run / "lock", HERE) as held:
        (run / "lock").unlink()
        (run / "lock").touch()
        with pytest.raises(lock.LostLockError, match="another process has put its lock"):
            held.keep()
        run.rename(tmp_path / "away")
        with pytest.raises(lock.LostLockError, match="not the directory any more"):
            held.keep()


def test_while_one_process_opens_a_run_others_wait_and_then_say_so(tmp_path):
    with lock.opening(tmp_path / "test"):
        waited = []
        with (
            pytest.raises(RunError, match="another process has been opening a run"),
            lock.opening(tmp_path / "test", pause=waited.append),
        ):
            pass
        assert sum(waited) >= 40
    with lock.opening(tmp_path / "test"):
        pass
