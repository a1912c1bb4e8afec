"""A data folder goes elsewhere, comes from another version, and is copied while it is written: nothing is lost."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import apsw
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

import ragkit
from ragkit import Document, KnowledgeBase, SchemaVersionError, Settings
from ragkit.cli.app import cli, run
from ragkit.store.sqlite.schema import APPLICATION_ID, SCHEMA_VERSION, migrate
from ragkit.testing import HashEmbedder
from ragkit_ingest import IngestOptions, ingest_folder
from ragkit_service import ServiceSettings, create_app
from ragkit_service.collection_pool import DataFolder
from tests.ingest.test_sync import InlinePool
from tests.support.service_fakes import LOCAL

QUESTION = "How long is the refund window?"


def opened(data: Path, collection: str = "default") -> KnowledgeBase:
    return ragkit.open(data, collection=collection, embedder=HashEmbedder(), create=False)


def answers(kb: KnowledgeBase) -> list[dict[str, object]]:
    return [hit.as_dict() for question in (QUESTION, "document 7", "price") for hit in kb.search(question, k=10)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that a folder of files was ingested to; its caches are written."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "refunds.md").write_text("The refund window is thirty days after delivery.")
    for number in range(40):
        (tmp_path / "docs" / f"{number}.md").write_text(f"Document {number} tells the price of part {number * 7}.")
    with ragkit.open(tmp_path / "data", embedder=HashEmbedder()) as kb:
        ingest_folder(kb, tmp_path / "docs", options=IngestOptions(pool=InlinePool()))
        assert kb.status()["documents"] == 41
    return tmp_path / "data"


# --------------------------------------------------------------------- another place


@pytest.mark.parametrize("way", ["rename", "copy"])
def test_a_folder_that_was_moved_answers_as_before(way: str, data: Path, tmp_path: Path) -> None:
    with opened(data) as kb:
        before = answers(kb)
    other = tmp_path / "an other ä" / "place"
    other.parent.mkdir()
    if way == "rename":
        data.rename(other)
    else:
        shutil.copytree(data, other)  # other inodes and times: the stamps of the caches do not fit any more
        shutil.rmtree(data)
    for path in (path for path in other.rglob("*") if path.is_file()):
        assert str(tmp_path / "data").encode() not in path.read_bytes(), path
    with opened(other) as kb:
        assert answers(kb) == before
        assert (kb.verify(), kb.doctor()["ok"]) == ([], True)
        embedder = kb._models.embedder()
        assert isinstance(embedder, HashEmbedder)
        again = ingest_folder(kb, tmp_path / "docs", options=IngestOptions(pool=InlinePool()))
        assert (again.changes, embedder.documents_embedded) == ((), 0)
        assert kb.add(Document.from_text("new", "A new one.")).added == 1


def test_a_moved_folder_is_served(data: Path, tmp_path: Path) -> None:
    other = data.rename(tmp_path / "other")
    library = DataFolder(other, settings=Settings(), embedder=HashEmbedder())
    with TestClient(create_app(ServiceSettings(data=other), library=library), base_url=LOCAL) as http:
        reply = http.post("/v1/collections/default/search", json={"query": QUESTION})
        assert reply.json()["hits"][0]["source"] == "refunds.md"


# --------------------------------------------------------------------- another version


def test_a_newer_version_is_refused_in_one_line_and_left_alone(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = data / "collections" / "default" / "collection.sqlite"
    connection = apsw.Connection(str(file))
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    before = file.read_bytes()
    said = f"schema version {SCHEMA_VERSION + 1} and this ragkit knows {SCHEMA_VERSION}.*pip install -U ragkit"
    for create in (False, True):
        with pytest.raises(SchemaVersionError, match=said):
            ragkit.open(data, embedder=HashEmbedder(), create=create)
    for words in (["search", "x"], ["status"], ["doctor"], ["rebuild"], ["remove", "x"], ["backup", str(data / "b")]):
        assert run([*words, "--data", str(data)]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "pip install -U ragkit" in err
    library = DataFolder(data, settings=Settings(), embedder=HashEmbedder())
    app = create_app(ServiceSettings(data=data), library=library)
    with TestClient(app, base_url=LOCAL, raise_server_exceptions=False) as http:
        reply = http.post("/v1/collections/default/search", json={"query": QUESTION})
        assert reply.status_code in {409, 500, 503}
        assert "upgrade ragkit" in json.dumps(reply.json())
        assert str(data) not in reply.text
    assert file.read_bytes() == before


def test_a_collection_of_the_first_version_is_brought_up_to_date(data: Path) -> None:
    """Version 2 keeps a quantizer for large collections; whoever opens an older one finds all that was in it."""
    with opened(data) as kb:
        before = answers(kb)
    file = data / "collections" / "default" / "collection.sqlite"
    connection = apsw.Connection(str(file))
    connection.execute("DROP TABLE quantizers")
    connection.execute("PRAGMA user_version = 1")
    tables = dict(connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"))
    connection.close()
    first = json.loads((Path(__file__).parents[1] / "data" / "schema-1.json").read_text(encoding="utf-8"))
    assert {name: " ".join(sql.split()) for name, sql in tables.items() if not name.startswith("sqlite_")} == first
    with opened(data) as kb:
        assert answers(kb) == before
        assert (kb.verify(), kb.doctor()["ok"]) == ([], True)
        assert kb.add(Document.from_text("new", "A new one.")).added == 1
    connection = apsw.Connection(str(file))
    assert connection.execute("PRAGMA user_version").fetchall() == [(2,)]
    assert connection.execute("SELECT count(*) FROM quantizers").fetchall() == [(0,)]
    connection.close()


def test_version_two_is_what_a_new_collection_has(data: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "collection.sqlite"
    other.parent.mkdir()
    connection = apsw.Connection(str(other))
    for sql in json.loads((Path(__file__).parents[1] / "data" / "schema-1.json").read_text(encoding="utf-8")).values():
        connection.execute(sql)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("PRAGMA user_version = 1")
    assert migrate(connection, other) == 1
    new = apsw.Connection(str(data / "collections" / "default" / "collection.sqlite"))
    found = [
        {
            name: " ".join(sql.split())
            for name, sql in one.execute("SELECT name, sql FROM sqlite_schema WHERE sql <> ''")
        }
        for one in (connection, new)
    ]
    assert found[0] == found[1]
    connection.close()
    new.close()


# --------------------------------------------------------------------- backup


def test_a_backup_while_a_folder_is_ingested_is_one_moment_of_it(data: Path, tmp_path: Path) -> None:
    """Every document of the copy is whole, and of one committed state: a pair that changes together never differs."""
    stop, first = threading.Event(), threading.Event()

    def write() -> None:
        with opened(data) as kb:
            turn = 0
            while not stop.is_set():
                turn += 1
                with kb.writer() as writer:
                    for number in range(5):
                        text = f"Turn {turn} of document {number}.\n\n" + "Words to fill it up. " * 50
                        writer.add([Document.from_text(f"{number}.md", text)])
                first.set()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert first.wait(60)
        for number in range(5):
            result = CliRunner().invoke(
                cli, ["backup", str(tmp_path / f"{number}.ragkit"), "--data", str(data), "--json"]
            )
            assert result.exit_code == 0, result.output
    finally:
        stop.set()
        thread.join()
    for number in range(5):
        arguments = ["restore", str(tmp_path / f"{number}.ragkit"), "--data", str(tmp_path / "restored")]
        result = CliRunner().invoke(cli, [*arguments, "--collection", f"copy{number}"])
        assert result.exit_code == 0, result.output
        with opened(tmp_path / "restored", f"copy{number}") as kb:
            turns = [int(kb.document(f"{item}.md").text.split()[1]) for item in range(5)]
            assert turns == sorted(turns, reverse=True)  # written in this order, one after the other
            assert turns[0] - turns[-1] <= 1
            assert kb.status()["documents"] == 41
            assert (kb.verify(), kb.doctor()["ok"]) == ([], True)
            assert kb.search(QUESTION)[0].source == "refunds.md"
            assert kb.add(Document.from_text("new", "A new one.")).added == 1


def test_a_backup_answers_as_the_collection_does(data: Path, tmp_path: Path) -> None:
    """The copy has no caches: what is rebuilt from the database alone gives the old answers."""
    with opened(data) as kb:
        before = answers(kb)
        kb.backup(tmp_path / "one.ragkit")
    ragkit.restore_collection(tmp_path / "one.ragkit", tmp_path / "else", "copy")
    with opened(tmp_path / "else", "copy") as kb:
        assert answers(kb) == before
