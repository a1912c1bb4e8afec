"""What every store must do: a back end passes when a class that inherits `StoreContract` and gives `place` is green.

A new implementation adds a file (or a parameter of tests/store/test_contract.py) with a fixture `place`; nothing here
knows which store it is. Fixtures of a place are empty at the start of each test.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragkit.errors import (
    ConflictError,
    EmbeddingError,
    InputError,
    LockedError,
    ModelMismatchError,
    NotFoundError,
    StoreError,
)
from ragkit.store.base import Backend, Reader, Store, Writer
from ragkit.store.filters import parse_filter
from ragkit.store.rows import embedded_hash
from ragkit.testing import HashEmbedder
from ragkit.types.collection import FileState
from ragkit.types.documents import Chunk, Document
from tests.support.store_fakes import EMBEDDER, SETTINGS, ChunkedDocument, cut, hashes


@dataclass(frozen=True)
class Place:
    """A back end and an empty location of it."""

    backend: Backend
    location: str

    def open(self, name: str = "default", *, create: bool = True) -> Store:
        return self.backend.open(self.location, name, create=create)


def writing(store: Store, kind: str = "ingest", **options: Any) -> Any:
    """Open a run with the fake model."""
    return store.write(**{"kind": kind, "fingerprint": EMBEDDER.fingerprint, "settings": SETTINGS} | options)


def put(store: Store, *items: ChunkedDocument, **options: Any) -> list[str]:
    with writing(store, **options) as writer:
        return [item.put(writer) for item in items]


def picture(store: Store) -> dict[str, Any]:
    """Return everything that a reader can see of a collection, but times."""
    with store.read() as reader:
        return seen(reader)


def seen(reader: Reader) -> dict[str, Any]:
    sources = reader.documents.sources()
    ids = reader.chunks.all_chunk_ids()
    return {
        "state": (reader.identity, reader.revision, reader.generation, reader.pinned, reader.fingerprint),
        "counts": reader.counts(),
        "documents": [reader.documents.get(source) for source in sources],
        "chunks": [reader.chunks.of_document(source) for source in sources],
        "ids": ids.tolist(),
        "vectors": reader.chunks.vectors(ids).tolist(),
        "generations": [(item.number, item.added, item.changed, item.removed) for item in reader.generations()],
        "files": {root: reader.files.below(root) for root in reader.files.roots()},
    }


def file_of(source: str, path: bytes = b"a.txt", **fields: Any) -> FileState:
    known = {"size": 3, "mtime_ns": 1, "ctime_ns": 2, "sha256": "0" * 64, "extractor": "1"}
    return FileState(**{"root": "/docs", "path": path, "source": source} | known | fields)


def condition(operator: str, key: str, value: Any) -> dict[str, Any]:
    return {"type": operator, "key": key, "value": value}


METADATA: dict[str, dict[str, Any]] = {
    "alpha": {"n": 7, "s": "kiwi", "tags": ("red", 4, None), "b": True},
    "beta": {"n": 7.5, "s": "Kiwi", "tags": ("blue",), "b": False},
    "gamma": {"n": "7", "s": "żółć", "tags": (), "none": None},
    "delta": {"n": 3 * 10**25, "s": "", "b": 1, 'o"dd.$[1] %_': "yes"},
    "epsilon": {"n": -math.pi, "tags": (True, 2.25)},
    "no metadata": {},
}


class StoreContract:
    """The tests. A class that inherits them has a fixture `place: Place`."""

    @pytest.fixture
    def store(self, place: Place) -> Iterator[Store]:
        with place.open() as opened:
            yield opened

    # ------------------------------------------------------------------ documents

    def test_an_empty_collection(self, store: Store) -> None:
        with store.read() as reader:
            assert (reader.revision, reader.generation, reader.pinned, reader.fingerprint) == (0, 0, None, None)
            assert reader.counts().documents == reader.counts().chunks == reader.counts().stored_vectors == 0
            assert (reader.documents.sources(), reader.generations(), reader.files.roots()) == ([], [], [])
            assert reader.chunks.all_chunk_ids().dtype == np.int64
            assert reader.chunks.vectors([]).shape == (0, 0)
            assert (reader.adapter(), reader.adapter_id()) == (None, None)
            assert (reader.chunks.quantizer(), reader.chunks.quantizer_number()) == (None, 0)
        assert store.verify() == []
        assert store.doctor()["problems"] == []

    def test_a_document_is_read_back_equal(self, store: Store) -> None:
        metadata = {"year": 1999, "share": 0.25, "open": True, "nothing": None, "mixed": ("é", 2, False, None)}
        item = cut("ordner/ü %_.txt", ["erster Absatz", "zweiter 🎉 ﬁn", "x"], metadata=metadata)
        assert put(store, item) == ["added"]
        with store.read() as reader:
            assert reader.documents.get(item.document.source) == item.document
            assert list(reader.documents.iterate()) == [item.document]
            rows = reader.chunks.of_document(item.document.source)
            assert [row.chunk for row in rows] == list(item.chunks)
            info = reader.documents.info(item.document.source)
            assert (info.characters, info.pages, info.chunks) == (len(item.document.text), 3, 3)
            assert (info.generation, dict(info.metadata)) == (1, metadata)
            assert datetime.fromisoformat(info.updated_at).utcoffset() == timedelta(0)
            counts = reader.counts()
            assert (counts.documents, counts.chunks, counts.vectors, counts.pages) == (1, 3, 3, 3)
            assert counts.characters == len(item.document.text)
            number = rows[1].document_id
            assert reader.documents.rows([number, 10**9])[number].source == item.document.source
            assert list(reader.documents.rows([10**9])) == []
            assert reader.documents.text(number) == item.document.text
            assert reader.documents.text_slice(number, rows[1].start, rows[1].end) == "zweiter 🎉 ﬁn"
            assert reader.documents.text_slice(number, 4, 4) == reader.documents.text_slice(number, 5, 2) == ""
            assert reader.documents.pages(number) == item.document.pages
            assert reader.chunks.documents_of([rows[2].id, 10**9, rows[0].id]) == [number, 0, number]
            assert list(reader.chunks.rows(np.array([rows[2].id, 10**9, rows[0].id]))) == [rows[2].id, rows[0].id]

    def test_a_document_without_text(self, store: Store) -> None:
        empty = ChunkedDocument(Document(source="empty", text=""), [], np.empty((0, 32), dtype=np.float32))
        assert [*put(store, empty), *put(store, empty)] == ["added", "unchanged"]
        with store.read() as reader:
            assert reader.documents.get("empty") == empty.document
            assert (reader.counts().documents, len(reader.chunks.all_chunk_ids())) == (1, 0)

    def test_what_is_stored_as_it_is_leaves_no_trace(self, store: Store) -> None:
        put(store, cut("a", metadata={"k": 1}))
        before = picture(store)
        assert put(store, cut("a", metadata={"k": 1})) == ["unchanged"]
        assert picture(store) == before

    @pytest.mark.parametrize(
        ("change", "keeps_ids"),
        [
            ({"metadata": {"k": True}}, True),
            ({"metadata": {"k": 1.0}}, True),
            ({"metadata": {}}, True),
            ({"media_type": "text/html"}, True),
            ({"title": "Another"}, False),
            ({"paged": False}, False),
            ({"paragraphs": ("one", "two", "four")}, False),
        ],
    )
    def test_a_change_replaces_the_document(self, store: Store, change: dict[str, Any], keeps_ids: bool) -> None:
        kept = {"paragraphs": ("one", "two", "three"), "metadata": {"k": 1}}
        put(store, cut("a", **kept), cut("b"))
        with store.read() as reader:
            ids = [row.id for row in reader.chunks.of_document("a")]
        changed = cut("a", **kept | change)
        assert put(store, changed) == ["changed"]
        with store.read() as reader:
            assert reader.documents.get("a") == changed.document
            assert [row.chunk for row in reader.chunks.of_document("a")] == list(changed.chunks)
            assert ([row.id for row in reader.chunks.of_document("a")] == ids) is keeps_ids
            assert reader.documents.sources() == ["a", "b"]
            assert [item.source for item in reader.documents.iterate()] == ["a", "b"]
            assert (reader.counts().documents, reader.revision) == (2, 3)

    def test_documents_are_listed_by_source_and_prefix(self, store: Store) -> None:
        names = ["b", "a/2", "a/1", "a", "a%", "a_x", "ä", "a/\U0010ffff", "B"]
        put(store, *(cut(name, ["t"]) for name in names))
        with store.read() as reader:
            assert [item.source for item in reader.documents.infos()] == sorted(names)
            assert [item.source for item in reader.documents.infos(prefix="a/")] == ["a/1", "a/2", "a/\U0010ffff"]
            assert [item.source for item in reader.documents.infos(prefix="a%")] == ["a%"]
            assert [item.source for item in reader.documents.infos(limit=2, offset=3)] == sorted(names)[3:5]
            assert reader.documents.infos(limit=0) == reader.documents.infos(prefix="none") == []
            assert reader.documents.sources() == names

    @pytest.mark.parametrize("unknown", ["gone.txt", "a\ud800", ""])
    def test_what_is_not_there_is_not_found(self, store: Store, unknown: str) -> None:
        put(store, cut("a"))
        with store.read() as reader:
            for ask in (reader.documents.get, reader.documents.info, reader.chunks.of_document):
                with pytest.raises(NotFoundError):
                    ask(unknown)
            for by_id in (reader.documents.text, reader.documents.pages):
                with pytest.raises(NotFoundError):
                    by_id(77)
            for several in (reader.chunks.vectors, reader.chunks.texts):
                with pytest.raises(NotFoundError, match="77"):
                    several([1, 77])
        with writing(store) as writer:
            assert writer.remove(unknown) is False

    def test_removing_and_renaming(self, store: Store) -> None:
        put(store, cut("a"), cut("b"), cut("c"))
        with store.read() as reader:
            ids = [row.id for row in reader.chunks.of_document("b")]
        with writing(store) as writer:
            assert writer.remove("a")
            assert not writer.remove("a")
            writer.rename("b", "dir/b")
            writer.rename("c", "c")
            with pytest.raises(ConflictError):
                writer.rename("c", "dir/b")
            with pytest.raises(NotFoundError):
                writer.rename("a", "z")
            with pytest.raises(InputError):
                writer.rename("c", "")
        with store.read() as reader:
            assert reader.documents.sources() == ["dir/b", "c"]
            assert [row.id for row in reader.chunks.of_document("dir/b")] == ids
            assert reader.documents.get("dir/b") == replace(cut("b").document, source="dir/b")
            last = reader.generations()[-1]
            assert (last.number, last.added, last.changed, last.removed) == (2, 0, 1, 1)

    # ------------------------------------------------------------------ what is refused

    @pytest.mark.parametrize(
        "wrong", [{"start": 1}, {"text": "other"}, {"ordinal": 4}, {"tokens": 0}, {"page": 2}, {"context": "\ud800"}]
    )
    def test_a_chunk_that_is_not_the_slice_is_refused(self, store: Store, wrong: dict[str, Any]) -> None:
        item = cut("a")
        bad = replace(item, chunks=[replace(item.chunks[0], **wrong), *item.chunks[1:]])
        self.refused(store, bad, InputError)

    @pytest.mark.parametrize("value", [math.nan, {"a": 1}, b"x", ((1,),), "\ud800", 1 << 1_025])
    def test_metadata_that_is_no_scalar_is_refused(self, store: Store, value: Any) -> None:
        item = cut("a")
        self.refused(store, replace(item, document=replace(item.document, metadata={"k": value})), InputError)

    def test_bad_vectors_are_refused(self, store: Store) -> None:
        item = cut("a")
        holed = item.vectors.copy()
        holed[1, 3] = np.nan
        for vectors in (item.vectors[:2], item.vectors[:, :16], item.vectors * 2, holed, item.vectors * 0):
            self.refused(store, replace(item, vectors=vectors), EmbeddingError)
        for units in (item.units[:1], [np.ones((2, 7), dtype=np.float32)] * 3):
            self.refused(store, replace(item, units=units), EmbeddingError)
        with writing(store) as writer, pytest.raises(EmbeddingError):
            writer.keep_vectors(hashes(item), item.vectors[:2])
        assert picture(store)["counts"].stored_vectors == 0

    def refused(self, store: Store, item: ChunkedDocument, error: type[Exception]) -> None:
        before = picture(store)
        with writing(store) as writer, pytest.raises(error):
            item.put(writer)
        assert picture(store) == before

    # ------------------------------------------------------------------ vectors and texts

    def test_vectors_are_unit_rows_in_the_order_of_the_ids(self, store: Store) -> None:
        items = [cut(f"d{number}", [f"word{number} {part}" for part in range(4)]) for number in range(5)]
        put(store, *items)
        wanted = np.concatenate([item.vectors for item in items])
        with store.read() as reader:
            ids = reader.chunks.all_chunk_ids()
            assert (np.diff(ids) > 0).all()
            rows = reader.chunks.vectors(ids)
            assert rows.dtype == np.float32
            assert np.abs(rows - wanted).max() < 1e-3
            assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
            assert np.array_equal(reader.chunks.vectors([ids[7], ids[0], ids[7]]), rows[[7, 0, 7]])
            parts = list(reader.chunks.iter_vectors(batch=6))
            assert [len(part) for part, _ in parts] == [6, 6, 6, 2]
            assert np.array_equal(np.concatenate([part for part, _ in parts]), ids)
            assert np.array_equal(np.concatenate([found for _, found in parts]), rows)

    def test_texts_are_what_is_searched(self, store: Store) -> None:
        item = cut("a", ["first", "second"], title="The title")
        bare = replace(item.chunks[1], context="")
        put(store, replace(item, chunks=[item.chunks[0], bare]))
        with store.read() as reader:
            ids = reader.chunks.all_chunk_ids()
            assert reader.chunks.texts(ids[::-1]) == [
                ("The title", "Head", "second", ((0, 1), (1, 6))),
                ("The title", "The title › Head", "first", ((0, 1), (1, 5))),
            ]
            streamed = [text for _, part in reader.chunks.iter_texts(batch=1) for text in part]
            assert streamed == reader.chunks.texts(ids)

    def test_vectors_of_units(self, store: Store) -> None:
        item = cut("a", ["one two", "x", "three four"])
        put(store, item)
        query = EMBEDDER.embed_queries(["three"])[0]
        with store.read() as reader:
            ids = reader.chunks.all_chunk_ids()[[2, 1, 0]]
            rows, owners = reader.chunks.unit_vectors([*ids, 10**9])
            assert owners.tolist() == [0, 0, 2, 2]
            expected = np.concatenate([item.units[2], item.units[0]])  # type: ignore[list-item] # neither is None
            assert np.abs(rows - expected).max() < 0.01
            cosines, bounds = reader.chunks.unit_cosines(query, np.array([*ids, 10**9]))
            assert (cosines.dtype, bounds.tolist()) == (np.float32, [0, 2, 2, 4, 4])
            assert np.abs(cosines - expected @ query).max() < 0.01

    def test_a_text_is_embedded_once(self, store: Store) -> None:
        item = cut("a", ["kept", "also kept"])
        with writing(store) as writer:
            assert writer.known_vectors(hashes(item)) == {}
            writer.keep_vectors(hashes(item), item.vectors, units=item.units)
            found = writer.known_vectors([*hashes(item), b"\0" * 32])
        assert sorted(found) == sorted(hashes(item))
        assert np.abs(found[hashes(item)[1]] - item.vectors[1]).max() < 1e-3
        with store.read() as reader:  # vectors alone are no change of the collection
            assert (reader.revision, reader.generation, reader.counts().stored_vectors) == (0, 0, 2)
        put(store, item, replace(item, document=replace(item.document, source="copy")))
        with store.read() as reader:
            assert (reader.counts().chunks, reader.counts().stored_vectors) == (4, 2)
            assert sorted(reader.chunks.known_vectors([*hashes(item), b"\0" * 32])) == sorted(hashes(item))
            ids = reader.chunks.all_chunk_ids()
            assert np.array_equal(reader.chunks.vectors(ids[:2]), reader.chunks.vectors(ids[2:]))

    def test_vectors_outlive_their_chunks_until_a_compaction(self, store: Store) -> None:
        put(store, cut("a", ["old text"]), cut("b", ["new text"]))
        with writing(store) as writer:
            writer.remove("a")
        old = embedded_hash(cut("a", ["old text"]).chunks[0])
        with writing(store) as writer:
            assert list(writer.known_vectors([old])) == [old]
            assert writer.compact() == 1
            assert writer.known_vectors([old]) == {}
            with writer.atomic(), pytest.raises(StoreError):
                writer.compact()
        with store.read() as reader:
            assert reader.counts().stored_vectors == 1
            assert reader.chunks.changes_since(1) is None
            assert reader.chunks.changes_since(reader.revision) is not None

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

    def test_one_writer_at_a_time(self, store: Store, place: Place) -> None:
        with place.open() as other:
            with writing(store) as writer:
                cut("a").put(writer)
                with pytest.raises(LockedError) as caught, writing(other):
                    pass
                assert caught.value.holder
                with pytest.raises(LockedError), writing(store, wait=0.05):
                    pass
                with other.read() as reader:  # readers never wait
                    assert reader.documents.sources() == ["a"]
            assert put(other, cut("b")) == ["added"]

    def test_a_second_writer_can_wait(self, store: Store) -> None:
        held, outcomes = threading.Event(), []

        def second() -> None:
            held.wait()
            outcomes.extend(put(store, cut("b"), wait=30))

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

    # ------------------------------------------------------------------ filters

    @pytest.mark.parametrize(
        ("where", "names"),
        [
            (condition("eq", "n", 7), "alpha"),
            (condition("eq", "n", 7.0), "alpha"),
            (condition("eq", "n", "7"), "gamma"),
            (condition("eq", "b", True), "alpha"),
            (condition("eq", "b", 1), "delta"),
            (condition("eq", "none", None), "gamma"),
            (condition("ne", "n", 7), "beta gamma delta epsilon rest"),
            (condition("ne", "missing", 1), "alpha beta gamma delta epsilon rest"),
            (condition("gt", "n", 7), "beta delta"),
            (condition("gte", "n", 7), "alpha beta delta"),
            (condition("lt", "n", 0), "epsilon"),
            (condition("lte", "n", 7.5), "alpha beta epsilon"),
            (condition("lt", "s", "kiwi"), "beta delta"),
            (condition("gt", "s", "kiwi"), "gamma"),
            (condition("eq", "tags", "red"), "alpha"),
            (condition("eq", "tags", None), "alpha"),
            (condition("gt", "tags", 2), "alpha epsilon"),
            (condition("in", "n", [7, "7", -1]), "alpha gamma"),
            (condition("in", "n", []), ""),
            (condition("nin", "n", []), "alpha beta gamma delta epsilon rest"),
            (condition("nin", "tags", ["red", "blue"]), "gamma delta epsilon rest"),
            (condition("eq", 'o"dd.$[1] %_', "yes"), "delta"),
            (condition("eq", "source", "no metadata"), "rest"),
            (condition("gt", "source", "delta"), "epsilon gamma rest"),
            (condition("in", "media_type", ["text/html", "text/plain"]), "alpha beta gamma delta epsilon rest"),
            (condition("eq", "title", "title"), ""),
            (condition("gt", "time", "2020-01-01"), "alpha beta gamma delta epsilon rest"),
            (condition("lt", "time", 0), ""),
            ({"type": "and", "filters": [condition("gt", "n", 0), condition("ne", "b", True)]}, "beta delta"),
            ({"type": "or", "filters": [condition("eq", "n", 7), condition("eq", "s", "")]}, "alpha delta"),
        ],
    )
    def test_filters_select_documents(self, store: Store, where: dict[str, Any], names: str) -> None:
        put(store, *(cut(name, [f"{name} one", f"{name} two"], metadata=data) for name, data in METADATA.items()))
        wanted = {"no metadata" if name == "rest" else name for name in names.split()}
        parsed = parse_filter(where)
        assert parsed is not None
        with store.read() as reader:
            ids = reader.chunks.select(parsed)
            assert ids.dtype == np.int64
            assert ids.tolist() == sorted(ids.tolist())
            assert reader.chunks.count(parsed) == len(ids) == 2 * len(wanted)
            documents = reader.documents.rows(sorted(set(reader.chunks.documents_of(ids))))
            assert {item.source for item in documents.values()} == wanted

    @pytest.mark.parametrize(
        ("operator", "value", "ordinals"),
        [
            ("eq", 2, [1]),
            ("ne", 2, [0, 2, 3]),
            ("gt", 1, [1, 2]),
            ("gte", 3, [2]),
            ("lt", 2, [0]),
            ("lte", 2, [0, 1]),
            ("in", [1, 3, 9], [0, 2]),
            ("nin", [1, 3, 9], [1, 3]),
        ],
    )
    def test_filters_select_pages(self, store: Store, operator: str, value: Any, ordinals: list[int]) -> None:
        put(store, cut("paged", ["one", "two", "three"]), cut("plain", ["none"], paged=False))
        parsed = parse_filter(condition(operator, "page", value))
        assert parsed is not None
        with store.read() as reader:
            ids = reader.chunks.all_chunk_ids()
            assert reader.chunks.select(parsed).tolist() == ids[ordinals].tolist()
            assert reader.chunks.count(parsed) == len(ordinals)

    def test_a_filter_on_the_time_of_storing(self, store: Store) -> None:
        put(store, cut("a"))
        with store.read() as reader:
            moment = datetime.fromisoformat(reader.documents.info("a").updated_at)
        for shift, operator, count in ((-1, "gt", 3), (-1, "lt", 0), (1, "lt", 3), (1, "gte", 0)):
            at = (moment + timedelta(seconds=shift)).astimezone(UTC).isoformat()
            parsed = parse_filter(condition(operator, "time", at))
            assert parsed is not None
            with store.read() as reader:
                assert reader.chunks.count(parsed) == count

    # ------------------------------------------------------------------ files

    def test_files_are_remembered(self, store: Store) -> None:
        odd = file_of("a", b"na\xffme", root="/r\udcff", reason="damaged", detail="ü\udcff")
        with writing(store) as writer:
            cut("a").put(writer)
            cut("b").put(writer)
            before = writer.generation
            writer.record_file(file_of("a"))
            writer.record_file(file_of("b", b"b.txt"))
            writer.record_file(odd)
            writer.forget_file("/docs", b"none")
            writer.flush()
            with pytest.raises(InputError):
                writer.record_file(file_of("\ud800"))
            assert writer.generation == before
        with store.read() as reader:
            assert reader.files.roots() == sorted(["/docs", "/r\udcff"])
            assert reader.files.below("/docs") == {b"a.txt": file_of("a"), b"b.txt": file_of("b", b"b.txt")}
            assert reader.files.below("/r\udcff") == {b"na\xffme": replace(odd, detail="ü\\udcff")}
            assert reader.files.below("/none") == {}
            assert reader.revision == 2
        with writing(store) as writer:
            writer.forget_file("/docs", b"a.txt")
            writer.rename("b", "c")
        with store.read() as reader:
            assert reader.files.roots() == ["/r\udcff"]
        with writing(store) as writer:
            writer.remove("a")
        with store.read() as reader:
            assert reader.files.roots() == []

    def test_a_file_comes_with_its_document(self, store: Store) -> None:
        item = cut("a")
        state = file_of("a")
        with writing(store) as writer:
            assert writer.put(item.document, item.chunks, item.vectors, file=state) == "added"
            assert writer.put(item.document, item.chunks, item.vectors, file=replace(state, size=9)) == "unchanged"
        with store.read() as reader:
            assert reader.files.below("/docs") == {b"a.txt": replace(state, size=9)}
            assert reader.revision == 1

    def test_verify_looks_at_the_files(self, store: Store, tmp_path: Path) -> None:
        import hashlib

        folder = tmp_path / "docs"
        folder.mkdir()
        for name in ("same", "changed", "deleted"):
            (folder / name).write_bytes(name.encode())
        with writing(store) as writer:
            for name in ("same", "changed", "deleted"):
                digest = hashlib.sha256(name.encode()).hexdigest()
                writer.record_file(file_of(name, name.encode(), root=str(folder), sha256=digest))
            writer.record_file(file_of("elsewhere", b"x", root=str(tmp_path / "none")))
        (folder / "changed").write_bytes(b"other")
        (folder / "deleted").unlink()
        found = {(problem.kind, problem.source) for problem in store.verify()}
        assert found == {("file", "changed"), ("file", "deleted")}

    # ------------------------------------------------------------------ collections

    def test_collections_of_a_place(self, place: Place) -> None:
        backend, location = place.backend, place.location
        assert backend.names(location) == []
        with pytest.raises(NotFoundError):
            backend.open(location, "one")
        for name in ("two", "one"):
            backend.create(location, name)
        assert backend.names(location) == ["one", "two"]
        with pytest.raises(ConflictError):
            backend.create(location, "one")
        for bad in ("", "../x", "A", "a b", "x" * 64, "ä"):
            for call in (backend.create, backend.open, backend.delete):
                with pytest.raises(InputError):
                    call(location, bad)
        with backend.open(location, "one") as one, backend.open(location, "two") as two:
            put(one, cut("a"))
            assert (one.name, picture(two)["documents"]) == ("one", [])
            assert picture(one)["state"][0] != picture(two)["state"][0]
            assert one.size() > 0
            with writing(one), pytest.raises(LockedError):
                backend.delete(location, "one")
            backend.delete(location, "one")
            with pytest.raises(NotFoundError), one.read():
                pass
            with pytest.raises(NotFoundError), writing(one):
                pass
        assert backend.names(location) == ["two"]
        with pytest.raises(NotFoundError):
            backend.delete(location, "one")

    def test_what_is_stored_stays(self, place: Place) -> None:
        with place.open("kept") as store:
            put(store, cut("a"), cut("b"))
            before = picture(store)
        with place.open("kept", create=False) as again:
            assert picture(again) == before
            assert again.verify() == []
            report = again.doctor()
            assert (report["problems"], report["documents"], report["chunks"]) == ([], 2, 6)
