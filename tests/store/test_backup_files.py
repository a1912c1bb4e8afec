"""A backup holds the files that people keep with a collection, and an older backup without them is restored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from ragkit.chains.chain import FOLDER as CHAINS
from ragkit.chains.trace_files import FOLDER as TRACES
from ragkit.errors import CorruptError
from ragkit.prompting.examples import FEEDBACK_NAME
from ragkit.prompting.examples import FILE_NAME as EXAMPLES
from ragkit.prompting.template import FOLDER as PROMPTS
from ragkit.store.originals import FOLDER as ORIGINALS
from ragkit.store.sqlite import kept_files
from ragkit.store.sqlite.backup import _digest, backup, restore, verify_backup
from ragkit.store.sqlite.store import Store
from tests.support.store_fakes import cut, new_store, writing

FILES = {
    "examples.jsonl": b'{"input": "a", "output": "b"}\n',
    "feedback.jsonl": b"",
    "prompts/mine.md": "---\nname: mine\n---\nÄ\n".encode(),
    "chains/lookup.yaml": b"name: lookup\n",
    "chains/data/orders.sqlite": bytes(range(256)) * 40,
    "originals/0f0e0d": b"%PDF-1.7 \x00\xff",
    "traces/20261130T073000123-1f2e3d4c-support.json": b'{"digest": "9f"}',
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with new_store(tmp_path) as opened:
        with writing(opened) as writer:
            cut("a").put(writer)
        for name, content in FILES.items():
            path = opened.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        yield opened


def held(folder: Path) -> dict[str, bytes]:
    """Return the files of a collection's folder but for the database, its lock and caches."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    wanted = {name for name in found if name.endswith(".jsonl") or name.partition("/")[0] in kept_files.FOLDERS}
    return {name: found[name].read_bytes() for name in wanted}


def changed(file: Path, sql: str, values: tuple[object, ...] = ()) -> None:
    """Change a backup and seal it again, as someone who forges one does."""
    connection = apsw.Connection(str(file))
    connection.execute(sql, values)
    body = json.loads(connection.execute("SELECT body FROM backup").fetchall()[0][0])
    body["sha256"] = _digest(connection)
    connection.execute("UPDATE backup SET body = ?", (json.dumps(body),))
    connection.close()


def test_the_names_are_those_of_the_packages_that_write_the_files() -> None:
    assert set(kept_files.FILES) == {EXAMPLES, FEEDBACK_NAME}
    assert set(kept_files.FOLDERS) == {PROMPTS, CHAINS, TRACES, ORIGINALS}


def test_files_come_back_byte_for_byte(store: Store, tmp_path: Path) -> None:
    report = backup(store, tmp_path / "one")

    assert (report["files"], report["left_out"]) == (len(FILES), [])
    assert verify_backup(tmp_path / "one")["files"] == len(FILES)
    folder = restore(tmp_path / "one", tmp_path / "elsewhere", "copy")
    assert held(folder) == FILES
    with Store(folder) as copy:
        assert copy.doctor()["problems"] == []
        assert backup(copy, tmp_path / "two")["files"] == len(FILES)
    assert held(restore(tmp_path / "two", tmp_path / "elsewhere", "again")) == FILES


def test_what_is_no_regular_file_is_left_out_and_reported(store: Store, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("canary-4711")
    (store.folder / "prompts" / "link.md").symlink_to(tmp_path / "secret.txt")
    (store.folder / "traces" / ".half.new").write_text("{")
    (store.folder / "index").mkdir(exist_ok=True)
    (store.folder / "index" / "cache").write_text("x")

    report = backup(store, tmp_path / "one")

    assert report["left_out"] == ["prompts/link.md"]
    assert b"canary-4711" not in (tmp_path / "one").read_bytes()
    assert held(restore(tmp_path / "one", tmp_path / "elsewhere", "copy")) == FILES


def test_a_folder_that_is_a_link_is_left_out(store: Store, tmp_path: Path) -> None:
    (store.folder / "chains").rename(tmp_path / "chains-elsewhere")
    (store.folder / "chains").symlink_to(tmp_path / "chains-elsewhere")
    report = backup(store, tmp_path / "one")
    assert (report["files"], report["left_out"]) == (len(FILES) - 2, ["chains"])


def test_a_file_that_is_too_large_is_reported(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_files, "LARGEST_BYTES", 1_000)
    assert backup(store, tmp_path / "one")["left_out"] == ["chains/data/orders.sqlite"]


def test_an_older_backup_without_files_is_restored(store: Store, tmp_path: Path) -> None:
    backup(store, tmp_path / "one")
    changed(tmp_path / "one", f"DROP TABLE {kept_files.TABLE}")

    folder = restore(tmp_path / "one", tmp_path / "elsewhere", "copy")

    assert held(folder) == {}
    with Store(folder) as copy, copy.read() as reader:
        assert [info.source for info in reader.documents.iterate()] == ["a"]


@pytest.mark.parametrize(
    "name", ["../escape", "/tmp/escape", "prompts/../../escape", "collection.sqlite", "prompts", "index/x", ".x", ""]
)
def test_a_forged_path_is_refused_and_nothing_stays(store: Store, tmp_path: Path, name: str) -> None:
    backup(store, tmp_path / "one")
    values = (name, hashlib.sha256(b"x").hexdigest(), b"x")
    changed(tmp_path / "one", f"INSERT INTO {kept_files.TABLE} VALUES (?, ?, ?)", values)

    with pytest.raises(CorruptError):
        restore(tmp_path / "one", tmp_path / "elsewhere", "copy")
    assert list((tmp_path / "elsewhere" / "collections").iterdir()) == []
    assert not (tmp_path / "elsewhere" / "escape").exists()


def test_a_changed_file_is_noticed(store: Store, tmp_path: Path) -> None:
    backup(store, tmp_path / "one")
    changed(tmp_path / "one", f"UPDATE {kept_files.TABLE} SET content = x'00' WHERE path = 'examples.jsonl'")
    with pytest.raises(CorruptError, match=r"examples\.jsonl"):
        restore(tmp_path / "one", tmp_path / "elsewhere", "copy")
