"""Check that what a store holds equals what was put: every hash, slice, page and vector, for every back end."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

import numpy as np

from ragkit.errors import CorruptError, RagkitError
from ragkit.store import base
from ragkit.store.encoding import UNIT_SCALE_BYTES
from ragkit.store.rows import ChunkRow, Problem, embedded_hashes
from ragkit.types.documents import Document

_NORM_TOLERANCE: Final = 5e-3
"""How far from 1 the norm of a unit vector may be after rounding to float16."""


class StoredChunks(base.ChunkReader, Protocol):
    """Chunks whose stored bytes can be read without a check."""

    def stored_vectors(self, source: str) -> list[tuple[bytes, int, bytes]]:
        """Return key, CRC-32 and little-endian float16 bytes of the vectors of a document's chunks."""

    def stored_units(self, source: str) -> list[tuple[int, int, bytes]]:
        """Return chunk id, CRC-32 and bytes of the unit vectors of a document's chunks that have any."""


class AuditReader(base.Reader, Protocol):
    """One committed state, as far as an audit needs it."""

    @property
    def chunks(self) -> StoredChunks:
        """The chunks and vectors of this state."""

    def inspect(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of SQL in the back end's own dialect."""


def verify_reader(reader: AuditReader) -> Iterator[Problem]:
    """Yield what is wrong with the documents of one committed state; one document in memory at a time."""
    try:
        reader.adapter()
    except (CorruptError, ValueError) as error:
        yield Problem("adapter", "", str(error))
    try:
        reader.chunks.quantizer()
    except CorruptError as error:
        yield Problem("quantizer", "", str(error))
    dimension = reader.fingerprint.dimension if reader.fingerprint else 0
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
        yield from _check_vectors(document.source, rows, vectors, dimension=dimension)
        yield from _check_units(document.source, units, dimension=dimension)


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


def count_problems(
    reader: AuditReader, *, vectors: int, totals: Mapping[str, str], orphans: Mapping[str, str]
) -> Iterator[str]:
    """Yield what the totals of a state and its rows do not agree on.

    vectors: the vectors that its chunks have. totals: for each field of `Counts`, SQL that counts its rows. orphans:
    for each fault, SQL that returns the rows that have it.
    """
    counts = reader.counts()
    if vectors != counts.chunks:
        yield f"{counts.chunks:,} chunks have {vectors:,} vectors"
    for name, sql in totals.items():
        counted = reader.inspect(sql)[0][0]
        if counted != getattr(counts, name):
            yield f"{counted:,} {name} exist, and the total says {getattr(counts, name):,}"
    for what, sql in orphans.items():
        found = reader.inspect(sql)
        if found:
            yield f"{len(found):,} times {what}, first {found[0][0]}"
