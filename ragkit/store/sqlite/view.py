"""Reading documents, runs and files: every answer of one view comes from one committed state of the database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import apsw
import numpy as np
from numpy.typing import NDArray

from ragkit.errors import CorruptError, NotFoundError, StoreError
from ragkit.index.dense.quantizer import Quantizer
from ragkit.store.rows import AdapterRow, Counts, DocumentRow, text_digest
from ragkit.store.sqlite.connection import translate
from ragkit.store.sqlite.encoding import (
    DocumentRecord,
    decode_adapter,
    decode_document,
    decode_fingerprint,
    decode_metadata,
    is_text,
)
from ragkit.store.sqlite.quantizers import decode_quantizer, quantizer_query
from ragkit.text.cleaning import show
from ragkit.types.collection import DocumentInfo, FileState, Fingerprint, Generation
from ragkit.types.documents import Document, Page

_STATE: Final = """
SELECT s.identity, s.revision, s.generation, s.floor, s.documents, s.chunks, s.characters, s.pages, s.vectors,
  s.pinned, f.id, f.body
FROM state AS s LEFT JOIN fingerprints AS f ON f.id = s.fingerprint
"""
_RECORD: Final = "d.title, d.sha256, d.media_type, d.metadata, t.digest, t.pages, t.headings, t.blocks, t.warnings"
_INFO: Final = """source, title, sha256, media_type, characters, pages, chunks, generation, updated_at, metadata,
    (SELECT warnings FROM texts WHERE document_id = documents.id)"""


class View:
    """The documents, runs and files of one committed state; `Reader` adds chunks and vectors.

    identity: of this collection, wherever its folder is moved to; another for one that was made anew or restored.
    revision: grows by one with every committed transaction that changed documents. generation: the last committed run.
    pinned: the chunk settings and model name of the first write, None before it; fingerprint likewise.
    units: where a reader keeps unit vectors for the next one of the same collection.
    """

    def __init__(self, connection: apsw.Connection, path: Path, *, units: dict[int, bytes] | None = None) -> None:
        self._connection: apsw.Connection | None = connection
        self._units = {} if units is None else units
        self._path = path
        self.broken = False  # SQLite failed, so the connection is not to be used again
        rows = self._rows(_STATE)  # the first read of the transaction fixes what all later ones see
        if len(rows) != 1:
            raise CorruptError("the collection has lost its state row", cure="restore a backup (ragkit restore)")
        state = rows[0]
        self.identity: str = state[0]
        self.revision: int = state[1]
        self.generation: int = state[2]
        self._floor: int = state[3]
        self._totals: tuple[int, ...] = state[4:9]
        self.pinned: Mapping[str, Any] | None = None if state[9] is None else json.loads(state[9])
        self._fingerprint_id: int | None = state[10]
        self.fingerprint: Fingerprint | None = None if state[11] is None else decode_fingerprint(state[11])

    def expire(self) -> None:
        """Forbid further use, because the transaction has ended."""
        self._connection = None

    def counts(self) -> Counts:
        """Return the totals; they are maintained by every write, so this reads nothing."""
        documents, chunks, characters, pages, stored = self._totals
        return Counts(documents, chunks, chunks, characters, pages, stored)

    def documents(self, *, prefix: str = "", limit: int | None = None, offset: int = 0) -> list[DocumentInfo]:
        """Return documents by source, in code-point order; `prefix` is of the source, `limit` None means all."""
        where, bindings = _prefix_clause(prefix)
        rows = self._rows(
            f"SELECT {_INFO} FROM documents {where} ORDER BY source LIMIT ? OFFSET ?",
            (*bindings, -1 if limit is None else max(limit, 0), max(offset, 0)),
        )
        return [_info(row) for row in rows]

    def document_info(self, source: str) -> DocumentInfo:
        """Return what a listing shows of one document; raises NotFoundError."""
        return _info(self._found(f"SELECT {_INFO} FROM documents WHERE source = ?", (source,), source))

    def document(self, source: str) -> Document:
        """Return a whole document, equal to the one that was put; NotFoundError, or CorruptError by its hash."""
        row = self._found(
            f"SELECT {_RECORD}, t.text FROM documents AS d JOIN texts AS t ON t.document_id = d.id WHERE d.source = ?",
            (source,),
            source,
        )
        return _whole(source, DocumentRecord(*row[:9]), row[9])

    def sources(self) -> list[str]:
        """Return the source of every document, in the order they were first stored."""
        return [row[0] for row in self._rows("SELECT source FROM documents ORDER BY id")]

    def iter_documents(self) -> Iterator[Document]:
        """Yield every document whole, in the order they were first stored, one in memory at a time."""
        last = 0
        while rows := self._rows(
            f"""SELECT {_RECORD}, t.text, d.source, d.id FROM documents AS d JOIN texts AS t ON t.document_id = d.id
            WHERE d.id > ? ORDER BY d.id LIMIT 1""",
            (last,),
        ):
            (row,) = rows
            last = row[11]
            yield _whole(row[10], DocumentRecord(*row[:9]), row[9])

    def document_rows(self, ids: Sequence[int]) -> dict[int, DocumentRow]:
        """Return documents by id, without their text; unknown ids are left out."""
        rows = self._rows(
            """SELECT d.id, d.source, d.title, d.sha256, d.media_type, d.metadata
            FROM json_each(?) AS j CROSS JOIN documents AS d ON d.id = j.value""",
            (id_list(ids),),
        )
        return {row[0]: DocumentRow(*(*row[:5], decode_metadata(row[5]))) for row in rows}

    def document_text(self, document_id: int) -> str:
        """Return the text of a document; raises NotFoundError."""
        text: str = self._found("SELECT text FROM texts WHERE document_id = ?", (document_id,), document_id)[0]
        return text

    def text_slice(self, document_id: int, start: int, end: int) -> str:
        """Return `document.text[start:end]` without reading the whole text into Python; raises NotFoundError."""
        sql = "SELECT substr(text, ?, ?) FROM texts WHERE document_id = ?"
        text: str = self._found(sql, (start + 1, max(end - start, 0), document_id), document_id)[0]
        return text

    def pages(self, document_id: int) -> tuple[Page, ...]:
        """Return the page table of a document; raises NotFoundError."""
        row = self._found("SELECT pages FROM texts WHERE document_id = ?", (document_id,), document_id)
        return _pages(row[0])

    def page_labels(self, document_id: int) -> tuple[str | None, ...]:
        """Return the printed label of every page of a document, page 1 first; raises NotFoundError."""
        row = self._found("SELECT pages FROM texts WHERE document_id = ?", (document_id,), document_id)
        return tuple(page.label for page in _pages(row[0]))

    def generations(self) -> list[Generation]:
        """Return every run that changed the collection, oldest first."""
        rows = self._rows(
            """SELECT number, started_at, finished_at, kind, added, changed, removed, model, fingerprint, extractor,
            settings FROM generations ORDER BY number"""
        )
        return [Generation(*(*row[:10], json.loads(row[10]))) for row in rows]

    def files(self, root: str) -> dict[bytes, FileState]:
        """Return what ingest last knew of the files below a root, by path."""
        rows = self._rows(
            """SELECT path, source, size, mtime_ns, ctime_ns, sha256, extractor, reason, detail FROM files
            WHERE root = ?""",
            (encode_root(root),),
        )
        return {row[0]: FileState(root, *row) for row in rows}

    def roots(self) -> list[str]:
        """Return the roots that files were ingested from."""
        rows = self._rows("SELECT DISTINCT root FROM files ORDER BY root")
        return [row[0].decode("utf-8", "surrogateescape") for row in rows]

    def adapter_id(self) -> int | None:
        """Return the id of the query adapter for the collection's model, None when there is none."""
        if self.fingerprint is None:
            return None
        rows = self._rows("SELECT id FROM adapters WHERE fingerprint = ?", (self.fingerprint.id,))
        return int(rows[0][0]) if rows else None

    def adapter(self) -> AdapterRow | None:
        """Return the query adapter for the collection's model, None when there is none; CorruptError by its checksum.

        It maps a query vector q to matrix @ q.
        """
        if self.fingerprint is None:
            return None
        rows = self._rows(
            "SELECT id, fingerprint, created_at, evidence, crc, matrix FROM adapters WHERE fingerprint = ?",
            (self.fingerprint.id,),
        )
        return decode_adapter(rows[0], self.fingerprint.dimension) if rows else None

    def quantizer_number(self) -> int:
        """Return the number of the quantizer for the collection's model, 0 when there is none."""
        if self.fingerprint is None:
            return 0
        rows = self._rows("SELECT id FROM quantizers WHERE fingerprint = ?", (self.fingerprint.id,))
        return int(rows[0][0]) if rows else 0

    def quantizer(self) -> Quantizer | None:
        """Return the quantizer for the collection's model, None when there is none; CorruptError by its checksum."""
        if self.fingerprint is None:
            return None
        rows = self._rows(*quantizer_query(self.fingerprint))
        return decode_quantizer(rows[0], self.fingerprint.dimension) if rows else None

    def inspect(self, sql: str) -> list[tuple[Any, ...]]:
        """Run SQL of your own, without values, on this read-only transaction: for audits."""
        return self._rows(sql)

    def _rows(self, sql: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if self._connection is None:
            raise StoreError("this reader's transaction has ended", cure="use it inside `with store.read()`")
        try:
            return self._connection.execute(sql, bindings).fetchall()
        except apsw.Error as error:
            self.broken = True
            raise translate(error, self._path, writing=False) from error

    def _found(self, sql: str, bindings: Sequence[Any], what: object) -> tuple[Any, ...]:
        rows = self._rows(sql, bindings) if not isinstance(what, str) or is_text(what) else []
        if not rows:
            name = repr(show(what, 120)) if isinstance(what, str) else f"number {what}"
            raise NotFoundError(f"there is no document {name}", cure="list them with: ragkit documents")
        return rows[0]


@lru_cache(maxsize=256)
def _pages(stored: str) -> tuple[Page, ...]:
    """Read a page table; those of documents that are found again and again are kept."""
    return tuple(Page(start, label) for start, label in json.loads(stored))


def encode_root(root: str) -> bytes:
    """Return a root as bytes: names in a file system need not be text."""
    return root.encode("utf-8", "surrogateescape")


def _whole(source: str, record: DocumentRecord, text: str) -> Document:
    if text_digest(text) != record.digest:
        raise CorruptError(
            f"the stored text of {show(source, 120)!r} does not have its hash",
            cure="restore a backup, or ingest it again",
        )
    return decode_document(source, record, text)


def _info(row: tuple[Any, ...]) -> DocumentInfo:
    return DocumentInfo(*(*row[:9], decode_metadata(row[9]), tuple(json.loads(row[10]))))


def id_list(ids: Sequence[int] | NDArray[np.int64]) -> str:
    """Return ids as the JSON that json_each takes."""
    return json.dumps(ids.tolist() if isinstance(ids, np.ndarray) else [int(item) for item in ids])


def _prefix_clause(prefix: str) -> tuple[str, tuple[str, ...]]:
    """Return a range over the index of sources; LIKE would read every one of them, and give _ and % a meaning."""
    if not prefix:
        return "", ()
    head = prefix.rstrip("\U0010ffff")
    if not head:
        return "WHERE source >= ?", (prefix,)
    after = ord(head[-1]) + 1
    end = head[:-1] + chr(0xE000 if 0xD800 <= after <= 0xDFFF else after)
    return "WHERE source >= ? AND source < ?", (prefix, end)
