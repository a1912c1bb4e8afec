"""The store: what was put comes back equal, one transaction a document, one committed state a reader."""

from __future__ import annotations

import dataclasses
import gc
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragkit.errors import (
    ConflictError,
    EmbeddingError,
    InputError,
    ModelMismatchError,
    NotFoundError,
    StoreError,
)
from ragkit.store.filters import parse_filter
from ragkit.store.sqlite.store import Store
from ragkit.testing import HashEmbedder
from ragkit.types.collection import FileState
from ragkit.types.documents import Document
from tests.support.store_fakes import EMBEDDER, SETTINGS, ChunkedDocument, cut, hashes, new_store, writing


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with new_store(tmp_path) as opened:
        yield opened


def put(store: Store, *items: ChunkedDocument, **options: Any) -> list[str]:
    with writing(store, **options) as writer:
        return [item.put(writer) for item in items]


def snapshot(store: Store) -> dict[str, Any]:
    """Return everything that a reader can tell of a collection, but when."""
    with store.read() as reader:
        return {
            "revision": reader.revision,
            "counts": reader.counts(),
            "documents": [reader.documents.get(source) for source in reader.documents.sources()],
            "chunks": [reader.chunks.of_document(source) for source in reader.documents.sources()],
            "ids": reader.chunks.all_chunk_ids().tolist(),
            "generations": len(reader.generations()),
            "pinned": reader.pinned,
        }


class TestPut:
    def test_document_comes_back_equal(self, store: Store) -> None:
        metadata = {
            "year": 2024,
            "ratio": 0.5,
            "draft": False,
            "none": None,
            "tags": ("a", 1, None, True),
            "naïve": "é😀",
        }
        item = cut("dir/ä b.txt", metadata=metadata)
        assert put(store, item) == ["added"]
        with store.read() as reader:
            assert reader.documents.get("dir/ä b.txt") == item.document
            assert [row.chunk for row in reader.chunks.of_document("dir/ä b.txt")] == list(item.chunks)
            info = reader.documents.info("dir/ä b.txt")
            assert (info.characters, info.pages, info.chunks) == (len(item.document.text), 3, 3)
            assert info.metadata == metadata
            ids = reader.chunks.all_chunk_ids()
            assert np.abs(reader.chunks.vectors(ids) - item.vectors).max() < 1e-3
            assert np.allclose(np.linalg.norm(reader.chunks.vectors(ids), axis=1), 1, atol=1e-6)
            assert next(iter(reader.documents.iterate())) == item.document

    def test_document_without_text_or_chunks(self, store: Store) -> None:
        empty = ChunkedDocument(Document(source="empty", text=""), [], np.empty((0, 32), dtype=np.float32))
        assert put(store, empty) == ["added"]
        assert put(store, empty) == ["unchanged"]
        with store.read() as reader:
            assert reader.documents.get("empty") == empty.document
            assert reader.counts().documents == 1
            assert len(reader.chunks.all_chunk_ids()) == 0

    def test_unchanged_document_leaves_no_trace(self, store: Store) -> None:
        put(store, cut("a"))
        before = snapshot(store)
        assert put(store, cut("a")) == ["unchanged"]
        assert snapshot(store) == before

    @pytest.mark.parametrize(
        "change",
        [
            {"metadata": {"year": 1}},
            {"metadata": {"year": 1.0}},
            {"media_type": "text/markdown"},
            {"title": "Other"},
            {"paged": False},
            {"paragraphs": ("first", "second 😀 é", "fourth")},
        ],
    )
    def test_any_change_is_stored(self, store: Store, change: dict[str, Any]) -> None:
        put(store, cut("a", metadata={"year": True}))
        changed = cut("a", **{"metadata": {"year": True}} | change)
        assert put(store, changed) == ["changed"]
        with store.read() as reader:
            assert reader.documents.get("a") == changed.document
            assert [row.chunk for row in reader.chunks.of_document("a")] == list(changed.chunks)
            assert reader.revision == 2

    def test_a_change_of_metadata_keeps_chunk_ids(self, store: Store) -> None:
        put(store, cut("a"))
        put(store, cut("a", metadata={"year": 1}))
        with store.read() as reader:
            assert reader.chunks.all_chunk_ids().tolist() == [1, 2, 3]
            changes = reader.chunks.changes_since(1)
            assert changes is not None
            assert (len(changes.removed), len(changes.added)) == (0, 0)

    def test_chunk_ids_are_never_used_again(self, store: Store) -> None:
        put(store, cut("a"), cut("b"))
        with writing(store) as writer:
            writer.remove("b")
            writer.compact()
        put(store, cut("b"))
        with store.read() as reader:
            assert reader.chunks.all_chunk_ids().tolist() == [1, 2, 3, 7, 8, 9]

    def test_vectors_are_shared_by_content(self, store: Store) -> None:
        put(store, cut("a"), cut("b"))
        with store.read() as reader:
            counts = reader.counts()
            assert (counts.chunks, counts.vectors, counts.stored_vectors) == (6, 6, 3)

    def test_vectors_outlive_their_document_until_compaction(self, store: Store) -> None:
        item = cut("a")
        put(store, item)
        with writing(store) as writer:
            writer.remove("a")
            assert set(writer.known_vectors(hashes(item))) == set(hashes(item))
            assert writer.compact() == 3
            assert writer.known_vectors(hashes(item)) == {}
        with store.read() as reader:
            assert reader.chunks.known_vectors(hashes(item)) == {}

    def test_vectors_can_be_kept_ahead(self, store: Store) -> None:
        item = cut("a")
        with writing(store) as writer:
            writer.keep_vectors(hashes(item), item.vectors, units=item.units)
            assert np.abs(writer.known_vectors(hashes(item))[hashes(item)[1]] - item.vectors[1]).max() < 1e-3
        with store.read() as reader:
            assert (reader.generation, reader.revision, reader.counts().stored_vectors) == (0, 0, 3)
        put(store, item)
        with store.read() as reader:
            assert reader.counts().stored_vectors == 3

    def test_unit_vectors(self, store: Store) -> None:
        item = cut("a", ["x", "one two", "three four"])
        put(store, item)
        with store.read() as reader:
            vectors, owners = reader.chunks.unit_vectors([3, 1, 2, 99])
            assert sorted(owners.tolist()) == [0, 0, 2, 2]
            expected = item.units[2]
            assert expected is not None
            assert np.abs(vectors[owners == 0] - expected).max() < 0.01
            assert reader.chunks.unit_vectors([1])[0].shape == (0, 32)

    @pytest.mark.parametrize("limit", [5_000, 3])
    def test_unit_vectors_of_few_chunks_are_read_once(
        self, store: Store, limit: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ragkit.store.sqlite.reading.chunks.UNITS_KEPT", limit)
        put(store, cut("a", ["x", "one two", "three four"]))
        query = np.ones(32, dtype=np.float32)
        with store.read() as reader:
            first = reader.chunks.unit_cosines(query, np.array([2, 3]))
        put(store, cut("b", ["five six"]))
        with store.read() as reader:
            asked: list[Any] = []
            read = reader._snapshot.rows
            monkeypatch.setattr(
                reader._snapshot, "rows", lambda sql, values: asked.append(json.loads(values[0])) or read(sql, values)
            )
            again = reader.chunks.unit_cosines(query, np.array([2, 3, 4]))
            assert asked == ([[4]] if limit > 3 else [[2, 3, 4]])
            assert again[0][:4].tolist() == first[0].tolist()
            assert again[1].tolist() == [0, 2, 4, 6]
            both = reader.chunks.unit_cosines(query, np.array([1, 2, 3, 4, 99]))
            assert both[0].tolist() == again[0].tolist()
            assert both[1].tolist() == [0, 0, 2, 4, 6, 6]

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"text": "firsT"}, "is not the text"),
            ({"start": 1}, "is not the text"),
            ({"page": 2}, "pages"),
            ({"tokens": 0}, "0 tokens"),
            ({"ordinal": 1}, "ordinal 1"),
            ({"context": "\ud800"}, "surrogates"),
        ],
    )
    def test_a_wrong_chunk_is_refused(self, store: Store, change: dict[str, Any], error: str) -> None:
        item = cut("a")
        chunks = [dataclasses.replace(item.chunks[0], **change), *item.chunks[1:]]
        with pytest.raises(InputError, match=error), writing(store) as writer:
            writer.put(item.document, chunks, item.vectors)
        assert snapshot(store)["counts"].documents == 0

    @pytest.mark.parametrize("fault", ["nan", "inf", "zero", "long", "few", "narrow"])
    def test_bad_vectors_are_refused(self, store: Store, fault: str) -> None:
        item = cut("a")
        bad = item.vectors.copy()
        if fault in ("nan", "inf", "zero", "long"):
            bad[1] = {"nan": np.nan, "inf": np.inf, "zero": 0, "long": 3}[fault]
        bad = {"few": bad[:2], "narrow": bad[:, :-1]}.get(fault, bad)
        with pytest.raises(EmbeddingError), writing(store) as writer:
            writer.put(item.document, item.chunks, bad)
        assert snapshot(store)["counts"].documents == 0

    @pytest.mark.parametrize(
        "metadata",
        [{"a": {"b": 1}}, {"a": float("nan")}, {"a": float("inf")}, {"": 1}, {1: 1}, {"a": "\ud800"}, {"a": b"x"}],
    )
    def test_metadata_that_is_no_json_is_refused(self, store: Store, metadata: Any) -> None:
        with pytest.raises(InputError, match="metadata"), writing(store) as writer:
            cut("a", metadata=metadata).put(writer)

    def test_huge_numbers_in_metadata(self, store: Store) -> None:
        metadata = {"big": 2**70, "small": -(2**63), "tiny": 5e-324}
        put(store, cut("a", metadata=metadata))
        with store.read() as reader:
            assert reader.documents.get("a").metadata == metadata
            for operator, value in (("gt", 2**69), ("eq", 2**70), ("lt", 10**400)):
                where = parse_filter({"type": operator, "key": "big", "value": value})
                assert where is not None
                assert reader.chunks.count(where) == 3


class TestChange:
    def test_remove(self, store: Store) -> None:
        put(store, cut("a"), cut("b"))
        with writing(store) as writer:
            assert writer.remove("a")
            assert not writer.remove("a")
            assert not writer.remove("\ud800")
        with store.read() as reader:
            assert reader.documents.sources() == ["b"]
            assert reader.counts().chunks == 3
            with pytest.raises(NotFoundError, match="'a'"):
                reader.documents.get("a")

    def test_rename_keeps_chunks(self, store: Store) -> None:
        put(store, cut("a"), cut("b"))
        with writing(store) as writer:
            writer.rename("a", "z")
            writer.rename("z", "z")
            with pytest.raises(NotFoundError):
                writer.rename("a", "y")
            with pytest.raises(ConflictError):
                writer.rename("z", "b")
            with pytest.raises(InputError):
                writer.rename("z", "")
        with store.read() as reader:
            assert reader.documents.get("z") == cut("z").document
            assert reader.chunks.all_chunk_ids().tolist() == [1, 2, 3, 4, 5, 6]
            assert [item.changed for item in reader.generations()] == [0, 1]

    def test_clear(self, store: Store) -> None:
        put(store, cut("a"), cut("b"))
        with writing(store) as writer:
            writer.clear()
        with store.read() as reader:
            assert dataclasses.replace(reader.counts(), stored_vectors=0) == type(reader.counts())(0, 0, 0, 0, 0, 0)
            assert reader.pinned is None
            assert reader.chunks.changes_since(2) is None
            assert reader.generations()[-1].removed == 2
        other = HashEmbedder(16, name="other")
        with writing(store, fingerprint=other.fingerprint) as writer:
            item = cut("a")
            writer.put(item.document, item.chunks, other.embed_documents([chunk.embedded for chunk in item.chunks]))
        with store.read() as reader:
            assert reader.chunks.vectors(reader.chunks.all_chunk_ids()).shape == (3, 16)

    def test_atomic_is_one_revision(self, store: Store) -> None:
        with writing(store) as writer, writer.atomic():
            cut("a").put(writer)
            cut("b").put(writer)
            writer.record_file(state(b"x"))
        with store.read() as reader:
            assert (reader.revision, reader.counts().documents, len(reader.files.below("root"))) == (1, 2, 1)

    def test_atomic_undoes_all(self, store: Store) -> None:
        put(store, cut("a"))
        before = snapshot(store)
        with writing(store) as writer:
            with pytest.raises(NotFoundError), writer.atomic():
                remove_put_fail(writer)
            assert snapshot(store) == before
            cut("c").put(writer)
        with store.read() as reader:
            assert reader.documents.sources() == ["a", "c"]
            assert reader.counts().chunks == 6

    def test_a_call_that_fails_within_atomic_undoes_only_itself(self, store: Store) -> None:
        with writing(store) as writer, writer.atomic():
            cut("a").put(writer)
            cut("b").put(writer)
            with pytest.raises(ConflictError):
                writer.rename("a", "b")
            with pytest.raises(InputError):
                cut("x", metadata={"a": "\ud800"}).put(writer)
            cut("c").put(writer)
        with store.read() as reader:
            assert reader.documents.sources() == ["a", "b", "c"]
            assert (reader.generations()[0].added, reader.counts().documents) == (3, 3)

    def test_atomic_does_not_nest(self, store: Store) -> None:
        with writing(store) as writer, writer.atomic():
            with pytest.raises(StoreError, match="nest"), writer.atomic():
                pass
            with pytest.raises(StoreError, match="atomic"):
                writer.compact()


def remove_put_fail(writer: Any) -> None:
    writer.remove("a")
    cut("b").put(writer)
    writer.rename("none", "x")


def interrupted_run(store: Store) -> None:
    with writing(store) as writer:
        cut("a").put(writer)
        writer.record_file(state(b"x"))
        raise KeyboardInterrupt


def half_rebuild(writer: Any, item: ChunkedDocument, vectors: Any) -> None:
    with writer.atomic():
        writer.repin()
        writer.put(item.document, item.chunks, vectors)


class TestGenerations:
    def test_a_run_that_changes_nothing_leaves_none(self, store: Store) -> None:
        with writing(store):
            pass
        with writing(store) as writer:
            writer.remove("none")
            writer.record_file(state(b"x"))
        with store.read() as reader:
            assert (reader.generation, reader.generations(), reader.revision) == (0, [], 0)

    def test_a_run_is_told(self, tmp_path: Path) -> None:
        moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        with new_store(tmp_path, clock=lambda: moment) as store:
            put(store, cut("a"), cut("b"), extractor="7")
            with writing(store, kind="add") as writer:
                assert writer.generation == 2
                writer.remove("a")
                cut("b", title="new").put(writer)
                cut("c").put(writer)
            with store.read() as reader:
                first, second = reader.generations()
                assert reader.generation == 2
                assert [item.generation for item in reader.documents.infos()] == [2, 2]
                assert reader.documents.infos()[0].updated_at == "2026-01-02T03:04:05.000Z"
        assert (first.kind, first.extractor, first.added, first.settings) == ("ingest", "7", 2, SETTINGS)
        assert (second.kind, second.added, second.changed, second.removed) == ("add", 1, 1, 1)
        assert second.finished_at == second.started_at == "2026-01-02T03:04:05.000Z"
        assert second.fingerprint == EMBEDDER.fingerprint.id

    def test_a_run_that_is_cut_off_stays_unfinished_and_keeps_what_it_committed(self, store: Store) -> None:
        with pytest.raises(KeyboardInterrupt):
            interrupted_run(store)
        with store.read() as reader:
            (generation,) = reader.generations()
            assert (generation.finished_at, generation.added, reader.documents.sources()) == ("", 1, ["a"])
            assert list(reader.files.below("root")) == [b"x"]
        put(store, cut("b"))
        with store.read() as reader:
            assert [bool(item.finished_at) for item in reader.generations()] == [False, True]

    def test_the_writer_ends_with_its_run(self, store: Store) -> None:
        with writing(store) as writer:
            pass
        with pytest.raises(StoreError, match="ended"):
            writer.remove("a")


class TestModel:
    def test_another_model_is_refused(self, store: Store) -> None:
        put(store, cut("a"))
        other = HashEmbedder(32, name="other").fingerprint
        with pytest.raises(ModelMismatchError, match=r"ragkit rebuild --collection default --model other"):
            put(store, cut("b"), fingerprint=other)

    def test_a_model_that_changed_under_its_name_is_refused(self, store: Store) -> None:
        put(store, cut("a"))
        probe = np.roll(np.frombuffer(EMBEDDER.fingerprint.probe, dtype="<f4"), 1).tobytes()
        with pytest.raises(ModelMismatchError):
            put(store, cut("b"), fingerprint=dataclasses.replace(EMBEDDER.fingerprint, probe=probe))

    def test_another_runtime_is_welcome(self, store: Store) -> None:
        put(store, cut("a"))
        put(store, cut("b"), fingerprint=dataclasses.replace(EMBEDDER.fingerprint, runtime="torch"))

    def test_other_chunk_settings_are_refused(self, store: Store) -> None:
        put(store, cut("a"))
        with pytest.raises(ModelMismatchError, match="ragkit rebuild --collection default"):
            put(store, cut("b"), settings={**SETTINGS, "chunk": {"max_tokens": 99}})

    def test_what_is_pinned(self, store: Store) -> None:
        with store.read() as reader:
            assert (reader.pinned, reader.fingerprint) == (None, None)
        put(store, cut("a"))
        with store.read() as reader:
            assert reader.pinned == SETTINGS
            assert reader.fingerprint == EMBEDDER.fingerprint

    def test_without_a_model_documents_are_removed_but_not_put(self, store: Store) -> None:
        put(store, cut("a"), cut("b"))
        with writing(store, fingerprint=None) as writer:
            assert writer.remove("a")
            with pytest.raises(StoreError, match="no model"):
                cut("c").put(writer)

    def test_rebuild_with_another_model(self, store: Store) -> None:
        put(store, cut("a"), cut("b"))
        other = HashEmbedder(16, name="other")
        settings = {**SETTINGS, "model": "other"}
        with writing(store, kind="rebuild", fingerprint=other.fingerprint, settings=settings) as writer:
            item = cut("a")
            vectors = other.embed_documents([chunk.embedded for chunk in item.chunks])
            with pytest.raises(ModelMismatchError):
                writer.put(item.document, item.chunks, vectors)
            writer.keep_vectors(hashes(item), vectors)
            with pytest.raises(StoreError, match="left out 'b'"):
                half_rebuild(writer, item, vectors)
            with store.read() as reader:
                assert reader.fingerprint == EMBEDDER.fingerprint
            with pytest.raises(ModelMismatchError):
                writer.put(item.document, item.chunks, vectors)
            with pytest.raises(StoreError, match="outside"):
                writer.repin()
            with writer.atomic():
                writer.repin()
                for source in "ab":
                    assert writer.put(cut(source).document, item.chunks, vectors) == "changed"
            assert writer.put(item.document, item.chunks, vectors) == "unchanged"
            assert writer.compact() == 3
        with store.read() as reader:
            assert reader.pinned == settings
            assert reader.fingerprint == other.fingerprint
            assert reader.chunks.vectors(reader.chunks.all_chunk_ids()).shape == (6, 16)
            assert reader.chunks.changes_since(2) is None


def state(path: bytes, source: str = "a", root: str = "root", **options: Any) -> FileState:
    return FileState(root, path, source, 1, 2**62, 3, "f" * 64, "7", **options)


class TestFiles:
    def test_files_are_remembered_in_bytes(self, store: Store) -> None:
        states = [state(b"\xff\xfe/x", source="x"), state(b"y", source="", reason="damaged", detail="bad \ud800")]
        with writing(store) as writer:
            for item in states:
                writer.record_file(item)
        other = state(b"z", root="/r\udcff")
        with writing(store) as writer:
            cut("a").put(writer)
            writer.put(cut("a").document, cut("a").chunks, cut("a").vectors, file=other)
        with store.read() as reader:
            assert reader.files.below("root")[b"\xff\xfe/x"] == states[0]
            assert reader.files.below("root")[b"y"].detail == "bad \\ud800"
            assert reader.files.below("/r\udcff") == {b"z": other}
            assert reader.files.roots() == ["/r\udcff", "root"]
            assert reader.files.below("none") == {}
        with writing(store) as writer:
            writer.forget_file("root", b"y")
        with store.read() as reader:
            assert list(reader.files.below("root")) == [b"\xff\xfe/x"]

    def test_a_removed_or_renamed_document_forgets_its_file(self, store: Store) -> None:
        with writing(store) as writer:
            for source in ("a", "b"):
                item = cut(source)
                writer.put(item.document, item.chunks, item.vectors, file=state(source.encode(), source=source))
            writer.record_file(state(b"failed", source="", reason="damaged"))
            writer.remove("a")
            writer.rename("b", "c")
        with store.read() as reader:
            assert list(reader.files.below("root")) == [b"failed"]

    def test_many_files_cost_few_transactions(self, store: Store) -> None:
        with writing(store) as writer:
            for index in range(2_500):
                writer.record_file(state(str(index).encode()))
            with store.read() as reader:
                assert len(reader.files.below("root")) == 2_000
            cut("a").put(writer)
            with store.read() as reader:
                assert len(reader.files.below("root")) == 2_500


class TestReader:
    def test_a_reader_sees_one_state(self, store: Store) -> None:
        put(store, cut("a"))
        with store.read() as reader:
            put(store, cut("b"))
            with writing(store) as writer:
                writer.remove("a")
            assert (reader.revision, reader.documents.sources(), reader.chunks.all_chunk_ids().tolist()) == (
                1,
                ["a"],
                [1, 2, 3],
            )
            assert reader.documents.get("a") == cut("a").document
            with store.read() as later:
                assert (later.revision, later.documents.sources()) == (3, ["b"])

    def test_a_reader_ends_with_its_transaction(self, store: Store) -> None:
        with store.read() as reader:
            pass
        with pytest.raises(StoreError, match="ended"):
            reader.documents.sources()

    def test_listing(self, store: Store) -> None:
        names = ["a/1", "a/2", "a%", "a_", "b", "a\ud7ff", "a\ue000", "a\U0010ffff", "a\U0010ffffz"]
        put(store, *[cut(name) for name in names])
        with store.read() as reader:
            assert [item.source for item in reader.documents.infos()] == sorted(names)
            for prefix in ["", "a", "a/", "a%", "a_", "a\ud7ff", "a\U0010ffff", "\U0010ffff", "c"]:
                found = [item.source for item in reader.documents.infos(prefix=prefix)]
                assert found == sorted(name for name in names if name.startswith(prefix))
            assert [item.source for item in reader.documents.infos(limit=2, offset=1)] == sorted(names)[1:3]

    def test_batches_stream_everything_once(self, store: Store) -> None:
        put(store, *[cut(f"s{index}", [f"text {index} {part}" for part in range(5)]) for index in range(7)])
        with store.read() as reader:
            ids = reader.chunks.all_chunk_ids()
            streamed = list(reader.chunks.iter_vectors(batch=8))
            assert np.concatenate([part for part, _ in streamed]).tolist() == ids.tolist()
            assert np.array_equal(np.concatenate([rows for _, rows in streamed]), reader.chunks.vectors(ids))
            texts = [text for _, part in reader.chunks.iter_texts(batch=8) for text in part]
            assert texts == reader.chunks.texts(ids)
            assert texts[0] == ("Title", "Title › Head", "text 0 0", ((0, 1), (1, 8)))

    def test_rows_by_id(self, store: Store) -> None:
        put(store, cut("a"), cut("b"))
        with store.read() as reader:
            assert list(reader.chunks.rows([6, 99, 1])) == [6, 1]
            row = reader.chunks.rows(np.array([5]))[5]
            assert reader.documents.rows([row.document_id])[row.document_id].source == "b"
            assert reader.documents.text(row.document_id)[row.start : row.end] == row.text
            assert reader.documents.text_slice(row.document_id, row.start, row.end) == row.text == "second 😀 é"
            assert reader.documents.text_slice(row.document_id, 3, 2) == ""
            assert reader.documents.pages(row.document_id)[1].label == "p-6"
            assert tuple(page.label for page in reader.documents.pages(row.document_id)) == (None, "p-6", "p-17")
            for ask in (reader.chunks.vectors, reader.chunks.texts):
                with pytest.raises(NotFoundError, match="99"):
                    ask([1, 99])
            for unknown in (reader.documents.text, reader.documents.pages):
                with pytest.raises(NotFoundError):
                    unknown(99)
            assert reader.chunks.vectors([]).shape == (0, 32)
            assert reader.chunks.vectors([2, 1, 2]).shape == (3, 32)

    def test_changes(self, store: Store) -> None:
        put(store, cut("a"), cut("b"))
        with writing(store) as writer:
            writer.remove("a")
            cut("c").put(writer)
            writer.remove("c")
            cut("d").put(writer)
        with store.read() as reader:
            changes = reader.chunks.changes_since(2)
            assert changes is not None
            assert (changes.removed.tolist(), changes.added.tolist()) == ([1, 2, 3], [10, 11, 12])
            assert (changes.revision, changes.generation) == (6, 2)
            assert reader.chunks.changes_since(7) is None
            assert reader.chunks.changes_since(-1) is None
            none = reader.chunks.changes_since(6)
            assert none is not None
            assert len(none.removed) + len(none.added) == 0
        with writing(store) as writer:
            writer.compact()
        with store.read() as reader:
            assert reader.chunks.changes_since(5) is None
            assert reader.chunks.changes_since(6) is not None

    def test_the_log_of_removed_chunks_stays_bounded(self, store: Store) -> None:
        long = [f"paragraph {index}" for index in range(300)]
        for turn in range(5):
            put(store, cut("a", [f"{turn} {text}" for text in long]))
        with store.read() as reader:
            assert reader.inspect("SELECT count(*) FROM removed_chunks")[0][0] <= 1_300
            assert reader.chunks.changes_since(4) is not None
        for turn in range(5, 7):
            put(store, cut("a", [f"{turn} {text}" for text in long]))
        with store.read() as reader:
            assert reader.inspect("SELECT count(*) FROM removed_chunks")[0][0] <= 1_300
            assert reader.chunks.changes_since(1) is None


class TestThreads:
    def test_readers_and_a_writer_at_once(self, store: Store) -> None:
        put(store, cut("a", ["0"]), cut("b", ["0"]))
        done = threading.Event()
        wrong: list[object] = []

        def read() -> None:
            while not done.is_set():
                with store.read() as reader:
                    texts = {reader.documents.get(source).text for source in ("a", "b")}
                    chunks = {row.text for source in ("a", "b") for row in reader.chunks.of_document(source)}
                    if len(texts) != 1 or chunks != texts:
                        wrong.append((texts, chunks))

        threads = [threading.Thread(target=read) for _ in range(6)]
        for thread in threads:
            thread.start()
        try:
            with writing(store) as writer:
                for turn in range(25):
                    with writer.atomic():
                        cut("a", [str(turn)]).put(writer)
                        cut("b", [str(turn)]).put(writer)
        finally:
            done.set()
            for thread in threads:
                thread.join()
        assert not wrong

    def test_threads_that_die_leave_no_connection(self, store: Store) -> None:
        import apsw

        def read() -> None:
            with store.read() as reader:
                reader.documents.sources()

        for _ in range(40):
            thread = threading.Thread(target=read)
            thread.start()
            thread.join()
        gc.collect()
        assert sum(str(store.path) in str(item.filename) for item in apsw.connections()) == 1

    def test_many_open_readers_leave_a_bounded_pool(self, store: Store) -> None:
        import apsw

        def nested(depth: int) -> None:
            with store.read():
                if depth:
                    nested(depth - 1)

        nested(40)
        assert sum(str(store.path) in str(item.filename) for item in apsw.connections()) <= 16
        store.close()
        assert sum(str(store.path) in str(item.filename) for item in apsw.connections()) == 0

    def test_calls_of_one_writer_take_turns(self, store: Store) -> None:
        with writing(store) as writer:
            threads = [threading.Thread(target=cut(f"s{index}").put, args=(writer,)) for index in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        with store.read() as reader:
            assert (reader.counts().documents, reader.revision) == (8, 8)


class TestLife:
    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(NotFoundError, match="no collection 'x'"):
            Store(tmp_path / "collections" / "x")

    def test_closed(self, tmp_path: Path) -> None:
        store = new_store(tmp_path)
        with store.read() as reader:
            store.close()
            assert reader.documents.sources() == []
        with pytest.raises(StoreError, match="closed"), store.read():
            pass
        with pytest.raises(StoreError, match="closed"), writing(store):
            pass

    def test_open_again(self, tmp_path: Path) -> None:
        with new_store(tmp_path) as store:
            put(store, cut("a"))
            with store.read() as reader:
                identity = reader.identity
        with Store(store.folder) as again, again.read() as reader:
            assert reader.documents.get("a") == cut("a").document
            assert reader.identity == identity
        with new_store(tmp_path, "other") as other, other.read() as reader:
            assert reader.identity != identity

    def test_a_moved_folder_opens(self, tmp_path: Path) -> None:
        with new_store(tmp_path) as store:
            put(store, cut("a"))
        moved = tmp_path / "elsewhere"
        (tmp_path / "collections" / "default").rename(moved)
        with Store(moved) as store, store.read() as reader:
            assert reader.documents.sources() == ["a"]

    def test_two_threads_may_create_at_once(self, tmp_path: Path) -> None:
        identities: set[str] = set()

        def make() -> None:
            with new_store(tmp_path) as store, store.read() as reader:
                identities.add(reader.identity)

        threads = [threading.Thread(target=make) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(identities) == 1

    def test_size(self, store: Store) -> None:
        before = store.size()
        put(store, cut("a", [f"paragraph {index}" for index in range(500)]))
        assert store.size() > before > 0
