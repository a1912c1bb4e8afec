"""The write path: what is embedded once stays so, batches fail by name, and a refused document stops no run."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import ragkit
from ragkit.errors import EmbeddingError, InputError, StorageFullError
from ragkit.store.writer import Writer as StoreWriter
from ragkit.testing import BrokenEmbedder, HashEmbedder
from ragkit.types.documents import Document
from ragkit.types.progress import AddProgress


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


def test_short_documents_are_committed_together_and_acknowledged_afterwards(tmp_path: Path) -> None:
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        unknown: list[str] = []

        def look(progress: AddProgress) -> None:
            if progress.outcome and progress.source not in {info.source for info in kb.documents()}:
                unknown.append(progress.source)

        report = kb.add((Document.from_text(f"{n}.txt", f"Seal {n}.") for n in range(60)), progress=look)
        assert (report.added, unknown) == (60, [])
        assert kb.status()["revision"] == 1  # one transaction


def test_what_stands_before_a_refused_document_is_committed(tmp_path: Path) -> None:
    refused = Document(source="2.txt", text="Words.", metadata={"bad": {"nested": 1}})  # type: ignore[dict-item]
    rest = [Document.from_text(f"{n}.txt", f"Seal {n}.") for n in range(5) if n != 2]
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        with pytest.raises(InputError, match="bad"):
            kb.add([*rest[:2], refused, *rest[2:]])
        assert [info.source for info in kb.documents()] == ["0.txt", "1.txt"]


def test_a_failing_disk_undoes_a_whole_group_and_acknowledges_none_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[str] = []
    whole = StoreWriter.put

    def put(self: StoreWriter, document: Document, *rest: Any, **more: Any) -> Any:
        if document.source == "3.txt":
            raise StorageFullError("the disk is full")
        return whole(self, document, *rest, **more)

    monkeypatch.setattr(StoreWriter, "put", put)
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:

        def note(progress: AddProgress) -> None:
            stored.extend([progress.source] if progress.outcome else [])

        with pytest.raises(StorageFullError):
            kb.add((Document.from_text(f"{n}.txt", f"Seal {n}.") for n in range(5)), progress=note)
        assert (stored, kb.documents(), kb.verify()) == ([], [], [])


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


class SlowEmbedder(HashEmbedder):
    """Takes a while for each text, and remembers how many texts came at once."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._per_text = seconds
        self.sizes: list[int] = []

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.sizes.append(len(texts))
        time.sleep(self._per_text * len(texts))
        return super().embed_documents(texts)


def test_a_stopped_run_commits_what_is_ready_within_seconds(tmp_path: Path) -> None:
    embedder = SlowEmbedder(0.05)
    names = [f"{number:03}.txt" for number in range(400)]  # 20 s at least
    stop = threading.Event()
    stopped_at = 0.0

    def watch(progress: AddProgress) -> None:
        nonlocal stopped_at
        if progress.embedded >= 40 and not stop.is_set():
            stopped_at = time.monotonic()
            stop.set()

    with ragkit.open(tmp_path, embedder=embedder) as kb:
        with kb.writer() as writer:
            documents = (Document.from_text(name, f"Berth {name} is free.") for name in names)
            report = writer.add(documents, progress=watch, stopped=stop.is_set)
            assert writer.stopped
        took = time.monotonic() - stopped_at
        held = [info.source for info in kb.documents()]
    assert took < 3
    assert 40 <= len(held) <= 40 + 2 * max(embedder.sizes)
    assert held == names[: len(held)]
    assert (report.added, report.embedded) == (len(held), len(held))
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        again = kb.add(Document.from_text(name, f"Berth {name} is free.") for name in names)
        assert (again.added, again.unchanged) == (400 - len(held), len(held))
        assert kb.verify() == []


def test_a_stopped_run_acknowledges_only_what_is_committed(tmp_path: Path) -> None:
    stop = threading.Event()
    early = []

    def watch(progress: AddProgress) -> None:
        if progress.embedded >= 40:
            stop.set()
        if progress.outcome:
            with ragkit.open(tmp_path, embedder=HashEmbedder(), create=False) as other:
                if progress.source not in {info.source for info in other.documents()}:
                    early.append(progress.source)

    with ragkit.open(tmp_path, embedder=SlowEmbedder(0.01)) as kb, kb.writer() as writer:
        documents = (Document.from_text(f"{number:03}.txt", f"Berth {number} is free.") for number in range(200))
        report = writer.add(documents, progress=watch, stopped=stop.is_set)
    assert report.added > 1
    assert early == []


def test_a_great_document_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    stop = threading.Event()
    timer = threading.Timer(1.0, stop.set)
    small = Document.from_text("small.txt", "The gate opens at six.")
    great = Document.from_text("great.txt", " ".join(sentences(f"crate {part}", 40) for part in range(60)))
    with ragkit.open(tmp_path, embedder=SlowEmbedder(0.05)) as kb, kb.writer() as writer:
        timer.start()
        started = time.monotonic()
        writer.add([small, great], stopped=stop.is_set)
        took = time.monotonic() - started
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        assert [info.source for info in kb.documents()] == ["small.txt"]
    assert took < 4


class SlowTokenizer(HashEmbedder):
    """Takes a while for each look at a text."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        time.sleep(0.1)
        return super().count_tokens(texts)

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        time.sleep(0.5)
        return super().token_offsets(text)


def test_a_document_that_is_being_chunked_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    stop = threading.Event()
    great = Document.from_text("great.txt", " ".join(sentences(f"crate {part}", 40) for part in range(400)))

    def documents() -> Iterator[Document]:
        threading.Timer(0.2, stop.set).start()
        yield great
        raise AssertionError("no more documents are wanted")

    with ragkit.open(tmp_path, embedder=SlowTokenizer()) as kb, kb.writer() as writer:
        started = time.monotonic()
        report = writer.add(documents(), stopped=stop.is_set)
        took = time.monotonic() - started
    assert report.added == 0
    assert took < 3


def test_slices_follow_the_speed_of_the_model(tmp_path: Path) -> None:
    slow, fast = SlowEmbedder(0.1), SlowEmbedder(0.0)
    for name, embedder in (("slow", slow), ("fast", fast)):
        with ragkit.open(tmp_path / name, embedder=embedder) as kb:
            kb.add(Document.from_text(f"{n}.txt", f"Tug {n}.") for n in range(24 if name == "slow" else 1500))
    assert max(slow.sizes) <= 8
    assert max(fast.sizes) > 100


def test_a_text_of_a_refused_document_is_there_for_the_next_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragkit.knowledge.adding.batches.BATCH_TOKENS", 1)
    bad = Document("bad.txt", "The tide is out.", metadata={"nested": {"a": 1}})  # type: ignore[dict-item]  # a reader's fault
    refused: list[str] = []
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb, kb.writer() as writer:
        writer.add([bad, Document("good.txt", "The tide is out.")], reject=lambda item, _: refused.append(item.source))
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as kb:
        assert [info.source for info in kb.documents()] == ["good.txt"]
    assert refused == ["bad.txt"]
