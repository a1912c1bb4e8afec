"""Flushing a path and hashing a file: one helper each for all packages."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

import pytest

from ragkit.files import fsync_path, sha256_of


def test_a_hash_is_of_the_bytes_by_path_and_from_an_open_file(tmp_path: Path) -> None:
    data = bytes(range(256)) * 9_001
    path = tmp_path / "näme with blanks"
    path.write_bytes(data)
    assert sha256_of(path) == hashlib.sha256(data).hexdigest()
    with path.open("rb") as file:
        file.seek(1_000)
        assert sha256_of(file) == hashlib.sha256(data[1_000:]).hexdigest()
    with pytest.raises(FileNotFoundError):
        sha256_of(tmp_path / "none")


def test_a_file_and_a_folder_are_flushed_by_their_own_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[int, bool]] = []
    flush = os.fsync

    def watched(descriptor: int) -> None:
        status = os.fstat(descriptor)
        flushed.append((status.st_ino, stat.S_ISDIR(status.st_mode)))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    path = tmp_path / "file"
    path.write_bytes(b"x")
    fsync_path(path)
    fsync_path(tmp_path)
    assert flushed == [(path.stat().st_ino, False), (tmp_path.stat().st_ino, True)]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_only_a_folder_may_be_on_a_file_system_that_flushes_none(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    path = tmp_path / "file"
    path.touch()
    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(os, "fsync", refuse)
    fsync_path(tmp_path)
    with pytest.raises(OSError, match=os.strerror(number)):
        fsync_path(path)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_disk_that_refuses_is_an_error_for_a_folder_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="Input/output"):
        fsync_path(tmp_path)
