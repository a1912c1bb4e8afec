"""Kept originals: whole or not there, bounded, found by the SHA-256 of an uploaded document, deleted when unused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ragkit.store.originals import FOLDER, Originals, OriginalsRun


def stored(folder: Path, content: bytes) -> tuple[Path, str]:
    """Write a file; return it and its SHA-256."""
    digest = hashlib.sha256(content).hexdigest()
    path = folder / f"{digest[:8]}.upload"
    path.write_bytes(content)
    return path, digest


def held(originals: Originals) -> list[str]:
    return sorted(path.name for path in originals.folder.iterdir()) if originals.folder.exists() else []


@pytest.fixture
def originals(tmp_path: Path) -> Originals:
    collection = tmp_path / "collection"
    collection.mkdir()
    return Originals(collection)


def test_a_kept_file_outlives_the_one_that_was_given(originals: Originals, tmp_path: Path) -> None:
    file, digest = stored(tmp_path, b"%PDF-1.7 an offer")

    assert originals.keep(file, digest, limit=100)
    file.unlink()

    state = originals.state("upload:offer.pdf", digest)
    assert state is not None
    assert (Path(state.root) / state.path.decode()).read_bytes() == b"%PDF-1.7 an offer"
    assert (state.sha256, state.size) == (digest, 17)
    assert held(originals) == [digest]


def test_the_bound_counts_all_files_and_a_kept_one_once(originals: Originals, tmp_path: Path) -> None:
    first, second = stored(tmp_path, b"a" * 60), stored(tmp_path, b"b" * 41)

    assert originals.keep(*first, limit=100)
    assert not originals.keep(*second, limit=100)
    assert originals.keep(*first, limit=100)
    assert originals.keep(*second, limit=101)
    assert originals.size() == 101


@pytest.mark.parametrize("source", ["offer.pdf", "uploads/offer.pdf", "upload"])
def test_only_an_upload_has_an_original(originals: Originals, tmp_path: Path, source: str) -> None:
    file, digest = stored(tmp_path, b"offer")
    originals.keep(file, digest, limit=100)

    assert originals.state(source, digest) is None


@pytest.mark.parametrize("digest", ["", "../" + "a" * 61, "A" * 64, "b" * 64, "b" * 63])
def test_a_digest_is_never_a_path(originals: Originals, tmp_path: Path, digest: str) -> None:
    originals.keep(*stored(tmp_path, b"offer"), limit=100)

    assert originals.state("upload:offer.pdf", digest) is None


def test_a_sweep_leaves_what_uploads_have(originals: Originals, tmp_path: Path) -> None:
    mine, folders, nobodys = (stored(tmp_path, text) for text in (b"mine", b"folder's", b"nobody's"))
    for item in (mine, folders, nobodys):
        originals.keep(*item, limit=100)
    (originals.folder / f".{mine[1]}.0badcafe").write_bytes(b"mi")  # a power cut came in between

    originals.sweep(lambda: {"upload:mine.pdf": mine[1], "folder/file.pdf": folders[1]})

    assert held(originals) == [mine[1]]


def test_no_run_sweeps_while_another_keeps_and_the_last_one_does(originals: Originals, tmp_path: Path) -> None:
    first, second = stored(tmp_path, b"first"), stored(tmp_path, b"second")
    with OriginalsRun(originals) as one, OriginalsRun(originals) as two:
        one.keep(*first, limit=100)  # its document is not committed yet
        two.keep(*second, limit=100)
        two.sweep(lambda: {"upload:second.pdf": second[1]})
        assert held(originals) == sorted([first[1], second[1]])
        one.sweep(lambda: {"upload:second.pdf": second[1]})  # it was refused, and is the last
        assert held(originals) == [second[1]]
        assert originals.size() == len(b"second")


def test_a_sweep_of_nothing_asks_for_no_documents(originals: Originals) -> None:
    def digests() -> dict[str, str]:
        raise AssertionError("the documents were listed")

    originals.sweep(digests)
    assert not originals.folder.exists()


def test_a_damaged_original_is_found(originals: Originals, tmp_path: Path) -> None:
    for content in (b"whole", b"damaged"):
        originals.keep(*stored(tmp_path, content), limit=100)
    damaged = hashlib.sha256(b"damaged").hexdigest()
    (originals.folder / damaged).write_bytes(b"Damaged")
    (originals.folder / ".half.written").write_bytes(b"x")

    assert [(item.kind, item.source) for item in originals.problems()] == [("file", f"{FOLDER}/{damaged}")]
