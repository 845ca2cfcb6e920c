from __future__ import annotations

import errno
import os
import stat

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


def test_a_directory_that_cannot_be_made_durable_is_said_once_and_the_file_is_there(tmp_path, monkeypatch, caplog):
    real = os.fsync

    def of_a_file_only(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", of_a_file_only)
    monkeypatch.setattr(durable, "_is_refusal_told", False)
    for name in ("one", "two"):
        durable.write(tmp_path / name, b"whole")
        assert (tmp_path / name).read_bytes() == b"whole"
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_that_is_there_is_not_replaced_by_one_that_is_to_be_new(tmp_path, monkeypatch, has_links):
    if not has_links:
        refusal = OSError(errno.EPERM, "Operation not permitted")
        monkeypatch.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(refusal))
    durable.create(tmp_path / "file", b"first")
    with pytest.raises(FileExistsError):
        durable.create(tmp_path / "file", b"second")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"first"]
