"""A collection whose creation fails is not there: it is neither listed nor in the way of the next attempt."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import apsw
import pytest

import ragkit
from ragkit import NotFoundError, RagkitError, StorageFullError
from ragkit.store.sqlite import store as module


def test_a_collection_that_cannot_be_made_is_not_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(connection: apsw.Connection) -> None:
        raise apsw.FullError("database or disk is full")

    monkeypatch.setattr(module, "create_tables", full)
    with pytest.raises(StorageFullError):
        ragkit.create_collection(tmp_path, "new")
    assert ragkit.list_collections(tmp_path) == []
    with pytest.raises(NotFoundError):
        ragkit.open(tmp_path, collection="new", create=False)
    monkeypatch.undo()
    ragkit.create_collection(tmp_path, "new")
    assert ragkit.list_collections(tmp_path) == ["new"]


def test_a_failure_leaves_a_collection_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ragkit.create_collection(tmp_path, "old")

    def broken(*_: Any) -> int:
        raise apsw.FullError("database or disk is full")

    monkeypatch.setattr(module, "migrate", broken)
    monkeypatch.setattr(module.Store, "_is_ready", lambda _: False)
    with pytest.raises(RagkitError):
        ragkit.open(tmp_path, collection="old")
    monkeypatch.undo()
    assert ragkit.list_collections(tmp_path) == ["old"]
    ragkit.open(tmp_path, collection="old", create=False).close()


@pytest.mark.parametrize(("code", "kind"), [(errno.ENOSPC, "StorageFullError"), (errno.EACCES, "StoreError")])
def test_a_full_disk_and_a_folder_without_rights_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, kind: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(code, "refused")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(RagkitError) as error:
        ragkit.create_collection(tmp_path, "new")
    assert type(error.value).__name__ == kind
