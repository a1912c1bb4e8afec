"""A long document has its vectors stored as they come, in parts, and ends as one that was stored at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import ragkit
from ragkit.errors import EmbeddingError
from ragkit.knowledge import writer as writing
from ragkit.store.sqlite.reading import chunks as reading
from ragkit.store.writer import Writer
from ragkit.testing import BrokenEmbedder, HashEmbedder
from ragkit.types.documents import Document

SLICE = 8


def document(sentences: int = 600) -> Document:
    text = "\n\n".join(f"Drawer {n} of the harbour archive keeps ledger {n * 7} of the year." for n in range(sentences))
    return Document.from_text("ledger.txt", text)


@pytest.fixture
def short_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SLICE", SLICE)
    monkeypatch.setattr(writing, "LONG_BATCH", 2 * SLICE)


def stored(folder: Path) -> tuple[list[str], NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Return texts, vectors, unit vectors and their owners of all chunks, in order."""
    with ragkit.open(folder, embedder=HashEmbedder()) as kb, kb._store.read() as reader:
        ids = reader.chunks.all_chunk_ids()
        rows = reader.chunks.rows(ids)
        units, owners = reader.chunks.unit_vectors(ids)
        return [rows[number].text for number in ids.tolist()], reader.chunks.vectors(ids), units, owners


@pytest.mark.usefixtures("short_slices")
def test_it_ends_as_a_document_that_was_stored_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ragkit.open(tmp_path / "parts", embedder=HashEmbedder()) as kb:
        assert kb.add(document()).chunks > 2 * SLICE
    monkeypatch.setattr(writing, "LONG_BATCH", 10**6)
    with ragkit.open(tmp_path / "once", embedder=HashEmbedder()) as kb:
        kb.add(document())
    for parts, once in zip(stored(tmp_path / "parts"), stored(tmp_path / "once"), strict=True):
        assert np.array_equal(parts, once)
    assert len(stored(tmp_path / "parts")[2]) > len(stored(tmp_path / "parts")[0])


@pytest.mark.usefixtures("short_slices")
def test_vectors_of_units_are_not_collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []
    put: list[int] = []
    keep_before, put_before = Writer.keep_vectors, Writer.put

    def keep(self: Writer, hashes: Sequence[bytes], vectors: NDArray[np.float32], *, units: Sequence[object]) -> None:
        kept.append(sum(item is not None for item in units))
        keep_before(self, hashes, vectors, units=units)  # type: ignore[arg-type]  # passed on as it came

    def store(self: Writer, *arguments: object, units: Sequence[object], file: object) -> str:
        put.append(sum(item is not None for item in units))
        return put_before(self, *arguments, units=units, file=file)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(Writer, "keep_vectors", keep)
    monkeypatch.setattr(Writer, "put", store)
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        report = kb.add(document())
    assert max(kept) <= SLICE
    assert sum(kept) == report.chunks
    assert put == [0]


@pytest.mark.usefixtures("short_slices")
def test_a_run_that_failed_in_the_middle_embeds_only_the_rest_again(tmp_path: Path) -> None:
    broken = BrokenEmbedder("raises", at_call=5, times=1)
    with ragkit.open(tmp_path, embedder=broken) as kb, pytest.raises(EmbeddingError, match=r"ledger\.txt"):
        kb.add(document())
    embedder = HashEmbedder()
    with ragkit.open(tmp_path, embedder=embedder) as kb:
        assert kb.documents() == []
        report = kb.add(document())
        assert kb.verify() == []
    assert SLICE <= report.chunks - report.embedded <= 5 * SLICE
    assert embedder.documents_embedded == report.embedded


@pytest.mark.usefixtures("short_slices")
def test_stored_vectors_are_looked_up_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        chunks = kb.add(document()).chunks
    sizes: list[int] = []
    before = reading._some_vectors

    def some(query: reading.Query, hashes: Sequence[bytes], **options: int) -> dict[bytes, NDArray[np.float32]]:
        sizes.append(len(hashes))
        return before(query, hashes, **options)

    monkeypatch.setattr(reading, "_LOOKED_UP", 7)
    monkeypatch.setattr(reading, "_some_vectors", some)
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        assert kb.add(Document("copy.txt", document().text)).embedded == 0
    assert max(sizes) == 7
    assert sum(sizes) >= chunks
