"""Put one document into the tables: delete its old chunks, insert the new ones, store vectors by content hash."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.index.pgvector.sql import keeps_terms
from ragkit.index.pgvector.writing import add_terms, drop_terms
from ragkit.store.base import Outcome
from ragkit.store.encoding import DocumentRecord, encode_matrix, encode_spans, encode_unit_vectors
from ragkit.store.postgres.connection import HalfVector
from ragkit.store.postgres.encoding import acl_column, metadata_rows, source_key
from ragkit.store.postgres.session import Session
from ragkit.store.runs import Change, ChunkedDocument, Stamp
from ragkit.types.documents import Chunk, ChunkText, Document

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Old:
    """A document as it is stored."""

    id: int
    characters: int
    pages: int
    record: DocumentRecord


def put_document(
    session: Session, change: Change, document: Document, record: DocumentRecord, *, cut: ChunkedDocument
) -> Outcome:
    """Insert or replace a document; an equal document that is stored already is not written."""
    old = _find(session, document.source)
    keeps_chunks = old is not None and _keeps_chunks(session, old, record, cut.chunks)
    if old is not None and keeps_chunks and old.record == record:
        return "unchanged"
    stamp = session.touch(change)
    size = (len(document.text), len(document.pages), len(cut.chunks))
    change.characters += size[0] - (old.characters if old else 0)
    change.pages += size[1] - (old.pages if old else 0)
    if old is None:
        (document_id,) = session.new_ids("document", 1)
        _insert(session, document, record, number=document_id, values=(*size, *stamp))
        change.added += 1
        change.documents += 1
    else:
        document_id = old.id
        _update(session, document_id, record, size, stamp)
        change.changed += 1
    if old is None or old.record != record:
        _write_details(session, document, document_id, record)
    if not keeps_chunks:
        if old is not None:
            drop_chunks(session, change, document_id)
        _insert_chunks(session, change, document_id, record.title, cut)
    return "added" if old is None else "changed"


def store_vectors(
    session: Session, change: Change, hashes: Sequence[bytes], vectors: Vectors, units: Sequence[Vectors | None] = ()
) -> dict[bytes, int]:
    """Store the vectors that are missing, as float16; return the ids of all of them by hash."""
    fingerprint_id = session.fingerprint_id()
    ids: dict[bytes, int] = dict(
        session.rows(
            "SELECT hash, id FROM vectors WHERE collection = $1 AND fingerprint = $2 AND hash = ANY ($3::bytea[])",
            (fingerprint_id, list(hashes)),
        )
    )
    blobs = {key: row.tobytes() for key, row in zip(hashes, vectors.astype("<f2"), strict=True) if key not in ids}
    fresh = dict(zip(blobs, session.new_ids("vector", len(blobs)), strict=True)) if blobs else {}
    change.vectors += session.run_for_each(
        "INSERT INTO vectors VALUES ($1, $2, $3, $4, $5, $6)",
        [(fresh[key], fingerprint_id, key, zlib.crc32(blob), HalfVector(blob)) for key, blob in blobs.items()],
    )
    ids |= fresh
    if units:
        bodies = {
            ids[key]: encode_unit_vectors(rows)
            for key, rows in zip(hashes, units, strict=True)
            if rows is not None and len(rows)
        }
        session.run_for_each(
            """INSERT INTO unit_vectors AS u VALUES ($1, $2, $3, $4)
            ON CONFLICT (collection, vector_id) DO UPDATE SET crc = excluded.crc, body = excluded.body
            WHERE u.body <> excluded.body OR u.crc <> excluded.crc""",
            [(number, zlib.crc32(body), body) for number, body in bodies.items()],
        )
    return ids


def drop_chunks(session: Session, change: Change, document_id: int) -> None:
    """Delete a document's chunks and log their ids, so that search indexes can apply the deletion."""
    if keeps_terms(session):
        drop_terms(session, document_id)
    change.chunks -= session.run(
        """INSERT INTO removed_chunks SELECT collection, $2::bigint, id FROM chunks
        WHERE collection = $1 AND document_id = $3""",
        (session.revision + 1, document_id),
    )
    session.run("DELETE FROM chunks WHERE collection = $1 AND document_id = $2", (document_id,))


def store_adapter(session: Session, matrix: NDArray[np.float32], evidence: Mapping[str, Any]) -> None:
    """Insert the query adapter, within a transaction."""
    crc, blob = encode_matrix(matrix)
    (number,) = session.new_ids("adapter", 1)
    session.run(
        "INSERT INTO adapters VALUES ($1, $2, $3, $4, $5, $6, $7)",
        (number, session.need_fingerprint().id, str(evidence["created_at"]), crc, json.dumps(evidence), blob),
    )


def _find(session: Session, source: str) -> _Old | None:
    rows = session.rows(
        """SELECT d.id, d.characters, d.pages, d.title, d.sha256, d.media_type, d.metadata, t.digest, t.pages,
        t.headings, t.blocks, t.warnings
        FROM documents AS d JOIN texts AS t ON t.collection = d.collection AND t.document_id = d.id
        WHERE d.collection = $1 AND d.source_key = $2""",
        (source_key(source),),
    )
    return _Old(*(*rows[0][:3], DocumentRecord(*rows[0][3:]))) if rows else None


def _keeps_chunks(session: Session, old: _Old, record: DocumentRecord, chunks: Sequence[Chunk]) -> bool:
    """Tell whether the stored chunks equal these: same text and title (both are searched), same model."""
    if session.repinned or (old.record.digest, old.record.title) != (record.digest, record.title):
        return False
    stored = session.rows(
        """SELECT c.ordinal, c.start, c."end", c.page, c.page_end, c.tokens, p.context, p.heading, p.units
        FROM chunks AS c JOIN passages AS p ON p.collection = c.collection AND p.chunk_id = c.id
        WHERE c.collection = $1 AND c.document_id = $2 ORDER BY c.ordinal""",
        (old.id,),
    )
    return stored == [(*_numbers(chunk), chunk.context, chunk.heading, encode_spans(chunk.units)) for chunk in chunks]


def _numbers(chunk: Chunk) -> tuple[int | None, ...]:
    return chunk.ordinal, chunk.start, chunk.end, chunk.page, chunk.page_end, chunk.tokens


def _insert(
    session: Session, document: Document, record: DocumentRecord, *, number: int, values: tuple[Any, ...]
) -> None:
    """Insert a document's row. values: characters, pages, chunks and the stamp."""
    source = document.source
    session.run(
        "INSERT INTO documents VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        (
            number,
            source_key(source),
            source,
            record.title,
            record.sha256,
            record.media_type,
            record.metadata,
            *values,
            acl_column(record.metadata),
        ),
    )


def _update(session: Session, document_id: int, record: DocumentRecord, size: tuple[int, ...], stamp: Stamp) -> None:
    session.run(
        """UPDATE documents SET title = $3, sha256 = $4, media_type = $5, metadata = $6, characters = $7, pages = $8,
        chunks = $9, generation = $10, updated_at = $11, updated_us = $12, acl = $13
        WHERE collection = $1 AND id = $2""",
        (
            document_id,
            record.title,
            record.sha256,
            record.media_type,
            record.metadata,
            *size,
            *stamp,
            acl_column(record.metadata),
        ),
    )


def _write_details(session: Session, document: Document, document_id: int, record: DocumentRecord) -> None:
    session.run("DELETE FROM texts WHERE collection = $1 AND document_id = $2", (document_id,))
    session.run(
        "INSERT INTO texts VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        (document_id, record.digest, record.pages, record.headings, record.blocks, record.warnings, document.text),
    )
    session.run("DELETE FROM metadata WHERE collection = $1 AND document_id = $2", (document_id,))
    session.run_for_each(
        "INSERT INTO metadata VALUES ($1, $2, $3, $4, $5, $6)",
        [(document_id, *row) for row in metadata_rows(record.metadata)],
    )


def _insert_chunks(session: Session, change: Change, document_id: int, title: str, cut: ChunkedDocument) -> None:
    if not cut.chunks:
        return
    hashes = cut.hashes
    vectors = store_vectors(session, change, hashes, cut.vectors, cut.units)
    ids = session.new_ids("chunk", len(cut.chunks))
    change.chunks += session.run_for_each(
        "INSERT INTO chunks VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        [
            (number, document_id, *_numbers(chunk), vectors[key])
            for number, chunk, key in zip(ids, cut.chunks, hashes, strict=True)
        ],
    )
    session.run_for_each(
        "INSERT INTO passages VALUES ($1, $2, $3, $4, $5, $6)",
        [
            (number, chunk.context, chunk.heading, encode_spans(chunk.units), chunk.text)
            for number, chunk in zip(ids, cut.chunks, strict=True)
        ],
    )
    if keeps_terms(session):
        searched = [ChunkText(title, chunk.context or chunk.heading, chunk.text, chunk.units) for chunk in cut.chunks]
        add_terms(session, ids, searched)
