"""What can go wrong under a store: killed writers, full or failing disks, damage, other versions, read-only folders."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from ragkit.errors import CorruptError, NotFoundError, SchemaVersionError, StorageFullError, StoreError
from ragkit.store.sqlite.connection import SAFE_SQLITE, has_log, open_writer
from ragkit.store.sqlite.integrity import doctor_store, verify_store
from ragkit.store.sqlite.schema import SCHEMA_VERSION, create_tables, migrate
from ragkit.store.sqlite.store import Store
from tests.support.store_fakes import cut, new_store, writing

ROOT = Path(__file__).parents[2]


def body(source: str, size: int = 60) -> list[str]:
    return [f"{source} paragraph {index} " + "x" * 60 for index in range(size)]


def script(code: str, *arguments: object, **options: Any) -> subprocess.Popen[str]:
    """Start Python in the root of the repository; the code finds Path, Store, cut, writing, body and argv."""
    head = (
        "import os, sys\nfrom pathlib import Path\nfrom ragkit.store.sqlite.store import Store\n"
        "from tests.support.store_fakes import *\nfrom tests.store.test_store_faults import body\nargv = sys.argv[1:]\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", head + code, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


WRITE_FOREVER = """
with Store(Path(argv[0])) as store, writing(store) as writer:
    turn = 0
    while True:
        source = f"s{turn % 7}"
        cut(source, body(f"{source}-{turn}")).put(writer)
        print(source, turn, flush=True)
        turn += 1
"""


@pytest.mark.parametrize("seed", range(5))
def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path: Path, seed: int) -> None:
    store = new_store(tmp_path)
    process = script(WRITE_FOREVER, store.folder)
    assert process.stdout is not None
    acknowledged: dict[str, int] = {}
    wanted = random.Random(seed).randint(1, 25)
    for line in process.stdout:
        source, turn = line.split()
        acknowledged[source] = int(turn)
        if len(acknowledged) >= 7 or int(turn) >= wanted:
            break
    process.send_signal(signal.SIGKILL)
    for line in process.stdout.read().splitlines():
        source, turn = line.split()
        acknowledged[source] = int(turn)
    process.wait()
    process.stdout.close()
    assert has_log(store.path)
    with Store(store.folder) as again:  # a read-only connection recovers the log
        with again.read() as reader:
            for source, last in acknowledged.items():
                stored = reader.documents.get(source)
                later = int(stored.text.split("-")[1].split()[0])
                assert later in (last, last + 7)
                assert stored == cut(source, body(f"{source}-{later}")).document
            assert reader.counts().documents - len(acknowledged) in (0, 1)
            assert reader.generations()[-1].finished_at == ""
        assert verify_store(again) == []
        assert doctor_store(again)["problems"] == []
        with writing(again) as writer:  # the lock of the dead is free at once
            assert cut("new").put(writer) == "added"
    store.close()


@contextmanager
def limited_pages(store: Store, spare: int) -> Iterator[None]:
    """Let no connection that is opened within the body grow a database by more than so many pages."""
    with store.read() as reader:
        pages = reader.inspect("PRAGMA page_count")[0][0] + spare

    def hook(connection: apsw.Connection) -> None:
        connection.pragma("max_page_count", pages)

    apsw.connection_hooks.append(hook)
    try:
        yield
    finally:
        apsw.connection_hooks.remove(hook)


def test_a_full_disk_undoes_one_document_and_no_more(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        with writing(store) as writer:
            cut("a").put(writer)
        with limited_pages(store, 12), writing(store) as writer:
            cut("b").put(writer)
            with pytest.raises(StorageFullError):
                cut("big", body("big", 2_000)).put(writer)
            cut("c").put(writer)
        with store.read() as reader:
            assert reader.documents.sources() == ["a", "b", "c"]
        assert verify_store(store) == []
        assert doctor_store(store)["problems"] == []
        with limited_pages(store, 12), pytest.raises(StorageFullError, match="free some space"):
            put_all(store, "d", "big")
        with store.read() as reader:
            assert reader.documents.sources() == ["a", "b", "c", "d"]
        put_all(store, "big")
        assert verify_store(store) == []


def test_a_full_disk_within_atomic_undoes_all(tmp_path: Path) -> None:
    with new_store(tmp_path) as store:
        put_all(store, "a")
        with limited_pages(store, 12), pytest.raises(StorageFullError):
            put_in_one(store, "b", "big")
        with store.read() as reader:
            assert reader.documents.sources() == ["a"]
        assert doctor_store(store)["problems"] == []


def put_all(store: Store, *sources: str) -> None:
    with writing(store) as writer:
        for source in sources:
            cut(source, body(source, 2_000 if source == "big" else 3)).put(writer)


def put_in_one(store: Store, *sources: str) -> None:
    with writing(store) as writer, writer.atomic():
        for source in sources:
            cut(source, body(source, 2_000 if source == "big" else 3)).put(writer)


SMALL_FILES = """
import resource
from ragkit.errors import StorageFullError
store = Store(Path(argv[0]))
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
acknowledged = 0
try:
    with writing(store) as writer:
        for turn in range(200):
            cut(f"s{turn}", body(f"s{turn}")).put(writer)
            acknowledged += 1
except StorageFullError as error:
    print(acknowledged, flush=True)
with store.read() as reader:
    print(len(reader.documents.sources()))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
with writing(store) as writer:
    cut("after").put(writer)
print("usable")
"""


def test_a_disk_that_fails_to_write(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    process = script(SMALL_FILES, store.folder)
    lines = process.communicate()[0].split()
    acknowledged = int(lines[0])
    assert lines == [str(acknowledged), str(acknowledged), "usable"]
    assert 0 < acknowledged < 200
    with store.read() as reader:
        assert reader.documents.sources() == [f"s{turn}" for turn in range(acknowledged)] + ["after"]
    assert verify_store(store) == []
    assert doctor_store(store)["problems"] == []
    store.close()


class TestDamage:
    @pytest.mark.parametrize("content", [b"x" * 10_000, b"SQLite format 3\0" + b"\xff" * 5_000])
    def test_a_file_that_is_no_database(self, tmp_path: Path, content: bytes) -> None:
        folder = tmp_path / "collections" / "x"
        folder.mkdir(parents=True)
        (folder / "collection.sqlite").write_bytes(content)
        for create in (False, True):
            with pytest.raises(CorruptError, match="restore"):
                Store(folder, create=create)

    def test_a_database_of_another_program(self, tmp_path: Path) -> None:
        folder = tmp_path / "collections" / "x"
        folder.mkdir(parents=True)
        connection = apsw.Connection(str(folder / "collection.sqlite"))
        connection.execute("CREATE TABLE t (a)")
        connection.close()
        with pytest.raises(CorruptError, match="not a collection of ragkit"):
            Store(folder, create=True)

    @pytest.mark.parametrize("content", [b"", None])
    def test_a_creation_that_was_cut_off(self, tmp_path: Path, content: bytes | None) -> None:
        folder = tmp_path / "collections" / "x"
        folder.mkdir(parents=True)
        if content is None:
            open_writer(folder / "collection.sqlite", create=True).close()
        else:
            (folder / "collection.sqlite").write_bytes(content)
        with pytest.raises(NotFoundError):
            Store(folder)
        with Store(folder, create=True) as store:
            put_all(store, "a")

    def test_a_truncated_file(self, tmp_path: Path) -> None:
        with new_store(tmp_path) as store:
            put_all(store, "a", "big")
        data = store.path.read_bytes()
        store.path.write_bytes(data[: len(data) // 2 // 8192 * 8192])
        try:
            with Store(store.folder) as again:
                assert verify_store(again) or doctor_store(again)["problems"]
        except CorruptError:
            pass

    @pytest.mark.parametrize("seed", range(30))
    def test_flipped_bytes_are_noticed_or_harmless(self, tmp_path: Path, seed: int) -> None:
        with new_store(tmp_path) as store:
            put_all(store, "a", "b")
            with store.read() as reader:
                expected = [reader.documents.get(source) for source in reader.documents.sources()]
        data = bytearray(store.path.read_bytes())
        chance = random.Random(seed)
        for _ in range(5):
            data[chance.randrange(100, len(data))] ^= 1 << chance.randrange(8)
        store.path.write_bytes(data)
        try:
            with Store(store.folder) as again:
                noticed = bool(verify_store(again) or doctor_store(again)["problems"])
                with again.read() as reader:
                    same = [reader.documents.get(source) for source in reader.documents.sources()] == expected
                assert noticed or same
        except StoreError:
            pass

    def test_a_damaged_text_is_not_served(self, tmp_path: Path) -> None:
        with new_store(tmp_path) as store:
            put_all(store, "a")
            connection = apsw.Connection(str(store.path))
            connection.execute("UPDATE texts SET text = replace(text, 'x', 'y')")
            connection.close()
            with store.read() as reader, pytest.raises(CorruptError, match="does not have its hash"):
                reader.documents.get("a")


class TestVersions:
    def test_a_newer_version_is_refused(self, tmp_path: Path) -> None:
        with new_store(tmp_path) as store:
            put_all(store, "a")
        connection = apsw.Connection(str(store.path))
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        connection.close()
        for create in (False, True):
            with pytest.raises(SchemaVersionError, match="upgrade ragkit"):
                Store(store.folder, create=create)

    def test_migration_is_all_or_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "collection.sqlite"
        connection = open_writer(path, create=True)
        create_tables(connection)
        connection.execute("PRAGMA user_version = 1")  # as if none of these steps had been there yet

        def add(column: str) -> Any:
            return lambda target: target.execute(f"ALTER TABLE documents ADD COLUMN {column} TEXT")

        def fail(target: apsw.Connection) -> None:
            raise ZeroDivisionError

        columns = "SELECT group_concat(name) FROM pragma_table_info('documents')"
        before = connection.execute(columns).fetchall()
        with pytest.raises(ZeroDivisionError):
            migrate(connection, path, steps=[add("one"), fail])
        assert connection.execute(columns).fetchall() == before
        assert connection.execute("PRAGMA user_version").fetchall() == [(1,)]
        assert migrate(connection, path, steps=[add("one"), add("two")]) == 1
        assert connection.execute("PRAGMA user_version").fetchall() == [(3,)]
        assert migrate(connection, path, steps=[add("one"), add("two"), add("three")]) == 3
        assert connection.execute(columns).fetchall()[0][0] == f"{before[0][0]},one,two,three"
        assert migrate(connection, path, steps=[add("one"), add("two"), add("three")]) == 4
        connection.close()

    def test_sqlite_is_safe(self) -> None:
        assert tuple(map(int, apsw.sqlite_lib_version().split("."))) >= SAFE_SQLITE


READ_AS_NOBODY = """
from ragkit.errors import RagkitError
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
try:
    with Store(Path(argv[0])) as store, store.read() as reader:
        print(reader.documents.get("a").text[:3], reader.documents.sources())
except RagkitError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user, to whom root's folders are read-only")
class TestReadOnly:
    def as_nobody(self, store: Store) -> str:
        return script(READ_AS_NOBODY, store.folder).communicate()[0]

    @pytest.fixture
    def data(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            yield Path(folder)

    def test_a_closed_collection(self, data: Path) -> None:
        with new_store(data) as store:
            put_all(store, "a")
        assert self.as_nobody(store) == "a p ['a']\n"

    def test_a_collection_that_is_in_use(self, data: Path) -> None:
        with new_store(data) as store, store.read():
            put_all(store, "a")
            assert self.as_nobody(store) == "a p ['a']\n"

    def test_a_log_that_was_left_behind(self, data: Path) -> None:
        store = new_store(data)
        process = script(WRITE_FOREVER, store.folder)
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
        process.communicate()
        store.path.with_name("collection.sqlite-shm").unlink()
        answer = self.as_nobody(store)
        assert answer.startswith("StoreError")
        assert "write-ahead log and its folder is read-only" in answer
        store.close()


def test_readers_do_not_touch_the_database(tmp_path: Path) -> None:
    """Closing the last reader neither checkpoints nor removes the log: only a holder of the lock may."""
    with new_store(tmp_path) as store, store.read():
        put_all(store, "a")
        log = store.path.with_name("collection.sqlite-wal")
        before = (log.read_bytes(), store.path.read_bytes())
        assert before[0]
    with Store(store.folder) as again, again.read() as reader:
        assert reader.documents.sources() == ["a"]
        with pytest.raises(StoreError, match="can't be written"):
            reader.inspect("DELETE FROM documents")
        with pytest.raises(StoreError, match="can't be written"):
            reader.inspect("PRAGMA user_version = 9")
    assert (log.read_bytes(), store.path.read_bytes()) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_opens_its_own_connections(tmp_path: Path) -> None:
    code = """
store = Store(Path(argv[0]))
with store.read() as reader:
    reader.documents.sources()
child = os.fork()
if child == 0:
    with store.read() as reader:
        os._exit(0 if reader.documents.sources() == ["a"] else 1)
status = os.waitpid(child, 0)[1]
with store.read() as reader:
    print(status, reader.documents.sources())
"""
    with new_store(tmp_path) as store:
        put_all(store, "a")
        assert script(code, store.folder).communicate()[0] == "0 ['a']\n"
