"""Encode documents, fingerprints, spans, vectors and adapters as every back end stores them, and decode them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from struct import Struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import CorruptError, NotFoundError
from ragkit.numeric.vectors import cosines
from ragkit.store.checks import check_fields
from ragkit.store.metadata import decode_metadata, encode_metadata
from ragkit.store.rows import AdapterRow, ChunkRow, Counts, text_digest
from ragkit.text.cleaning import show
from ragkit.types.collection import DocumentInfo, Fingerprint
from ragkit.types.documents import Block, ChunkText, Document, Heading, Page

Body = bytes | memoryview
"""What the store has for a chunk, in memory or mapped from a file."""
_SPAN: Final = Struct("<II")
UNIT_SCALE_BYTES: Final = 4
"""Bytes of the scale before the numbers of each stored unit vector."""


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """The columns of a document; equal records mean equal documents."""

    title: str
    sha256: str
    media_type: str
    metadata: str
    digest: bytes
    pages: str
    headings: str
    blocks: str
    warnings: str


class StoredState:
    """The state of a collection in one commit, from its row.

    identity, created_at, revision, generation, pinned and fingerprint are those of `ragkit.store.base.Reader`. floor:
    the oldest revision whose changes are still logged. fingerprint_id: the row of the fingerprint.
    """

    def __init__(self, row: tuple[Any, ...]) -> None:
        """row: identity, revision, generation, floor, five totals, pinned, id and body of the fingerprint, created."""
        self.identity: str = row[0]
        self.revision: int = row[1]
        self.generation: int = row[2]
        self.floor: int = row[3]
        documents, chunks, characters, pages, vectors = row[4:9]
        self.counts = Counts(documents, chunks, chunks, characters, pages, vectors)
        self.pinned: Mapping[str, Any] | None = None if row[9] is None else json.loads(row[9])
        self.fingerprint_id: int | None = row[10]
        self.fingerprint: Fingerprint | None = None if row[11] is None else decode_fingerprint(row[11])
        self.created_at: str = row[12]

    @property
    def dimension(self) -> int:
        """The numbers of each vector, 0 before the first write."""
        return self.fingerprint.dimension if self.fingerprint else 0


def encode_document(document: Document) -> DocumentRecord:
    """Return the columns of a document; raises InputError for metadata or text that can't be stored and read back."""
    record = DocumentRecord(
        title=document.title,
        sha256=document.sha256,
        media_type=document.media_type,
        metadata=encode_metadata(document.metadata, document.source),
        digest=text_digest(document.text),
        pages=_dump([[page.start, page.label] for page in document.pages]),
        headings=_dump([[heading.offset, heading.level, heading.text] for heading in document.headings]),
        blocks=_dump([[block.start, block.end, block.kind, block.header] for block in document.blocks]),
        warnings=_dump(document.warnings),
    )
    check_fields(document)
    return record


def decode_document(source: str, record: DocumentRecord, text: str) -> Document:
    """Return the document that `encode_document` was given."""
    return Document(
        source=source,
        text=text,
        sha256=record.sha256,
        media_type=record.media_type,
        title=record.title,
        pages=tuple(Page(start, label) for start, label in json.loads(record.pages)),
        headings=tuple(Heading(*item) for item in json.loads(record.headings)),
        blocks=tuple(Block(*item) for item in json.loads(record.blocks)),
        metadata=decode_metadata(record.metadata),
        warnings=tuple(json.loads(record.warnings)),
    )


def encode_fingerprint(fingerprint: Fingerprint) -> str:
    """Return a fingerprint as JSON, its probe vector as hex."""
    return _dump({**asdict(fingerprint), "probe": fingerprint.probe.hex()})


def decode_fingerprint(stored: str) -> Fingerprint:
    """Return the fingerprint that `encode_fingerprint` was given."""
    fields: dict[str, Any] = json.loads(stored)
    return Fingerprint(**{**fields, "probe": bytes.fromhex(fields["probe"])})


def encode_spans(spans: Sequence[tuple[int, int]]) -> bytes:
    """Return spans as little-endian uint32 pairs."""
    return np.array(spans, dtype="<u4").tobytes()


def decode_spans(stored: bytes) -> tuple[tuple[int, int], ...]:
    """Return the spans of `encode_spans`; raises ValueError for bytes that are no whole spans."""
    if len(stored) % _SPAN.size:
        raise ValueError(f"{len(stored)} bytes are no whole spans")
    return tuple(_SPAN.iter_unpack(stored))


def encode_unit_vectors(vectors: NDArray[np.float32]) -> bytes:
    """Return unit vectors (m, d) as m rows of one float32 scale and d numbers of int8.

    They are only used to re-score candidates: the rounding changes a cosine by less than 0.005.
    """
    scales = (np.maximum(np.abs(vectors).max(axis=1, initial=0.0), 1e-12) / 127).astype("<f4")
    numbers = np.rint(vectors / scales[:, None]).astype(np.int8)
    return np.concatenate([scales[:, None].view(np.int8), numbers], axis=1).tobytes()


def decode_unit_vectors(stored: Sequence[Body], dimension: int) -> tuple[NDArray[np.float32], list[int]]:
    """Return the float32 rows of several `encode_unit_vectors`, one after the other, and how many each has.

    A body whose size is not a multiple of the row size counts as empty.
    """
    rows, scales, counts = _unit_rows(stored, dimension)
    rows *= scales[:, None]
    return rows, counts


def unit_cosines(stored: Sequence[Body], query: NDArray[np.float32]) -> tuple[NDArray[np.float32], list[int]]:
    """Return the dot product of a query (d,) with each row of `decode_unit_vectors`, and how many each has."""
    rows, scales, counts = _unit_rows(stored, len(query))
    return cosines(rows, query) * scales, counts


def _unit_rows(stored: Sequence[Body], dimension: int) -> tuple[NDArray[np.float32], NDArray[np.float32], list[int]]:
    """Return rows before they are scaled (m, d), their scales (m,), and how many each has."""
    width = dimension + UNIT_SCALE_BYTES
    sizes = [len(body) for body in stored]
    if any(size % width for size in sizes):
        stored = [b"" if size % width else body for body, size in zip(stored, sizes, strict=True)]
        sizes = [len(body) for body in stored]
    table = np.frombuffer(b"".join(stored), dtype=np.int8).reshape(-1, width)
    scales = np.ascontiguousarray(table[:, :4]).view("<f4")[:, 0]
    scales = np.where(
        (scales > 0) & (scales < 0.01), scales, np.float32(0)
    )  # a damaged scale must not make a candidate win
    return table[:, 4:].astype(np.float32), scales, [size // width for size in sizes]


def dump_settings(settings: Mapping[str, Any]) -> str:
    """Return settings as JSON with sorted keys."""
    return json.dumps(dict(settings), ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)


def _dump(value: Any) -> str:
    if not value and isinstance(value, list | tuple):
        return "[]"
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def encode_matrix(matrix: NDArray[np.float32]) -> tuple[int, bytes]:
    """Return a matrix as float32 little-endian rows, with their CRC-32 first."""
    blob = np.ascontiguousarray(matrix, dtype="<f4").tobytes()
    return zlib.crc32(blob), blob


def decode_adapter(row: tuple[Any, ...], dimension: int) -> AdapterRow:
    """Read (id, fingerprint, created_at, evidence, crc, matrix); CorruptError when it is damaged."""
    number, fingerprint, created_at, evidence, crc, blob = row
    matrix = np.frombuffer(blob, dtype="<f4") if len(blob) == 4 * dimension**2 else np.empty(0, dtype=np.float32)
    if zlib.crc32(blob) != crc or not len(matrix) or not np.isfinite(matrix).all():
        raise CorruptError("the stored query adapter is damaged", cure="run: ragkit adapt --remove")
    square = matrix.reshape(dimension, dimension).astype(np.float32)
    return AdapterRow(number, fingerprint, created_at, json.loads(evidence), square)


def encode_root(root: str) -> bytes:
    """Return a root as bytes; names in a file system need not be valid UTF-8."""
    return root.encode("utf-8", "surrogateescape")


@lru_cache(maxsize=256)
def decode_pages(stored: str) -> tuple[Page, ...]:
    """Decode a page table; those of frequently found documents are cached."""
    return tuple(Page(start, label) for start, label in json.loads(stored))


@lru_cache(maxsize=256)
def decode_headings(stored: str) -> tuple[Heading, ...]:
    """Decode the headings of a document."""
    return tuple(Heading(*item) for item in json.loads(stored))


@lru_cache(maxsize=256)
def decode_blocks(stored: str) -> tuple[Block, ...]:
    """Decode the blocks of a document."""
    return tuple(Block(*item) for item in json.loads(stored))


def whole_document(source: str, record: DocumentRecord, text: str) -> Document:
    """Return the stored document; CorruptError when its text does not have its hash."""
    if text_digest(text) != record.digest:
        raise CorruptError(
            f"the stored text of {show(source, 120)!r} does not have its hash",
            cure="restore a backup, or ingest it again",
        )
    return decode_document(source, record, text)


def decode_info(row: tuple[Any, ...]) -> DocumentInfo:
    """Return a listing entry of its nine plain fields, its metadata as JSON and its warnings as JSON."""
    return DocumentInfo(*(*row[:9], decode_metadata(row[9]), tuple(json.loads(row[10]))))


def decode_vectors(blobs: Sequence[bytes], dimension: int) -> NDArray[np.float32]:
    """Return stored float16 vectors as unit float32 rows; CorruptError for one of another size, not finite or zero."""
    joined = b"".join(blobs)
    if len(joined) != 2 * dimension * len(blobs) or any(len(blob) != 2 * dimension for blob in blobs):
        raise CorruptError("a stored vector has the wrong size", cure="run: ragkit verify")
    rows = np.frombuffer(joined, dtype="<f2").reshape(len(blobs), dimension).astype(np.float32)
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    if not (np.abs(norms - 1.0) <= 0.01).all():
        raise CorruptError("a stored vector is not of norm 1", cure="run: ragkit verify")
    rows /= norms[:, None]
    return rows


def decode_chunk(row: tuple[Any, ...]) -> ChunkRow:
    """Return a chunk from its columns, in the order of `ChunkRow`, the spans of its units as they are stored."""
    return ChunkRow(*(*row[:11], decode_spans(row[11])))


def decode_chunk_text(row: tuple[Any, ...]) -> ChunkText:
    """Return what is searched of a chunk, from its id, title, context, text and stored spans of units."""
    return ChunkText(row[1], row[2], row[3], decode_spans(row[4]))


def check_known(wanted: Sequence[int], found: Container[int]) -> None:
    """Raise NotFoundError for the first id of a chunk that was not found."""
    missing = next((number for number in wanted if number not in found), None)
    if missing is not None:
        raise NotFoundError(f"there is no chunk {missing}", cure="search again: the collection has changed")
