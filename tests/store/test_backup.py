"""A backup is one file that is whole, whatever is written meanwhile; damage never becomes a collection."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from ragkit.errors import ConflictError, CorruptError, InputError, NotFoundError, SchemaVersionError, StoreError
from ragkit.store.sqlite.backup import backup, restore, verify_backup
from ragkit.store.sqlite.catalog import list_collections
from ragkit.store.sqlite.integrity import doctor_store, verify_store
from ragkit.store.sqlite.store import Store
from tests.support.store_fakes import cut, new_store, writing


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with new_store(tmp_path) as opened:
        with writing(opened) as writer:
            cut("a").put(writer)
            cut("b", metadata={"n": (1, "x")}).put(writer)
        yield opened


def test_there_and_back(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "one.ragkit"
    report = backup(store, file)
    assert (report["documents"], report["chunks"], report["revision"], report["bytes"]) == (
        2,
        6,
        2,
        file.stat().st_size,
    )
    assert verify_backup(file) == {key: value for key, value in report.items() if key not in ("file", "bytes")}
    with Store(restore(file, tmp_path / "elsewhere", "copy")) as copy:
        with copy.read() as reader, store.read() as original:
            assert list(reader.documents.iterate()) == list(original.documents.iterate())
            assert reader.generations() == original.generations()
            assert reader.identity != original.identity
        assert verify_store(copy) == []
        assert doctor_store(copy)["problems"] == []
        with writing(copy) as writer:
            assert cut("a").put(writer) == "unchanged"
            assert cut("c").put(writer) == "added"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["collections", "elsewhere", "one.ragkit"]
    assert list_collections(tmp_path / "elsewhere") == ["copy"]


def test_a_backup_of_a_restored_backup(store: Store, tmp_path: Path) -> None:
    backup(store, tmp_path / "1")
    with Store(restore(tmp_path / "1", tmp_path, "copy")) as copy:
        assert backup(copy, tmp_path / "2")["documents"] == 2
    Store(restore(tmp_path / "2", tmp_path, "copy2")).close()


def test_an_empty_collection(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        assert backup(store, tmp_path / "x")["documents"] == 0
    with Store(restore(tmp_path / "x", tmp_path, "copy")) as copy, copy.read() as reader:
        assert reader.documents.sources() == []


def test_while_something_is_written(store: Store, tmp_path: Path) -> None:
    started, enough = threading.Event(), threading.Event()

    def write() -> None:
        with writing(store) as writer:
            turn = 0
            while not enough.is_set():
                with writer.atomic():
                    for source in ("x", "y"):
                        cut(source, [f"{turn} {index}" for index in range(40)]).put(writer)
                started.set()
                turn += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        started.wait()
        for turn in range(4):
            backup(store, tmp_path / str(turn))
    finally:
        enough.set()
        thread.join()
    for turn in range(4):
        with Store(restore(tmp_path / str(turn), tmp_path, f"copy{turn}")) as copy, copy.read() as reader:
            assert reader.documents.get("x").text == reader.documents.get("y").text


def test_nothing_is_overwritten(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text("mine")
    with pytest.raises(ConflictError, match="exists already"):
        backup(store, file)
    assert file.read_text() == "mine"
    backup(store, tmp_path / "y")
    with pytest.raises(ConflictError, match="'default'"):
        restore(tmp_path / "y", tmp_path, "default")
    with pytest.raises(InputError):
        restore(tmp_path / "y", tmp_path, "../x")
    with pytest.raises(NotFoundError, match="folder"):
        backup(store, tmp_path / "none" / "x")


def test_a_damaged_collection_is_not_backed_up(store: Store, tmp_path: Path) -> None:
    connection = apsw.Connection(str(store.path))
    connection.execute("DELETE FROM vectors WHERE id = 1")
    connection.close()
    with pytest.raises(CorruptError, match="ragkit doctor"):
        backup(store, tmp_path / "x")
    assert [path.name for path in tmp_path.iterdir()] == ["collections"]


@pytest.mark.parametrize("content", [b"", b"x" * 5_000, b"SQLite format 3\0" + b"\0" * 5_000])
def test_what_is_no_backup(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x"
    file.write_bytes(content)
    with pytest.raises(StoreError):
        restore(file, tmp_path, "copy")
    with pytest.raises(NotFoundError):
        restore(tmp_path / "none", tmp_path, "copy")
    assert list_collections(tmp_path) == []


def test_a_plain_database_file_is_no_backup(store: Store, tmp_path: Path) -> None:
    with pytest.raises(CorruptError, match="not sealed"):
        restore(store.path, tmp_path, "copy")


def test_a_backup_of_a_newer_version(store: Store, tmp_path: Path) -> None:
    backup(store, tmp_path / "x")
    connection = apsw.Connection(str(tmp_path / "x"))
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SchemaVersionError):
        restore(tmp_path / "x", tmp_path, "copy")


@pytest.mark.parametrize(
    "sql", ["UPDATE documents SET title = 'x' WHERE id = 1", "DELETE FROM files", "DROP INDEX files_source"]
)
def test_a_changed_row_is_noticed(store: Store, tmp_path: Path, sql: str) -> None:
    with writing(store) as writer:
        from tests.store.test_store import state

        writer.record_file(state(b"x"))
    backup(store, tmp_path / "x")
    connection = apsw.Connection(str(tmp_path / "x"))
    connection.execute(sql)
    connection.close()
    with pytest.raises(CorruptError, match="SHA-256"):
        restore(tmp_path / "x", tmp_path, "copy")


@pytest.mark.parametrize("seed", range(40))
def test_a_flipped_or_cut_byte_is_noticed_or_harmless(tmp_path: Path, seed: int) -> None:
    with new_store(tmp_path) as store:
        with writing(store) as writer:
            for index in range(5):
                cut(f"s{index}", [f"{index} text {part}" for part in range(30)]).put(writer)
        backup(store, tmp_path / "x")
        chance = random.Random(seed)
        data = bytearray((tmp_path / "x").read_bytes())
        if seed % 4:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        else:
            del data[chance.randrange(len(data)) :]
        (tmp_path / "x").write_bytes(data)
        try:
            copy = Store(restore(tmp_path / "x", tmp_path, "copy"))
        except StoreError:
            assert list_collections(tmp_path) == ["default"]
            return
        with copy, copy.read() as reader, store.read() as original:
            assert list(reader.documents.iterate()) == list(original.documents.iterate())
            ids = original.chunks.all_chunk_ids()
            assert (reader.chunks.vectors(ids) == original.chunks.vectors(ids)).all()
