"""Put one document into the tables: delete its old chunks, insert the new ones, store vectors by content hash."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import StoreError
from ragkit.store.base import Outcome
from ragkit.store.encoding import (
    DocumentRecord,
    encode_matrix,
    encode_spans,
    encode_unit_vectors,
)
from ragkit.store.filters import kind_of
from ragkit.store.metadata import decode_metadata
from ragkit.store.runs import Change, ChunkedDocument, Stamp
from ragkit.store.sqlite.session import Session
from ragkit.types.documents import Chunk, Document

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
        document_id = _insert(session, document, record, size, stamp)
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
        _insert_chunks(session, change, document_id, cut)
    return "added" if old is None else "changed"


def store_vectors(
    session: Session, change: Change, hashes: Sequence[bytes], vectors: Vectors, units: Sequence[Vectors | None] = ()
) -> int:
    """Store the vectors that are missing, as float16; return the id of the fingerprint's row."""
    fingerprint_id = session.fingerprint_id()
    connection = session.connection
    before = connection.total_changes()
    blobs = [row.tobytes() for row in vectors.astype("<f2")]
    connection.executemany(
        "INSERT INTO vectors (fingerprint, hash, crc, vector) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        ((fingerprint_id, key, zlib.crc32(blob), blob) for key, blob in zip(hashes, blobs, strict=True)),
    )
    change.vectors += connection.total_changes() - before
    if units:
        connection.executemany(
            """INSERT INTO unit_vectors (vector_id, crc, body) SELECT id, ?, ? FROM vectors
            WHERE fingerprint = ? AND hash = ? ON CONFLICT DO UPDATE SET crc = excluded.crc, body = excluded.body
            WHERE body <> excluded.body OR crc <> excluded.crc""",
            (
                (zlib.crc32(body), body, fingerprint_id, key)
                for key, body in (
                    (key, encode_unit_vectors(rows))
                    for key, rows in zip(hashes, units, strict=True)
                    if rows is not None and len(rows)
                )
            ),
        )
    return fingerprint_id


def drop_chunks(session: Session, change: Change, document_id: int) -> None:
    """Delete a document's chunks and log their ids, so that search indexes can apply the deletion."""
    session.connection.execute(
        "INSERT INTO removed_chunks SELECT ?, id FROM chunks WHERE document_id = ?", (session.revision + 1, document_id)
    )
    change.chunks -= session.connection.changes()
    session.connection.execute("DELETE FROM chunks WHERE document_id = ?", (document_id,))


def _find(session: Session, source: str) -> _Old | None:
    rows = session.rows(
        """SELECT d.id, d.characters, d.pages, d.title, d.sha256, d.media_type, d.metadata, t.digest, t.pages,
        t.headings, t.blocks, t.warnings FROM documents AS d JOIN texts AS t ON t.document_id = d.id
        WHERE d.source = ?""",
        (source,),
    )
    return _Old(*(*rows[0][:3], DocumentRecord(*rows[0][3:]))) if rows else None


def _keeps_chunks(session: Session, old: _Old, record: DocumentRecord, chunks: Sequence[Chunk]) -> bool:
    """Tell whether the stored chunks equal these: same text and title (both are searched), same model."""
    if session.repinned or (old.record.digest, old.record.title) != (record.digest, record.title):
        return False
    stored = session.rows(
        """SELECT c.ordinal, c.start, c."end", c.page, c.page_end, c.tokens, p.context, p.heading, p.units
        FROM chunks AS c JOIN passages AS p ON p.chunk_id = c.id WHERE c.document_id = ? ORDER BY c.ordinal""",
        (old.id,),
    )
    return stored == [(*_numbers(chunk), chunk.context, chunk.heading, encode_spans(chunk.units)) for chunk in chunks]


def _numbers(chunk: Chunk) -> tuple[int | None, ...]:
    return chunk.ordinal, chunk.start, chunk.end, chunk.page, chunk.page_end, chunk.tokens


def _insert(session: Session, document: Document, record: DocumentRecord, size: tuple[int, ...], stamp: Stamp) -> int:
    session.connection.execute(
        """INSERT INTO documents (source, title, sha256, media_type, metadata, characters, pages, chunks, generation,
        updated_at, updated_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (document.source, record.title, record.sha256, record.media_type, record.metadata, *size, *stamp),
    )
    return int(session.connection.last_insert_rowid())


def _update(session: Session, document_id: int, record: DocumentRecord, size: tuple[int, ...], stamp: Stamp) -> None:
    session.connection.execute(
        """UPDATE documents SET title = ?, sha256 = ?, media_type = ?, metadata = ?, characters = ?, pages = ?,
        chunks = ?, generation = ?, updated_at = ?, updated_us = ? WHERE id = ?""",
        (record.title, record.sha256, record.media_type, record.metadata, *size, *stamp, document_id),
    )


def _write_details(session: Session, document: Document, document_id: int, record: DocumentRecord) -> None:
    run = session.connection.execute
    run(
        "INSERT OR REPLACE INTO texts VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            document_id,
            record.digest,
            record.pages,
            record.headings,
            record.blocks,
            record.warnings,
            document.text,
        ),
    )
    run("DELETE FROM metadata WHERE document_id = ?", (document_id,))
    for key, value in decode_metadata(record.metadata).items():
        for item in value if isinstance(value, tuple) else (value,):
            run("INSERT OR IGNORE INTO metadata VALUES (?, ?, ?, ?)", (key, *kind_of(item), document_id))


def _insert_chunks(session: Session, change: Change, document_id: int, cut: ChunkedDocument) -> None:
    if not cut.chunks:
        return
    hashes = cut.hashes
    fingerprint_id = store_vectors(session, change, hashes, cut.vectors, cut.units)
    session.connection.executemany(
        """INSERT INTO chunks (document_id, ordinal, start, "end", page, page_end, tokens, vector_id)
        SELECT ?, ?, ?, ?, ?, ?, ?, id FROM vectors WHERE fingerprint = ? AND hash = ?""",
        ((document_id, *_numbers(chunk), fingerprint_id, key) for chunk, key in zip(cut.chunks, hashes, strict=True)),
    )
    ids = session.rows("SELECT id FROM chunks WHERE document_id = ? ORDER BY ordinal", (document_id,))
    if len(ids) != len(cut.chunks):
        raise StoreError("a vector went missing between two statements", cure="run: ragkit doctor")
    session.connection.executemany(
        "INSERT INTO passages VALUES (?, ?, ?, ?, ?)",
        (
            (chunk_id, chunk.context, chunk.heading, encode_spans(chunk.units), chunk.text)
            for (chunk_id,), chunk in zip(ids, cut.chunks, strict=True)
        ),
    )
    change.chunks += len(ids)


def store_adapter(session: Session, matrix: NDArray[np.float32], evidence: Mapping[str, Any]) -> None:
    """Insert the query adapter, within a transaction."""
    crc, blob = encode_matrix(matrix)
    session.connection.execute(
        "INSERT INTO adapters (fingerprint, created_at, crc, evidence, matrix) VALUES (?, ?, ?, ?, ?)",
        (session.need_fingerprint().id, str(evidence["created_at"]), crc, json.dumps(evidence), blob),
    )
