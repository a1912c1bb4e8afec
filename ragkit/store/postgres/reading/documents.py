"""Reading documents and the states of their files: all from one committed state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from ragkit.store.encoding import (
    DocumentRecord,
    decode_blocks,
    decode_headings,
    decode_info,
    decode_pages,
    encode_root,
    whole_document,
)
from ragkit.store.filters import Filter, check_about_documents
from ragkit.store.metadata import decode_metadata
from ragkit.store.postgres.encoding import is_storable, source_key
from ragkit.store.postgres.reading.kept import Kept
from ragkit.store.postgres.reading.snapshot import Row, Snapshot, plain_ids
from ragkit.store.postgres.schema import KEY_START, SOURCE_START
from ragkit.store.postgres.where import filter_sql
from ragkit.store.rows import DocumentRow, StructureRow
from ragkit.types.collection import DocumentInfo, FileState
from ragkit.types.documents import Document, Page

_RECORD: Final = "d.title, d.sha256, d.media_type, d.metadata, t.digest, t.pages, t.headings, t.blocks, t.warnings"
_WHOLE: Final = "documents AS d JOIN texts AS t ON t.collection = d.collection AND t.document_id = d.id"
_INFO: Final = f"""SELECT d.source, d.title, d.sha256, d.media_type, d.characters, d.pages, d.chunks, d.generation,
    d.updated_at, d.metadata, t.warnings FROM {_WHOLE} WHERE d.collection = $1"""
_BY_SOURCE: Final = f'"left"(d.source, {SOURCE_START}), d.source'
_START: Final = f'"left"(key, {KEY_START})'
# One look-up a key, not one a row: PostgreSQL has no loose index scan of its own. The index holds the start of a key.
_METADATA_KEYS: Final = f"""
WITH RECURSIVE starts (start) AS (
  SELECT min({_START}) FROM metadata WHERE collection = $1
  UNION ALL
  SELECT (SELECT min({_START}) FROM metadata WHERE collection = $1 AND {_START} > starts.start) FROM starts
  WHERE starts.start IS NOT NULL
)
SELECT start AS key FROM starts WHERE length(start) < {KEY_START}
UNION
SELECT key FROM metadata WHERE collection = $1
  AND {_START} IN (SELECT start FROM starts WHERE length(start) = {KEY_START})
ORDER BY key
"""
_ROW: Final = f"SELECT d.id, d.source, d.title, d.sha256, d.media_type, d.metadata, t.pages FROM {_WHOLE}"
DOCUMENTS_OF_CHUNKS: Final = f"""{_ROW} WHERE d.collection = $1 AND d.id IN (
  SELECT c.document_id FROM chunks AS c WHERE c.collection = $1 AND c.id = ANY ($2::bigint[]))"""
"""The rows of `Snapshot.documents` for some chunks."""
_FILE: Final = "path, source, size, mtime_ns, ctime_ns, sha256, extractor, reason, detail"


class DocumentReader:
    """The documents of one committed state; see `ragkit.store.base.DocumentReader`.

    kept: what the readers of the collection share.
    """

    def __init__(self, snapshot: Snapshot, *, kept: Kept) -> None:
        self._snapshot = snapshot
        self._kept = kept

    def infos(
        self,
        *,
        prefix: str = "",
        where: Filter | None = None,
        newest: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[DocumentInfo]:
        """Return documents by source, or those that were written last first; `limit` None means all."""
        if not is_storable(prefix):
            return []
        clause = "starts_with(d.source, $2)"
        bindings: list[Any] = [prefix]
        if where is not None:
            check_about_documents(where)
            condition, bindings = filter_sql(where, bindings)
            clause = f"{clause} AND {condition}"
        order = "d.updated_us DESC, d.source" if newest else _BY_SOURCE
        part = f"LIMIT ${len(bindings) + 2} OFFSET ${len(bindings) + 3}"
        rows = self._snapshot.rows(
            f"{_INFO} AND {clause} ORDER BY {order} {part}",
            (*bindings, None if limit is None else max(limit, 0), max(offset, 0)),
        )
        return [decode_info(row) for row in rows]

    def info(self, source: str) -> DocumentInfo:
        """Return the listing entry of one document; raises NotFoundError."""
        return decode_info(self._by_source(f"{_INFO} AND d.source_key = $2", source))

    def get(self, source: str) -> Document:
        """Return a whole document, equal to the one that was put; NotFoundError, or CorruptError by its hash."""
        row = self._by_source(
            f"SELECT {_RECORD}, t.text FROM {_WHOLE} WHERE d.collection = $1 AND d.source_key = $2", source
        )
        return whole_document(source, DocumentRecord(*row[:9]), row[9])

    def sources(self) -> list[str]:
        """Return the source of every document, in the order they were first stored."""
        rows = self._snapshot.rows("SELECT source FROM documents WHERE collection = $1 ORDER BY id")
        return [row[0] for row in rows]

    def digests(self) -> dict[str, str]:
        """Return the hex SHA-256 of every document's file, by source."""
        return dict(self._snapshot.rows("SELECT source, sha256 FROM documents WHERE collection = $1"))

    def metadata_keys(self) -> list[str]:
        """Return the metadata keys that filters can find documents by, each once, sorted."""
        revision = self._snapshot.revision
        keys = self._kept.keys(revision)
        if keys is None:
            keys = [row[0] for row in self._snapshot.rows(_METADATA_KEYS)]
            self._kept.keep_keys(revision, keys)
        return keys

    def iterate(self) -> Iterator[Document]:
        """Yield every document whole, in the order they were first stored, one in memory at a time."""
        last = 0
        while rows := self._snapshot.rows(
            f"""SELECT {_RECORD}, t.text, d.source, d.id FROM {_WHOLE}
            WHERE d.collection = $1 AND d.id > $2 ORDER BY d.id LIMIT 1""",
            (last,),
        ):
            (row,) = rows
            last = row[11]
            yield whole_document(row[10], DocumentRecord(*row[:9]), row[9])

    def rows(self, ids: Sequence[int]) -> dict[int, DocumentRow]:
        """Return documents by id, without their text; unknown ids are left out."""
        wanted = plain_ids(ids)
        known = self._snapshot.documents
        rows = [known[number] for number in wanted if number in known]
        missing = [number for number in wanted if number not in known]
        if missing:
            rows += self._snapshot.rows(
                """SELECT id, source, title, sha256, media_type, metadata FROM documents
                WHERE collection = $1 AND id = ANY ($2::bigint[])""",
                (missing,),
            )
        found = {row[0]: DocumentRow(*(*row[:5], decode_metadata(row[5]))) for row in rows}
        return {number: found[number] for number in wanted if number in found}

    def text(self, document_id: int) -> str:
        """Return the text of a document; raises NotFoundError."""
        text: str = self._of("text", document_id)
        return text

    def text_slice(self, document_id: int, start: int, end: int) -> str:
        """Return `document.text[start:end]` without reading the whole text into Python; raises NotFoundError."""
        text: str = self._of("substr(text, $3, $4)", document_id, start + 1, max(end - start, 0))
        return text

    def pages(self, document_id: int) -> tuple[Page, ...]:
        """Return the page table of a document; raises NotFoundError."""
        known = self._snapshot.documents.get(document_id)
        return decode_pages(self._of("pages", document_id) if known is None else known[6])

    def structure(self, source: str) -> StructureRow:
        """Return the pages, headings and blocks of a document without its text; raises NotFoundError."""
        row = self._by_source(
            f"""SELECT d.id, d.characters, t.pages, t.headings, t.blocks FROM {_WHOLE}
            WHERE d.collection = $1 AND d.source_key = $2""",
            source,
        )
        return StructureRow(row[0], row[1], decode_pages(row[2]), decode_headings(row[3]), decode_blocks(row[4]))

    def _by_source(self, sql: str, source: str) -> Row:
        return self._snapshot.document_row(sql, (source_key(source) if is_storable(source) else b"",), source)

    def _of(self, column: str, document_id: int, *bindings: int) -> Any:
        sql = f"SELECT {column} FROM texts WHERE collection = $1 AND document_id = $2"
        return self._snapshot.document_row(sql, (document_id, *bindings), document_id)[0]


class FileReader:
    """The states of ingested files, in one committed state; see `ragkit.store.base.FileReader`."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def below(self, root: str) -> dict[bytes, FileState]:
        """Return the recorded states of the files below a root, by path."""
        rows = self._snapshot.rows(
            f"SELECT {_FILE} FROM files WHERE collection = $1 AND root = $2", (encode_root(root),)
        )
        return {row[0]: FileState(root, *row) for row in rows}

    def of(self, source: str) -> list[FileState]:
        """Return the recorded states of the files of the document `source`, usually one."""
        if not source or not is_storable(source):
            return []
        rows = self._snapshot.rows(
            f"SELECT root, {_FILE} FROM files WHERE collection = $1 AND source_key = $2 ORDER BY root, path",
            (source_key(source),),
        )
        return [FileState(row[0].decode("utf-8", "surrogateescape"), *row[1:]) for row in rows]

    def roots(self) -> list[str]:
        """Return the roots that files were ingested from."""
        rows = self._snapshot.rows("SELECT DISTINCT root FROM files WHERE collection = $1 ORDER BY root")
        return [row[0].decode("utf-8", "surrogateescape") for row in rows]
