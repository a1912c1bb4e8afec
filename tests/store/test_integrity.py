"""Whatever is changed behind the store's back, the audit names."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest

from ragkit.store.rows import Problem
from ragkit.store.sqlite.integrity import doctor_store, verify_store
from ragkit.store.sqlite.store import Store
from tests.support.store_fakes import cut, new_store, writing


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with new_store(tmp_path) as opened:
        with writing(opened) as writer:
            cut("a").put(writer)
            cut("b", ["other", "words"]).put(writer)
        yield opened


def damage(store: Store, sql: str) -> None:
    connection = apsw.Connection(str(store.path))
    connection.create_scalar_function("half", half)
    connection.create_scalar_function("flipped", flipped)
    connection.execute(sql)
    connection.close()


def half(*blobs: Any) -> bytes:
    """Return a vector of half its length."""
    return bytes((np.frombuffer(blobs[0], dtype="<f2") / 2).astype("<f2").tobytes())


def flipped(*blobs: Any) -> bytes:
    """Return bytes with one bit of the last one changed."""
    return bytes([*blobs[0][:-1], blobs[0][-1] ^ 1])


def crc32(*blobs: Any) -> int:
    return zlib.crc32(blobs[0])


def test_a_good_store(store: Store) -> None:
    assert verify_store(store) == []
    report = doctor_store(store)
    assert report.pop("sqlite") == apsw.sqlite_lib_version()
    assert report == {
        "integrity": "ok",
        "foreign_keys": "ok",
        "documents": 2,
        "chunks": 5,
        "revision": 2,
        "vectors": 5,
        "unused_vectors": 0,
        "problems": [],
    }


@pytest.mark.parametrize(
    ("sql", "kind", "detail"),
    [
        ("UPDATE texts SET text = text || '.' WHERE document_id = 1", "text", "does not have its hash"),
        ("UPDATE texts SET pages = '[[0,' WHERE document_id = 1", "row", "can't be decoded"),
        ("UPDATE texts SET pages = '[[0,null]]' WHERE document_id = 1", "page", "says pages 2 to 2"),
        ("UPDATE chunks SET start = start + 1 WHERE id = 2", "chunk", "chunk 2 is not the text"),
        ('UPDATE chunks SET "end" = 9999 WHERE id = 2', "chunk", "chunk 2 is not the text"),
        ("UPDATE chunks SET ordinal = 7 WHERE id = 3", "chunk", "is number 7 instead of 2"),
        ("UPDATE chunks SET page = 1 WHERE id = 3", "page", "says pages 1 to 3"),
        ("UPDATE chunks SET page_end = NULL WHERE id = 3", "page", "says pages 3 to None"),
        ("UPDATE chunks SET tokens = 0 WHERE id = 1", "chunk", "has 0 tokens"),
        ("UPDATE chunks SET vector_id = 4 WHERE id = 1", "vector", "made of another text"),
        ("UPDATE passages SET text = 'First' WHERE chunk_id = 1", "chunk", "is not the text"),
        ("UPDATE passages SET context = 'x' WHERE chunk_id = 1", "vector", "made of another text"),
        ("UPDATE passages SET units = x'0000000063000000' WHERE chunk_id = 1", "chunk", "units outside"),
        ("UPDATE passages SET units = x'00' WHERE chunk_id = 1", "row", "can't be decoded"),
        ("UPDATE vectors SET vector = half(vector) WHERE id = 1", "vector", "does not have its checksum"),
        ("UPDATE vectors SET vector = x'00', crc = 3523407757 WHERE id = 1", "vector", "0 numbers instead of 32"),
        (
            "UPDATE unit_vectors SET body = flipped(body) WHERE vector_id = 2",
            "vector",
            "units of chunk 2 do not have their",
        ),
        ("UPDATE unit_vectors SET crc = crc + 1 WHERE vector_id = 2", "vector", "units of chunk 2 do not have their"),
        ("UPDATE unit_vectors SET body = x'00', crc = 3523407757 WHERE vector_id = 2", "vector", "have 1 bytes"),
        ("DELETE FROM passages WHERE chunk_id = 3", "vector", "2 chunks have 3 vectors"),
        ("UPDATE documents SET metadata = '{' WHERE id = 1", "row", "can't be decoded"),
    ],
)
def test_what_verify_finds(store: Store, sql: str, kind: str, detail: str) -> None:
    damage(store, sql)
    problems = verify_store(store)
    assert any(problem.kind == kind and problem.source == "a" and detail in problem.detail for problem in problems)
    assert not any(problem.source == "b" for problem in problems)


def test_vectors_that_are_not_of_norm_one(store: Store) -> None:
    connection = apsw.Connection(str(store.path))
    connection.create_scalar_function("half", half)
    connection.create_scalar_function("crc32", crc32)
    connection.execute("UPDATE vectors SET vector = half(vector), crc = crc32(half(vector)) WHERE id = 1")
    connection.execute("UPDATE vectors SET vector = CAST(x'007e' || substr(vector, 3) AS BLOB) WHERE id = 2")
    connection.execute("UPDATE vectors SET crc = crc32(vector) WHERE id = 2")
    connection.close()
    assert [str(problem) for problem in verify_store(store)] == [
        "a: vector: the vector of chunk 1 has norm 0.5",
        "a: vector: the vector of chunk 2 has norm nan",
    ]


@pytest.mark.parametrize(
    ("sql", "finding"),
    [
        ("DELETE FROM chunks WHERE id = 1", "4 chunks exist, and the total says 5"),
        ("DELETE FROM vectors WHERE id = 1", "a row that refers to nothing: chunks"),
        ("DELETE FROM vectors WHERE id = 1", "5 chunks have 4 vectors"),
        ("DELETE FROM texts WHERE document_id = 1", "document without text, first a"),
        ("DELETE FROM passages WHERE chunk_id = 2", "chunk without passage, first 2"),
        ("UPDATE documents SET chunks = 9 WHERE id = 2", "another number of chunks, first b"),
        ("UPDATE state SET characters = 1", "characters exist, and the total says 1"),
        (
            "INSERT INTO fingerprints VALUES (7, 'x', '{}'); UPDATE vectors SET fingerprint = 7",
            "another model, first 1",
        ),
        ("DELETE FROM state", "lost its state row"),
        ("DROP TABLE passages", "passages"),
    ],
)
def test_what_the_doctor_finds(store: Store, sql: str, finding: str) -> None:
    damage(store, sql)
    assert any(finding in problem for problem in doctor_store(store)["problems"])


def test_unused_vectors_are_told_and_are_no_problem(store: Store) -> None:
    with writing(store) as writer:
        writer.remove("a")
    report = doctor_store(store)
    assert (report["unused_vectors"], report["problems"]) == (3, [])


def test_a_problem_is_one_line_and_json() -> None:
    problem = Problem("text", "a", "is wrong")
    assert str(problem) == "a: text: is wrong"
    assert problem.as_dict() == {"kind": "text", "source": "a", "detail": "is wrong"}


def test_files_that_changed_since_they_were_read_are_told(tmp_path: Path) -> None:
    from ragkit import open as open_kb
    from ragkit.testing import HashEmbedder
    from ragkit_ingest import ingest_folder

    docs = tmp_path / "docs"
    docs.mkdir()
    for name in ("same.txt", "changed.txt", "gone.txt"):
        (docs / name).write_text(f"The file {name} has some words.")
    with open_kb(tmp_path / "data", embedder=HashEmbedder()) as kb:
        ingest_folder(kb, docs)
        assert kb.verify() == []
        (docs / "changed.txt").write_text("Other words.")
        (docs / "gone.txt").unlink()
        found = {problem.source: problem.kind for problem in kb.verify()}
        assert found == {"changed.txt": "file", "gone.txt": "file"}
        docs.rename(tmp_path / "elsewhere")
        assert kb.verify() == []
