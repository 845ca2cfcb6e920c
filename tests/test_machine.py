"""What a process is given: control groups of both versions, in made-up file systems."""

from __future__ import annotations

import resource
from math import inf

import pytest

from lifestats_crawler import machine

MB = 2**20
V1 = "30 20 0:27 {at} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
V1_CPU = "31 20 0:28 {at} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
V2 = "32 20 0:29 {at} /sys/fs/cgroup rw - cgroup2 cgroup rw\n"
USED = {"memory.usage_in_bytes": 100 * MB, "memory.stat": f"total_inactive_file {20 * MB}\ntotal_active_file 0\n"}
USED_2 = {"memory.current": 100 * MB, "memory.stat": f"inactive_file {20 * MB}\nactive_file 0\n"}
LIMIT = {"memory.limit_in_bytes": 384 * MB}
LIMIT_2, NO_LIMIT_2 = {"memory.max": 384 * MB}, {"memory.max": "max"}


def quota(us: int) -> dict:
    return {"cpu,cpuacct": {"cpu.cfs_quota_us": us, "cpu.cfs_period_us": 100000}}


def root(tmp_path, groups: str, mounts: str, files: dict) -> object:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(groups)
    (tmp_path / "proc/self/mountinfo").write_text(mounts)
    for directory, contents in files.items():
        (tmp_path / "sys/fs/cgroup" / directory).mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (tmp_path / "sys/fs/cgroup" / directory / name).write_text(str(content))
    return tmp_path


@pytest.mark.parametrize(
    ("groups", "mounts", "files", "left"),
    [
        ("", "", {}, inf),
        ("4:memory:/a/b\n", V1, {"memory/a/b": USED | LIMIT}, 304 * MB),
        ("4:memory:/a/b\n", V1, {"memory/a/b": USED | {"memory.limit_in_bytes": 2**63 - 4096}}, inf),
        (
            "4:memory:/a/b\n",
            V1,
            {
                "memory/a": USED | {"memory.limit_in_bytes": 200 * MB},
                "memory/a/b": USED | LIMIT,
            },
            120 * MB,
        ),
        ("4:memory:/docker/x\n", V1.replace("{at}", "/docker/x"), {"memory": USED | LIMIT}, 304 * MB),
        ("4:memory:/elsewhere\n", V1, {"memory": USED | LIMIT}, 304 * MB),
        ("0::/\n", V2, {".": USED_2 | LIMIT_2}, 304 * MB),
        ("0::/a/b\n", V2, {"a": USED_2 | LIMIT_2, "a/b": USED_2 | NO_LIMIT_2}, 304 * MB),
        ("0::/\n", V2, {".": USED_2 | NO_LIMIT_2}, inf),
    ],
)  # fmt: skip
def test_the_memory_that_is_left_is_that_of_the_tightest_group_without_pages_of_files(
    tmp_path, groups, mounts, files, left
):
    assert machine.memory(root(tmp_path, groups, mounts.replace("{at}", "/"), files)) == left


@pytest.mark.parametrize(
    ("places", "files", "many"),
    [
        (("0::/\n", V2), {".": {"cpu.max": "50000 100000"}}, 1),
        (("0::/\n", V2), {".": {"cpu.max": "max 100000"}}, 8),
        (("0::/a\n", V2), {"a": {"cpu.max": "150000 100000"}}, 2),
        (("2:cpu,cpuacct:/\n", V1_CPU), quota(250000), 3),
        (("2:cpu,cpuacct:/\n", V1_CPU), quota(-1), 8),
        (("", ""), {}, 8),
    ],
)  # fmt: skip
def test_processors_are_those_that_a_process_may_use_in_its_quota(tmp_path, monkeypatch, places, files, many):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(8), raising=False)
    groups, mounts = places
    assert machine.processors(root(tmp_path, groups, mounts.replace("{at}", "/"), files)) == many


def test_this_machine_has_memory_processors_and_descriptors():
    assert machine.memory() > 0
    assert machine.processors() >= 1
    assert machine.descriptors() > 0


@pytest.mark.parametrize(("most", "taken", "left"), [(9, 1, 8), ("max", 1, inf), (3, 3, 0)])
def test_threads_are_limited_by_control_groups(tmp_path, monkeypatch, most, taken, left):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    files = {"a": {"pids.max": most, "pids.current": taken}}
    assert machine.threads(root(tmp_path, "0::/a\n", V2.replace("{at}", "/"), files)) == left


@pytest.mark.parametrize(
    ("address_space", "threads", "told"),
    [
        (resource.RLIM_INFINITY, inf, None),
        (2**40, 100, None),
        (300 * MB, 100, "the address space is limited to 300 MB (ulimit -v), and a crawl needs 500 MB more"),
        (
            resource.RLIM_INFINITY,
            2,
            "this process may start 2 threads (ulimit -u, or pids.max of its",
        ),
    ],
)
def test_what_a_crawl_cannot_do_without_is_named_in_one_line(monkeypatch, address_space, threads, told):
    monkeypatch.setattr("resource.getrlimit", lambda _: (address_space, address_space))
    monkeypatch.setattr(machine, "threads", lambda _: threads)
    short = machine.shortage()
    assert (short or "").startswith(told or "")
    assert bool(short) is bool(told)
