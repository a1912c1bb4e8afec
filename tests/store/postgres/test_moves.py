"""A collection moves between the stores by backup and restore, and stays what it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ragkit
from ragkit.errors import ConflictError, CorruptError, NotFoundError
from ragkit.store.postgres.backend import PostgresBackend
from ragkit.store.sqlite.backend import SqliteBackend
from ragkit.store.sqlite.backup import verify_backup
from ragkit.testing import HashEmbedder
from ragkit.types.documents import Document
from tests.store.contract import Place, file_of, put, seen, writing
from tests.support.store_fakes import EMBEDDER, cut

QUESTIONS = ("Who repairs the lift?", "the deposit of a flat", "noise after ten", "bins on Friday")
TEXTS = {
    "lift.md": "The lift is repaired by the firm whose number stands in the cabin. A repair takes two days at most.",
    "deposit.md": "The deposit of a flat is two rents. It is paid back within six weeks after the keys are returned.",
    "quiet.md": "No noise after ten in the evening. On Sundays machines in the workshop are not allowed.",
    "bins.md": "The bins are emptied on Friday. Paper and glass have containers of their own behind the house.",
}


def filled(place: Place) -> None:
    """Make a collection that uses every table: versions, deletions, files, metadata of all kinds, an adapter."""
    odd = {"n": 2**70, "f": 0.1, "t": True, "none": None, "list": ("a", 3, -2.5), "x\0y": "nul\0"}
    with place.open("kept") as store:
        put(store, cut("a", metadata=odd), cut("b/ü", ["one", "two two"]), cut("short", ["gone"]))
        with writing(store) as writer:
            writer.record_file(file_of("a", b"na\xffme", root="/r\udcff", detail="ü"))
            writer.remove("short")
            cut("a", ["new", "version 😀"], metadata=odd).put(writer)
        with writing(store, kind="adapt") as writer:
            matrix = np.eye(EMBEDDER.fingerprint.dimension, dtype=np.float32)
            writer.set_adapter(matrix, {"created_at": "2026-01-02T03:04:05Z"})
        (store.folder / "prompts").mkdir()
        (store.folder / "prompts" / "own.md").write_text("{{question}}")


def whole(place: Place) -> dict[str, Any]:
    """Return everything of a collection but its identity."""
    with place.open("kept", create=False) as store, store.read() as reader:
        state = seen(reader)
        found = reader.adapter()
        assert found is not None
        return {
            **state,
            "state": state["state"][1:],
            "adapter": (found.id, found.matrix.tolist()),
            "changes": [reader.chunks.changes_since(revision) is None for revision in range(6)],
            "kept": (store.folder / "prompts" / "own.md").read_text(),
            "problems": (store.verify(), store.doctor()["problems"]),
        }


def test_there_and_back_is_the_same_row_by_row(postgres: str, tmp_path: Path) -> None:
    first, shared = Place(SqliteBackend(), str(tmp_path / "1")), Place(PostgresBackend(), postgres)
    back = Place(SqliteBackend(), str(tmp_path / "2"))
    filled(first)
    files = [tmp_path / name for name in ("first.ragkit", "shared.ragkit")]
    for source, target, file in ((first, shared, files[0]), (shared, back, files[1])):
        with source.open("kept", create=False) as store:
            store.backup(file)
        target.backend.restore(file, target.location, "kept")
    assert whole(first) == whole(shared) == whole(back)
    assert whole(first)["problems"] == ([], [])
    one, two = (verify_backup(file) for file in files)
    assert {**one, "created_at": "", "sha256": ""} == {**two, "created_at": "", "sha256": ""}
    for place in (first, shared, back):  # ids go on where they were
        with place.open("kept", create=False) as store:
            put(store, cut("later", ["word"]))
            with store.read() as reader:
                assert reader.chunks.of_document("later")[0].id == max(whole(first)["ids"])


def test_a_restore_never_overwrites_and_refuses_damage(postgres: str, tmp_path: Path) -> None:
    place = Place(PostgresBackend(), postgres)
    filled(place)
    file = tmp_path / "kept.ragkit"
    with place.open("kept") as store:
        assert store.backup(file)["documents"] == 2
        with pytest.raises(ConflictError, match=r"kept\.ragkit exists"):
            store.backup(file)
        with pytest.raises(NotFoundError, match="no folder"):
            store.backup(tmp_path / "none" / "x")
    with pytest.raises(ConflictError, match="'kept'"):
        place.backend.restore(file, postgres, "kept")
    with pytest.raises(NotFoundError):
        place.backend.restore(tmp_path / "none", postgres, "other")
    damaged = bytearray(file.read_bytes())
    at = damaged.index("version 😀".encode())
    damaged[at] ^= 1
    (tmp_path / "damaged").write_bytes(damaged)
    with pytest.raises(CorruptError, match="damaged"):
        place.backend.restore(tmp_path / "damaged", postgres, "other")
    assert place.backend.names(postgres) == ["kept"]


def test_answers_are_equal_after_a_move(postgres: str, tmp_path: Path) -> None:
    documents = [Document.from_text(source, text, metadata={"size": len(text)}) for source, text in TEXTS.items()]
    with ragkit.open(tmp_path / "data", embedder=HashEmbedder()) as kb:
        kb.add(documents)
        kb.backup(tmp_path / "file")
    ragkit.restore_collection(tmp_path / "file", postgres, "default")
    found = []
    for place in (tmp_path / "data", postgres):
        with ragkit.open(place, embedder=HashEmbedder(), create=False) as kb:
            hits = [[(hit.source, hit.start, hit.end, hit.score) for hit in kb.search(text)] for text in QUESTIONS]
            where = {"type": "gt", "key": "size", "value": 95}
            answers = [kb.ask(text, where=where).text for text in QUESTIONS]
            found.append((hits, answers))
    assert found[0] == found[1]
    assert all(found[0][0])
