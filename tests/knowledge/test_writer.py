"""The write path: what is embedded once stays so, batches fail by name, and a refused document stops no run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import ragkit
from ragkit.errors import EmbeddingError, InputError
from ragkit.testing import BrokenEmbedder, HashEmbedder
from ragkit.types.documents import Document


def sentences(topic: str, count: int = 30) -> str:
    return " ".join(f"The {topic} of number {n} is kept in drawer {n} of the archive." for n in range(count))


def test_a_text_is_embedded_once(tmp_path: Path) -> None:
    embedder = HashEmbedder()
    with ragkit.open(tmp_path, embedder=embedder) as kb:
        first = kb.add(Document.from_text("a.txt", sentences("seal")))
        again = kb.add(Document.from_text("a.txt", sentences("seal")))
        copy = kb.add(Document.from_text("b.txt", sentences("seal")))
    assert first.embedded == first.chunks == embedder.documents_embedded
    assert (again.unchanged, again.embedded) == (1, 0)
    assert (copy.added, copy.embedded) == (1, 0)
    assert embedder.documents_embedded == first.chunks


def test_the_same_text_twice_in_one_run_is_embedded_once(tmp_path: Path) -> None:
    embedder = HashEmbedder()
    with ragkit.open(tmp_path, embedder=embedder) as kb:
        report = kb.add(Document.from_text(f"{n}.txt", sentences("bolt")) for n in range(5))
    assert report.added == 5
    assert report.embedded == report.chunks // 5


def test_the_same_source_twice_in_one_run_ends_as_the_last(tmp_path: Path) -> None:
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        report = kb.add([Document.from_text("a.txt", "Old words."), Document.from_text("a.txt", "New words.")])
        assert (report.added, report.changed) == (1, 1)
        assert kb.document("a.txt").text == "New words."


def test_documents_are_pulled_lazily_and_committed_on_the_way(tmp_path: Path) -> None:
    seen: list[str] = []

    def stream() -> Iterator[Document]:
        for n in range(3):
            yield Document.from_text(f"{n}.txt", sentences(f"topic{n}", 4_000))
        with ragkit.open(tmp_path, embedder=HashEmbedder()) as other:
            seen.extend(info.source for info in other.documents())

    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        kb.add(stream())
    assert seen


def test_a_failing_batch_names_its_documents_and_leaves_the_earlier_versions(tmp_path: Path) -> None:
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        kb.add(Document.from_text("a.txt", "The first version."))
    with ragkit.open(tmp_path, embedder=BrokenEmbedder("nan")) as kb:
        with pytest.raises(EmbeddingError, match=r"a\.txt"):
            kb.add(Document.from_text("a.txt", "The second version."))
        assert kb.document("a.txt").text == "The first version."


def test_a_document_that_cannot_be_stored_is_raised_or_told(tmp_path: Path) -> None:
    bad = Document(source="bad.txt", text="Fine text.", metadata={"key": object()})  # type: ignore[dict-item]  # on purpose
    good = Document.from_text("good.txt", "Good text.")
    refused: list[str] = []
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        with pytest.raises(InputError, match=r"bad\.txt"):
            kb.add(bad)
        with kb.writer() as writer:
            report = writer.add([bad, good], reject=lambda document, _: refused.append(document.source))
        assert refused == ["bad.txt"]
        assert report.added == 1
        assert [info.source for info in kb.documents()] == ["good.txt"]


def test_empty_documents_are_stored_without_chunks(tmp_path: Path) -> None:
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        report = kb.add([Document.from_text("empty.txt", ""), Document.from_text("blank.txt", " \n ")])
        assert (report.added, report.chunks) == (2, 0)
        assert kb.search("anything") == []
        assert kb.doctor()["ok"]
