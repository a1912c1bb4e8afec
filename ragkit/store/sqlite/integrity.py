"""Check that what is stored equals what was put: every hash, slice, page and vector, and SQLite's own integrity."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

import apsw
import numpy as np

from ragkit.errors import CorruptError, RagkitError
from ragkit.store.rows import ChunkRow, Problem, embedded_hashes
from ragkit.store.source_files import verify_files
from ragkit.store.sqlite.connection import SAFE_SQLITE, one
from ragkit.store.sqlite.encoding import UNIT_SCALE_BYTES
from ragkit.store.sqlite.reading.reader import Reader
from ragkit.types.documents import Document

_NORM_TOLERANCE: Final = 5e-3
"""How far from 1 the norm of a unit vector may be after rounding to float16."""
_SHOWN: Final = 20
_TOTALS: Final = {
    "documents": "SELECT count(*) FROM documents",
    "chunks": "SELECT count(*) FROM chunks",
    "characters": "SELECT coalesce(sum(characters), 0) FROM documents",
    "pages": "SELECT coalesce(sum(pages), 0) FROM documents",
    "stored_vectors": "SELECT count(*) FROM vectors",
}
_ORPHANS: Final = {
    "document without text": """SELECT source FROM documents AS d
        WHERE NOT EXISTS (SELECT 1 FROM texts WHERE document_id = d.id)""",
    "chunk without passage": """SELECT id FROM chunks AS c
        WHERE NOT EXISTS (SELECT 1 FROM passages WHERE chunk_id = c.id)""",
    "document with another number of chunks": """SELECT source FROM documents AS d
        WHERE chunks <> (SELECT count(*) FROM chunks WHERE document_id = d.id)""",
    "chunk with a vector of another model": """SELECT c.id FROM chunks AS c JOIN vectors AS v ON v.id = c.vector_id
        WHERE v.fingerprint IS NOT (SELECT fingerprint FROM state)""",
}


class Readable(Protocol):
    """A SQLite store, as far as checks need it."""

    def read(self) -> AbstractContextManager[Reader]:
        """Open one committed state."""


def verify_store(store: Readable) -> list[Problem]:
    """Check every document of a collection, and every ingested file that still exists; return what is wrong.

    The text has its hash; every chunk is the slice of the text that it says, in order, on the pages that the page
    table gives by bisection, with a token count; its vector has its checksum, is finite, of norm 1 and the right
    dimension, and is stored under the hash of what was embedded; the vectors of its units have their checksum. Raises
    CorruptError when the file can't be read.
    """
    with store.read() as reader:
        return [*verify_reader(reader), *verify_files(reader.files)]


def verify_reader(reader: Reader) -> Iterator[Problem]:
    """Yield what is wrong with the documents of one committed state; one document in memory at a time."""
    try:
        reader.adapter()
    except (CorruptError, ValueError) as error:
        yield Problem("adapter", "", str(error))
    try:
        reader.chunks.quantizer()
    except CorruptError as error:
        yield Problem("quantizer", "", str(error))
    for source in reader.documents.sources():
        try:
            document = reader.documents.get(source)
            rows = reader.chunks.of_document(source)
            vectors = reader.chunks.stored_vectors(source)
            units = reader.chunks.stored_units(source)
        except RagkitError as error:
            yield Problem("text", source, error.message)
            continue
        except (ValueError, TypeError) as error:  # JSON or spans that were damaged
            yield Problem("row", source, f"can't be decoded ({error})")
            continue
        yield from _check_document(document, rows, vectors)
        yield from _check_vectors(document.source, rows, vectors, dimension=_dimension(reader))
        yield from _check_units(document.source, units, dimension=_dimension(reader))


def doctor_store(store: Readable) -> dict[str, Any]:
    """Check the database against itself; return the findings as JSON, what is wrong under "problems".

    SQLite's version, its integrity and foreign keys; rows = vectors = chunks = passages; totals as they are counted.
    """
    report: dict[str, Any] = {"sqlite": apsw.sqlite_lib_version()}
    problems: list[str] = []
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < SAFE_SQLITE:
        problems.append(f"SQLite {apsw.sqlite_lib_version()} can corrupt databases; run: pip install -U apsw")
    try:
        with store.read() as reader:
            report["integrity"] = problems_or_ok(reader.inspect("PRAGMA integrity_check"), problems, "integrity")
            report["foreign_keys"] = problems_or_ok(
                reader.inspect("PRAGMA foreign_key_check"), problems, "a row that refers to nothing"
            )
            counts = reader.counts()
            report.update(documents=counts.documents, chunks=counts.chunks, revision=reader.revision)
            report["vectors"] = reader.inspect("SELECT count(*) FROM chunks JOIN vectors ON vectors.id = vector_id")[0][
                0
            ]
            report["unused_vectors"] = reader.inspect(
                "SELECT count(*) FROM vectors AS v WHERE NOT EXISTS (SELECT 1 FROM chunks WHERE vector_id = v.id)"
            )[0][0]
            problems.extend(_count_problems(reader, vectors=report["vectors"]))
    except RagkitError as error:
        problems.append(str(error))
    report["problems"] = problems
    return report


def problems_or_ok(rows: list[tuple[Any, ...]], problems: list[str], what: str) -> str:
    """Return "ok" for the rows of a PRAGMA check that found nothing; else add its findings to the problems."""
    found = [row for row in rows if row != ("ok",)]
    problems.extend(f"{what}: {' '.join(map(str, row))}" for row in found[:_SHOWN])
    return f"{len(found)} problems" if found else "ok"


def check_file(connection: apsw.Connection) -> list[str]:
    """Return what SQLite itself finds wrong with a database."""
    problems: list[str] = []
    problems_or_ok(connection.execute("PRAGMA integrity_check").fetchall(), problems, "integrity")
    problems_or_ok(connection.execute("PRAGMA foreign_key_check").fetchall(), problems, "a row that refers to nothing")
    if not problems and one(connection, "SELECT count(*) FROM state")[0] != 1:
        problems.append("the state row is missing")
    return problems


def _dimension(reader: Reader) -> int:
    return reader.fingerprint.dimension if reader.fingerprint else 0


def _count_problems(reader: Reader, *, vectors: int) -> Iterator[str]:
    counts = reader.counts()
    if vectors != counts.chunks:
        yield f"{counts.chunks:,} chunks have {vectors:,} vectors"
    for name, sql in _TOTALS.items():
        counted = reader.inspect(sql)[0][0]
        if counted != getattr(counts, name):
            yield f"{counted:,} {name} exist, and the total says {getattr(counts, name):,}"
    for what, sql in _ORPHANS.items():
        found = reader.inspect(sql)
        if found:
            yield f"{len(found):,} times {what}, first {found[0][0]}"


def _check_document(
    document: Document, rows: list[ChunkRow], vectors: list[tuple[bytes, int, bytes]]
) -> Iterator[Problem]:
    source = document.source
    if len(vectors) != len(rows):
        yield Problem("vector", source, f"{len(rows)} chunks have {len(vectors)} vectors")
    for index, row in enumerate(rows):
        name = f"chunk {row.id}"
        if row.ordinal != index:
            yield Problem("chunk", source, f"{name} is number {row.ordinal} instead of {index}")
        if not 0 <= row.start < row.end or document.text[row.start : row.end] != row.text:
            yield Problem("chunk", source, f"{name} is not the text from {row.start} to {row.end}")
        pages = (document.page_at(row.start), document.page_at(max(row.end - 1, 0)))
        if pages != (row.page, row.page_end):
            yield Problem("page", source, f"{name} says pages {row.page} to {row.page_end}, its offsets {pages}")
        if row.tokens < 1:
            yield Problem("chunk", source, f"{name} has {row.tokens} tokens")
        if any(not 0 <= start < end <= len(row.text) for start, end in row.units):
            yield Problem("chunk", source, f"{name} has units outside its text")


def _check_vectors(
    source: str, rows: list[ChunkRow], vectors: list[tuple[bytes, int, bytes]], *, dimension: int
) -> Iterator[Problem]:
    for row, (key, crc, blob) in zip(rows, vectors, strict=False):
        name = f"the vector of chunk {row.id}"
        if key not in embedded_hashes(row.chunk):
            yield Problem("vector", source, f"{name} was made of another text")
        if zlib.crc32(blob) != crc:
            yield Problem("vector", source, f"{name} does not have its checksum")
        elif len(blob) != 2 * dimension:
            yield Problem("vector", source, f"{name} has {len(blob) // 2} numbers instead of {dimension}")
        else:
            norm = float(np.linalg.norm(np.frombuffer(blob, dtype="<f2").astype(np.float32)))
            if not abs(norm - 1) <= _NORM_TOLERANCE:  # NaN too
                yield Problem("vector", source, f"{name} has norm {norm:.4g}")


def _check_units(source: str, units: list[tuple[int, int, bytes]], *, dimension: int) -> Iterator[Problem]:
    for chunk_id, crc, body in units:
        name = f"the vectors of the units of chunk {chunk_id}"
        if zlib.crc32(body) != crc:
            yield Problem("vector", source, f"{name} do not have their checksum")
        elif len(body) % (dimension + UNIT_SCALE_BYTES):
            yield Problem("vector", source, f"{name} have {len(body)} bytes, which are no rows of {dimension}")
