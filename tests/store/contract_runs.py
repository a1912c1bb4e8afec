"""The contract of a store: transactions, snapshots, generations, the writer lock and the model."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from ragkit.errors import (
    ConflictError,
    InputError,
    LockedError,
    ModelMismatchError,
    StoreError,
)
from ragkit.store.base import Store, Writer
from ragkit.testing import HashEmbedder
from ragkit.types.documents import Chunk, Document
from tests.store.contract import Place, file_of, picture, put, seen, writing
from tests.support.store_fakes import EMBEDDER, SETTINGS, ChunkedDocument, cut


class RunContract:
    """The tests. A class that inherits them has a fixture `place: Place`."""

    @pytest.fixture
    def store(self, place: Place) -> Iterator[Store]:
        with place.open() as opened:
            yield opened

    # ------------------------------------------------------------------ transactions, snapshots, generations

    def test_a_reader_sees_one_state(self, store: Store, place: Place) -> None:
        put(store, cut("a"), cut("b"))
        with store.read() as reader:
            before = seen(reader)
            with place.open() as other:
                put(other, cut("a", ["changed"]), cut("c"))
                with writing(other) as writer:
                    writer.remove("b")
            assert seen(reader) == before
            with store.read() as later:
                assert later.documents.sources() == ["a", "c"]
                assert (later.revision, later.generation) == (5, 3)
        with pytest.raises(StoreError):
            reader.documents.sources()
        with pytest.raises(StoreError):
            reader.chunks.all_chunk_ids()

    def test_each_call_commits_and_a_failed_run_keeps_what_it_committed(self, store: Store) -> None:
        def cut_off() -> None:
            with writing(store) as writer:
                cut("a").put(writer)
                with store.read() as reader:
                    assert reader.documents.sources() == ["a"]
                raise KeyError

        with pytest.raises(KeyError):
            cut_off()
        with store.read() as reader:
            assert reader.documents.sources() == ["a"]
            (run,) = reader.generations()
            assert (run.finished_at, run.added) == ("", 1)
        assert put(store, cut("b")) == ["added"]
        with store.read() as reader:
            assert [item.number for item in reader.generations()] == [1, 2]
            assert reader.generations()[1].finished_at > ""

    def test_atomic_is_all_or_nothing(self, store: Store) -> None:
        put(store, cut("a"), cut("b"))
        before = picture(store)

        def fail(writer: Writer) -> None:
            with writer.atomic():
                cut("a", ["changed"]).put(writer)
                writer.remove("b")
                writer.record_file(file_of("a"))
                raise KeyError

        with writing(store) as writer:
            with pytest.raises(KeyError):
                fail(writer)
            with pytest.raises(StoreError), writer.atomic(), writer.atomic():
                pass
        assert picture(store) == before
        with writing(store) as writer, writer.atomic():
            cut("a", ["changed"]).put(writer)
            with pytest.raises(InputError):
                replace(cut("c"), chunks=[replace(cut("c").chunks[0], tokens=0)]).put(writer)
            with pytest.raises(ConflictError):
                writer.rename("a", "b")
            writer.remove("b")
        with store.read() as reader:
            assert reader.documents.sources() == ["a"]
            assert reader.revision == before["state"][1] + 1

    def test_a_collection_cleared_and_filled_in_one_transaction_has_the_model_of_the_run(self, store: Store) -> None:
        with writing(store) as writer, writer.atomic():
            cut("a").put(writer)
            cut("b").put(writer)
            writer.clear()
            cut("c").put(writer)
            cut("d").put(writer)
        with store.read() as reader:
            assert reader.documents.sources() == ["c", "d"]
            assert reader.fingerprint == EMBEDDER.fingerprint
            assert (reader.revision, [run.added for run in reader.generations()]) == (1, [4])

    def test_generations_are_numbered_and_say_what_changed(self, store: Store) -> None:
        put(store, cut("a"), cut("b"), extractor="x 1")
        put(store, cut("a"))
        put(store, cut("a", ["other"]), cut("c"), kind="sync")
        with store.read() as reader:
            first, second = reader.generations()
            assert reader.generation == 2
        assert (first.number, first.kind, first.extractor, first.added) == (1, "ingest", "x 1", 2)
        assert (second.number, second.kind, second.added, second.changed, second.removed) == (2, "sync", 1, 1, 0)
        assert (first.model, first.fingerprint) == ("hash", EMBEDDER.fingerprint.id)
        assert dict(first.settings) == SETTINGS
        assert first.started_at <= first.finished_at <= second.started_at
        with writing(store) as writer:
            assert writer.generation == 3

    def test_changes_since_a_revision(self, store: Store) -> None:
        put(store, cut("a", ["1", "2"]), cut("b", ["3"]))
        with store.read() as reader:
            known, ids = reader.revision, reader.chunks.all_chunk_ids()
        put(store, cut("a", ["4"]), cut("short-lived", ["5", "6"]))
        with writing(store) as writer:
            writer.remove("short-lived")
        put(store, cut("c", ["7"]))
        with store.read() as reader:
            changes = reader.chunks.changes_since(known)
            assert changes is not None
            assert (changes.revision, changes.generation) == (reader.revision, reader.generation)
            assert changes.removed.tolist() == ids[:2].tolist()
            now = reader.chunks.all_chunk_ids()
            assert changes.added.tolist() == now[1:].tolist()
            assert changes.added.min() > ids.max()
            nothing = reader.chunks.changes_since(reader.revision)
            assert nothing is not None
            assert (len(nothing.added), len(nothing.removed)) == (0, 0)
            assert reader.chunks.changes_since(reader.revision + 1) is None
            assert reader.chunks.changes_since(-1) is None
            assert (reader.chunks.identity, reader.chunks.revision) == (reader.identity, reader.revision)

    def test_chunk_ids_are_never_used_twice(self, store: Store) -> None:
        put(store, cut("a"), cut("b"))
        with store.read() as reader:
            known = set(reader.chunks.all_chunk_ids().tolist())
        for _ in range(2):
            with writing(store) as writer:
                writer.remove("b")
                writer.compact()
            put(store, cut("b"))
            with store.read() as reader:
                fresh = {row.id for row in reader.chunks.of_document("b")}
            assert not fresh & known
            known |= fresh

    def test_clearing(self, store: Store) -> None:
        put(store, cut("a"), cut("b"))
        with writing(store) as writer:
            writer.record_file(file_of("a"))
        with writing(store, kind="clear", fingerprint=None) as writer:
            writer.clear()
        with store.read() as reader:
            assert (reader.documents.sources(), reader.files.roots()) == ([], [])
            assert (reader.pinned, reader.fingerprint) == (None, None)
            assert reader.generations()[-1].removed == 2
            assert reader.counts().stored_vectors == 3
            assert reader.chunks.changes_since(1) is None
        other = HashEmbedder(16, name="other")
        with writing(store, fingerprint=other.fingerprint) as writer:
            chunk = Chunk(ordinal=0, start=0, end=3, text="abc", context="", tokens=1)
            writer.put(Document(source="n", text="abc"), [chunk], other.embed_documents(["abc"]))
        with store.read() as reader:
            assert reader.fingerprint == other.fingerprint
            assert reader.chunks.vectors(reader.chunks.all_chunk_ids()).shape == (1, 16)

    def test_a_writer_and_a_store_end(self, store: Store, place: Place) -> None:
        with writing(store) as writer:
            cut("a").put(writer)
        with pytest.raises(StoreError):
            writer.remove("a")
        other = place.open()
        other.close()
        with pytest.raises(StoreError), other.read():
            pass
        with pytest.raises(StoreError), writing(other):
            pass

    # ------------------------------------------------------------------ the writer lock

    def test_a_rebuild_keeps_others_out_and_waits_for_them(self, store: Store, place: Place) -> None:
        with place.open() as other:
            with writing(store, kind="rebuild") as writer:
                cut("a").put(writer)
                with pytest.raises(LockedError) as caught, writing(other):
                    pass
                assert caught.value.holder
                assert other.writer_holder(alone=True)
                with pytest.raises(LockedError), writing(store, wait=0.05):
                    pass
                with other.read() as reader:  # readers never wait
                    assert reader.documents.sources() == ["a"]
            assert put(other, cut("b")) == ["added"]
            with writing(other), pytest.raises(LockedError) as caught, writing(store, kind="rebuild"):
                pass
            assert caught.value.holder

    def test_the_holder_of_the_lock_is_named_while_it_writes(self, store: Store, place: Place) -> None:
        assert store.writer_holder() == ""
        with place.open() as other, writing(other) as writer:
            writer.remove("nothing")
            assert "process" in store.writer_holder()
        assert store.writer_holder() == ""

    def test_a_second_writer_can_wait(self, store: Store) -> None:
        held, outcomes = threading.Event(), []

        def second() -> None:
            held.wait()
            outcomes.extend(put(store, cut("b"), kind="rebuild", wait=30))

        thread = threading.Thread(target=second)
        thread.start()
        with writing(store) as writer:
            held.set()
            cut("a").put(writer)
        thread.join()
        assert outcomes == ["added"]
        with store.read() as reader:
            assert reader.documents.sources() == ["a", "b"]

    def test_a_writer_for_several_threads(self, store: Store) -> None:
        items = [cut(f"{number:02}", [f"text {number}"]) for number in range(24)]
        with writing(store) as writer:
            threads = [
                threading.Thread(target=lambda part=part: [item.put(writer) for item in items[part::4]])
                for part in range(4)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        with store.read() as reader:
            assert sorted(reader.documents.sources()) == [item.document.source for item in items]
            assert (reader.revision, reader.generations()[0].added) == (24, 24)
        assert store.verify() == []

    # ------------------------------------------------------------------ the model

    def test_another_model_is_refused(self, store: Store) -> None:
        put(store, cut("a"))
        other = HashEmbedder(32, name="other")
        with pytest.raises(ModelMismatchError, match="rebuild"), writing(store, fingerprint=other.fingerprint):
            pass
        chunk = {**SETTINGS, "chunk": {**SETTINGS["chunk"], "max_tokens": 99}}
        with pytest.raises(ModelMismatchError, match="rebuild"), writing(store, settings=chunk):
            pass
        with writing(store, fingerprint=None, settings={}) as writer:
            assert writer.remove("a")
            with pytest.raises(StoreError):
                writer.known_vectors([])

    def test_a_rebuild_moves_all_documents_or_none(self, store: Store) -> None:
        put(store, cut("a", ["text"]), cut("b", ["more"]))
        other = HashEmbedder(24, name="other")
        before = picture(store)

        def moved(item: ChunkedDocument) -> ChunkedDocument:
            rows = other.embed_documents([chunk.embedded for chunk in item.chunks])
            return ChunkedDocument(item.document, item.chunks, rows)

        def rebuild(*names: str) -> None:
            with writing(store, kind="rebuild", fingerprint=other.fingerprint) as writer:
                with pytest.raises(StoreError):
                    writer.repin()
                with pytest.raises(ModelMismatchError):
                    moved(cut("a", ["text"])).put(writer)
                with writer.atomic():
                    writer.repin()
                    for name in names:
                        moved(cut(name, [{"a": "text", "b": "more"}[name]])).put(writer)

        with pytest.raises(StoreError, match="left out"):
            rebuild("b")
        assert picture(store) == before
        rebuild("a", "b")
        with store.read() as reader:
            assert reader.fingerprint == other.fingerprint
            ids = reader.chunks.all_chunk_ids()
            assert (len(ids), ids.min() > max(before["ids"])) == (2, True)
            assert reader.chunks.vectors(ids).shape == (2, 24)
            assert reader.chunks.changes_since(before["state"][1]) is None
            assert reader.generations()[-1].model == "other"
        assert store.verify() == []

    def test_an_adapter(self, store: Store) -> None:
        put(store, cut("a"))
        matrix = np.arange(32 * 32, dtype=np.float32).reshape(32, 32) / 1_000
        evidence = {"created_at": "2026-01-02T03:04:05Z", "p": 0.01, "interval": [0.1, 0.2]}
        with writing(store, kind="adapt") as writer:
            writer.set_adapter(matrix, evidence)
            for bad in (matrix[:4], matrix * np.nan):
                with pytest.raises(InputError):
                    writer.set_adapter(bad, evidence)
        with store.read() as reader:
            found = reader.adapter()
            assert found is not None
            assert (found.id, found.created_at, found.evidence) == (
                reader.adapter_id(),
                evidence["created_at"],
                evidence,
            )
            assert np.array_equal(found.matrix, matrix)
            assert reader.revision == 1
        with writing(store, kind="adapt") as writer:
            writer.set_adapter(matrix * 2, evidence)
        with store.read() as reader:
            assert reader.adapter_id() != found.id
        with writing(store, kind="adapt") as writer:
            assert [writer.drop_adapter(), writer.drop_adapter()] == [True, False]
        with store.read() as reader:
            assert (reader.adapter(), reader.adapter_id()) == (None, None)
