"""The originals of uploads come and go with their documents, and are in the collection's backup."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import ragkit
from ragkit import Document, InputError, KnowledgeBase, NotFoundError, restore_collection
from ragkit.testing import HashEmbedder

OFFER = "upload:offers/offer.pdf"


@pytest.fixture
def kb(tmp_path: Path) -> Iterator[KnowledgeBase]:
    with ragkit.open(tmp_path / "data", embedder=HashEmbedder()) as made:
        yield made


def put(kb: KnowledgeBase, folder: Path, content: bytes, *, source: str = OFFER, acl: tuple[str, ...] = ()) -> None:
    """Add a document with its original, as an upload does."""
    file = folder / "spool"
    file.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    document = Document.from_text(source, f"an offer: {digest}", metadata={"acl": acl} if acl else {})
    with kb.writer(kind="upload") as writer:
        assert writer.keep_original(file, digest, limit=1_000)
        writer.add([replace(document, sha256=digest)])
    file.unlink()


def kept(kb: KnowledgeBase) -> list[bytes]:
    return sorted(path.read_bytes() for path in (kb.folder / "originals").glob("*"))


def original(kb: KnowledgeBase, source: str, labels: tuple[str, ...] | None = None) -> bytes | None:
    state = kb.view(labels).original(source)
    return None if state is None else (Path(state.root) / state.path.decode()).read_bytes()


def test_an_original_goes_with_the_last_document_that_has_it(kb: KnowledgeBase, tmp_path: Path) -> None:
    put(kb, tmp_path, b"first")
    put(kb, tmp_path, b"first", source="upload:copy.pdf")
    assert kept(kb) == [b"first"]

    kb.remove(OFFER)
    assert original(kb, "upload:copy.pdf") == b"first"
    kb.remove("upload:copy.pdf")
    assert kept(kb) == []
    assert kb.status()["bytes"]["originals"] == 0


def test_a_new_version_brings_its_own(kb: KnowledgeBase, tmp_path: Path) -> None:
    put(kb, tmp_path, b"first")
    put(kb, tmp_path, b"second")

    assert (kept(kb), original(kb, OFFER)) == ([b"second"], b"second")
    assert kb.status()["bytes"]["originals"] == 6


def test_a_run_that_fails_leaves_no_original_for_long(kb: KnowledgeBase, tmp_path: Path) -> None:
    put(kb, tmp_path, b"first")
    file = tmp_path / "spool"
    file.write_bytes(b"lost")

    def fails() -> Iterator[Document]:
        raise InputError("the disk broke")
        yield

    def run() -> None:
        with kb.writer() as writer:
            writer.keep_original(file, hashlib.sha256(b"lost").hexdigest(), limit=1_000)
            writer.add(fails())

    with pytest.raises(InputError, match="the disk broke"):
        run()
    assert kept(kb) == [b"first", b"lost"]
    kb.add(Document.from_text("other.md", "something else"))

    assert kept(kb) == [b"first"]


def test_labels_hide_an_original_with_its_document(kb: KnowledgeBase, tmp_path: Path) -> None:
    put(kb, tmp_path, b"first", acl=("board",))

    assert original(kb, OFFER, ("board",)) == b"first"
    with pytest.raises(NotFoundError):
        original(kb, OFFER, ("sales",))


def test_a_restored_backup_has_the_originals(kb: KnowledgeBase, tmp_path: Path) -> None:
    put(kb, tmp_path, b"first")
    assert kb.backup(tmp_path / "backup")["files"] == 1
    restore_collection(tmp_path / "backup", tmp_path / "elsewhere", "copy")

    with ragkit.open(tmp_path / "elsewhere", collection="copy", embedder=HashEmbedder()) as copy:
        assert original(copy, OFFER) == b"first"
        assert copy.verify() == []
        (copy.folder / "originals" / hashlib.sha256(b"first").hexdigest()).write_bytes(b"worst")
        assert len(copy.verify()) == 1
