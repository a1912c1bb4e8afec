"""The contract of a store: documents, chunks and vectors are read back as they were put, and bad ones are refused."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from ragkit.errors import (
    ConflictError,
    EmbeddingError,
    FilterError,
    InputError,
    NotFoundError,
    StoreError,
)
from ragkit.store.base import Store
from ragkit.store.filters import Condition, Filter, Group
from ragkit.store.rows import embedded_hash
from ragkit.types.documents import Document
from tests.store.contract import Place, picture, put, writing
from tests.support.store_fakes import EMBEDDER, ChunkedDocument, cut, hashes


class DocumentContract:
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
            structure = reader.documents.structure(item.document.source)
            assert (structure.id, structure.characters) == (number, len(item.document.text))
            whole = item.document
            assert (structure.pages, structure.headings, structure.blocks) == (
                whole.pages,
                whole.headings,
                whole.blocks,
            )
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

    def test_documents_are_listed_newest_first(self, store: Store) -> None:
        put(store, *(cut(name, ["t"], metadata={"of": name[0]}) for name in ("b1", "a1", "c", "a2")))
        put(store, cut("a1", ["u"], metadata={"of": "a"}), cut("a2", ["t"], metadata={"of": "a"}))
        with store.read() as reader:

            def sources(**asked: Any) -> list[str]:
                return [item.source for item in reader.documents.infos(newest=True, **asked)]

            newest = sources()
            times = [item.updated_at for item in reader.documents.infos(newest=True)]
            assert (sorted(newest), times) == (["a1", "a2", "b1", "c"], sorted(times, reverse=True))
            assert newest[0] == "a1"  # a2 stayed as it was
            assert [*sources(limit=2), *sources(offset=2)] == newest
            of_a = Condition("eq", "of", ("a",))
            assert sources(prefix="a") == sources(where=of_a) == [name for name in newest if name[0] == "a"]

    def test_a_collection_knows_when_it_was_made(self, store: Store) -> None:
        with store.read() as reader:
            made = reader.created_at
        put(store, cut("a"))
        with store.read() as reader:
            assert reader.created_at == made
        age = datetime.now(UTC) - datetime.fromisoformat(made)
        assert timedelta(0) <= age + timedelta(milliseconds=1) < timedelta(minutes=10)

    def test_documents_are_listed_by_filter_and_digest(self, store: Store) -> None:
        put(store, cut("a/1", ["t"], metadata={"acl": ("hr", "board")}), cut("a/2", ["u"], metadata={"acl": "hr"}))
        put(store, cut("b", ["v"], metadata={"team": "x"}), cut("c", ["w"], metadata={"acl": (), "n": 1}))
        missing = Condition("missing", "acl", ())
        with store.read() as reader:
            documents = reader.documents

            def sources(where: Filter, prefix: str = "") -> list[str]:
                return [item.source for item in documents.infos(where=where, prefix=prefix)]

            assert sources(missing) == ["b", "c"]
            assert sources(Condition("eq", "acl", ("hr",))) == ["a/1", "a/2"]
            assert sources(Group("or", (missing, Condition("in", "acl", ("board", "x"))))) == ["a/1", "b", "c"]
            assert sources(Condition("in", "acl", ("hr",)), prefix="a/2") == ["a/2"]
            assert len(reader.chunks.select(missing)) == reader.chunks.count(missing) == 2
            with pytest.raises(FilterError, match="about pages"):
                documents.infos(where=Condition("eq", "page", (1,)))
            assert documents.digests() == {item.source: item.sha256 for item in documents.infos()}

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
