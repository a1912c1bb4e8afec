"""Collections come and go: by name, never by path."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.errors import ConflictError, InputError, NotFoundError, StorageFullError, StoreError
from ragkit.store.sqlite.catalog import delete_collection, list_collections, sync_folder
from ragkit.store.sqlite.store import Store, create_collection
from tests.support.store_fakes import cut, new_store, writing

BAD_NAMES = [
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "/a",
    "A",
    "ä",
    "-a",
    ".a",
    "_a",
    "a b",
    "a\n",
    "a\0",
    "a" * 64,
    "a\\b",
    "~",
    "x:y",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_names(tmp_path: Path, name: str) -> None:
    for ask in (create_collection, delete_collection):
        with pytest.raises(InputError, match="collection name"):
            ask(tmp_path, name)
    assert not list(tmp_path.iterdir())


def test_create_list_delete(tmp_path: Path) -> None:
    assert list_collections(tmp_path / "none") == []
    for name in ("b", "a", "0.x_y-z", "a" * 63):
        create_collection(tmp_path, name)
    (tmp_path / "collections" / "empty").mkdir()
    (tmp_path / "collections" / "file").write_text("x")
    assert list_collections(tmp_path) == ["0.x_y-z", "a", "a" * 63, "b"]
    with pytest.raises(ConflictError, match="'a'"):
        create_collection(tmp_path, "a")
    delete_collection(tmp_path, "a")
    with pytest.raises(NotFoundError, match="'a'"):
        delete_collection(tmp_path, "a")
    assert list_collections(tmp_path) == ["0.x_y-z", "a" * 63, "b"]
    assert not (tmp_path / "collections" / "a").exists()
    assert not list((tmp_path / "collections").glob(".*"))


def test_who_has_it_open_is_told(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    with writing(store) as writer:
        cut("a").put(writer)
    with store.read() as reader:
        delete_collection(tmp_path, "default")
        assert reader.documents.get("a") == cut("a").document  # what is being read stays whole
    with pytest.raises(NotFoundError, match="was deleted"), store.read():
        pass
    with pytest.raises(NotFoundError), writing(store):
        pass
    create_collection(tmp_path, "default")
    with pytest.raises(NotFoundError, match="replaced"), store.read():
        pass
    with pytest.raises(NotFoundError, match="replaced"), writing(store):
        pass
    store.close()
    with Store(store.folder) as fresh, fresh.read() as reader:
        assert reader.documents.sources() == []


def test_what_a_killed_deletion_left_is_swept(tmp_path: Path) -> None:
    create_collection(tmp_path, "a")
    left = tmp_path / "collections" / ".deleted-b-12345678"
    left.mkdir()
    (left / "collection.sqlite").write_text("x")
    assert list_collections(tmp_path) == ["a"]
    delete_collection(tmp_path, "a")
    assert not left.exists()


def test_a_data_folder_that_is_a_file(tmp_path: Path) -> None:
    data = tmp_path / "file"
    data.write_text("x")
    assert list_collections(data) == []
    with pytest.raises(StoreError, match="can't be created"):
        create_collection(data, "a")


def test_a_folder_that_cannot_be_synced_is_told(tmp_path: Path) -> None:
    sync_folder(tmp_path)
    with pytest.raises(StorageFullError, match="refuses writes"):
        sync_folder(tmp_path / "none")
