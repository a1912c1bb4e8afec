"""Reading documents and the states of their files: all from one committed state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

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
from ragkit.store.rows import DocumentRow, StructureRow
from ragkit.store.sqlite.reading.snapshot import Snapshot, id_list
from ragkit.store.sqlite.where import filter_sql
from ragkit.types.collection import DocumentInfo, FileState
from ragkit.types.documents import Document, Page

_RECORD: Final = "d.title, d.sha256, d.media_type, d.metadata, t.digest, t.pages, t.headings, t.blocks, t.warnings"
_INFO: Final = """source, title, sha256, media_type, characters, pages, chunks, generation, updated_at, metadata,
    (SELECT warnings FROM texts WHERE document_id = d.id)"""
# One look-up a key, not one a row: SQLite has no loose index scan of its own.
_METADATA_KEYS: Final = """
WITH RECURSIVE keys (key) AS (
  SELECT min(key) FROM metadata
  UNION ALL SELECT (SELECT min(key) FROM metadata WHERE key > keys.key) FROM keys WHERE keys.key IS NOT NULL
)
SELECT key FROM keys WHERE key IS NOT NULL ORDER BY key
"""


class DocumentReader:
    """The documents of one committed state; see `ragkit.store.base.DocumentReader`."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

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
        clause, bindings = _prefix_clause(prefix)
        if where is not None:
            check_about_documents(where)
            condition, values = filter_sql(where)
            clause, bindings = f"{clause} AND {condition}", (*bindings, *values)
        order = "d.updated_us DESC, d.id DESC" if newest else "d.source"
        # The page is chosen first, from an index alone: what OFFSET leaves out costs no look-up in a table.
        rows = self._snapshot.rows(
            f"""SELECT {_INFO} FROM (SELECT d.id AS chosen FROM documents AS d WHERE {clause}
            ORDER BY {order} LIMIT ? OFFSET ?) JOIN documents AS d ON d.id = chosen ORDER BY {order}""",
            (*bindings, -1 if limit is None else max(limit, 0), max(offset, 0)),
        )
        return [decode_info(row) for row in rows]

    def info(self, source: str) -> DocumentInfo:
        """Return the listing entry of one document; raises NotFoundError."""
        return decode_info(
            self._snapshot.document_row(f"SELECT {_INFO} FROM documents AS d WHERE source = ?", (source,), source)
        )

    def get(self, source: str) -> Document:
        """Return a whole document, equal to the one that was put; NotFoundError, or CorruptError by its hash."""
        row = self._snapshot.document_row(
            f"SELECT {_RECORD}, t.text FROM documents AS d JOIN texts AS t ON t.document_id = d.id WHERE d.source = ?",
            (source,),
            source,
        )
        return whole_document(source, DocumentRecord(*row[:9]), row[9])

    def sources(self) -> list[str]:
        """Return the source of every document, in the order they were first stored."""
        return [row[0] for row in self._snapshot.rows("SELECT source FROM documents ORDER BY id")]

    def digests(self) -> dict[str, str]:
        """Return the hex SHA-256 of every document's file, by source."""
        return dict(self._snapshot.rows("SELECT source, sha256 FROM documents"))

    def metadata_keys(self) -> list[str]:
        """Return the metadata keys that filters can find documents by, each once, sorted."""
        return [row[0] for row in self._snapshot.rows(_METADATA_KEYS)]

    def iterate(self) -> Iterator[Document]:
        """Yield every document whole, in the order they were first stored, one in memory at a time."""
        last = 0
        while rows := self._snapshot.rows(
            f"""SELECT {_RECORD}, t.text, d.source, d.id FROM documents AS d JOIN texts AS t ON t.document_id = d.id
            WHERE d.id > ? ORDER BY d.id LIMIT 1""",
            (last,),
        ):
            (row,) = rows
            last = row[11]
            yield whole_document(row[10], DocumentRecord(*row[:9]), row[9])

    def rows(self, ids: Sequence[int]) -> dict[int, DocumentRow]:
        """Return documents by id, without their text; unknown ids are left out."""
        rows = self._snapshot.rows(
            """SELECT d.id, d.source, d.title, d.sha256, d.media_type, d.metadata
            FROM json_each(?) AS j CROSS JOIN documents AS d ON d.id = j.value""",
            (id_list(ids),),
        )
        return {row[0]: DocumentRow(*(*row[:5], decode_metadata(row[5]))) for row in rows}

    def text(self, document_id: int) -> str:
        """Return the text of a document; raises NotFoundError."""
        text: str = self._snapshot.document_row(
            "SELECT text FROM texts WHERE document_id = ?", (document_id,), document_id
        )[0]
        return text

    def text_slice(self, document_id: int, start: int, end: int) -> str:
        """Return `document.text[start:end]` without reading the whole text into Python; raises NotFoundError."""
        sql = "SELECT substr(text, ?, ?) FROM texts WHERE document_id = ?"
        text: str = self._snapshot.document_row(sql, (start + 1, max(end - start, 0), document_id), document_id)[0]
        return text

    def pages(self, document_id: int) -> tuple[Page, ...]:
        """Return the page table of a document; raises NotFoundError."""
        row = self._snapshot.document_row("SELECT pages FROM texts WHERE document_id = ?", (document_id,), document_id)
        return decode_pages(row[0])

    def structure(self, source: str) -> StructureRow:
        """Return the pages, headings and blocks of a document without its text; raises NotFoundError."""
        row = self._snapshot.document_row(
            """SELECT d.id, d.characters, t.pages, t.headings, t.blocks
            FROM documents AS d JOIN texts AS t ON t.document_id = d.id WHERE d.source = ?""",
            (source,),
            source,
        )
        return StructureRow(row[0], row[1], decode_pages(row[2]), decode_headings(row[3]), decode_blocks(row[4]))


class FileReader:
    """The states of ingested files, in one committed state; see `ragkit.store.base.FileReader`."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def below(self, root: str) -> dict[bytes, FileState]:
        """Return the recorded states of the files below a root, by path."""
        rows = self._snapshot.rows(
            """SELECT path, source, size, mtime_ns, ctime_ns, sha256, extractor, reason, detail FROM files
            WHERE root = ?""",
            (encode_root(root),),
        )
        return {row[0]: FileState(root, *row) for row in rows}

    def of(self, source: str) -> list[FileState]:
        """Return the recorded states of the files of the document `source`, usually one."""
        rows = self._snapshot.rows(
            """SELECT root, path, source, size, mtime_ns, ctime_ns, sha256, extractor, reason, detail FROM files
            WHERE source = ? ORDER BY root, path""",
            (source,),
        )
        return [FileState(row[0].decode("utf-8", "surrogateescape"), *row[1:]) for row in rows if source]

    def roots(self) -> list[str]:
        """Return the roots that files were ingested from."""
        rows = self._snapshot.rows("SELECT DISTINCT root FROM files ORDER BY root")
        return [row[0].decode("utf-8", "surrogateescape") for row in rows]


def _prefix_clause(prefix: str) -> tuple[str, tuple[str | int | float, ...]]:
    """Return a range over the index of sources; LIKE would read all of them, and treat _ and % as wildcards."""
    if not prefix:
        return "1", ()
    head = prefix.rstrip("\U0010ffff")
    if not head:
        return "source >= ?", (prefix,)
    after = ord(head[-1]) + 1
    end = head[:-1] + chr(0xE000 if 0xD800 <= after <= 0xDFFF else after)
    return "source >= ? AND source < ?", (prefix, end)
