"""What PostgreSQL needs otherwise than every other back end: text without NUL, keys of bounded size, exact numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from ragkit.errors import InputError
from ragkit.store.checks import is_text
from ragkit.store.encoding import DocumentRecord, encode_root
from ragkit.store.filters import TEXT, Value, kind_of
from ragkit.store.metadata import decode_metadata
from ragkit.types.collection import FileState
from ragkit.types.documents import Chunk
from ragkit.types.labels import ACL_KEY

_NUL_STANDS_IN: Final = "\x01"
"""In look-ups of metadata, which keep the order of texts: PostgreSQL has no NUL, and filters refuse to name one."""


def is_storable(text: str) -> bool:
    """Tell whether PostgreSQL can hold a text: it has neither NUL nor surrogates."""
    return "\0" not in text and is_text(text)


def source_key(source: str) -> bytes:
    """Return the key that a source is found by, however long it is: the SHA-256 of its UTF-8."""
    return hashlib.sha256(source.encode()).digest()


def file_key(root: bytes, path: bytes) -> bytes:
    """Return the key of an ingested file: the SHA-256 of its root, a NUL (which no path holds) and its path."""
    return hashlib.sha256(root + b"\0" + path).digest()


def check_storable(source: str, record: DocumentRecord, chunks: Sequence[Chunk]) -> None:
    """Raise InputError for a NUL in a title, a type, a context line or a heading."""
    fields = (record.title, record.sha256, record.media_type, *(chunk.context + chunk.heading for chunk in chunks))
    if any("\0" in text for text in fields):
        raise InputError(
            f"the title, the type or a heading of {source!r} holds a NUL, which PostgreSQL can't store",
            cure="pass it through clean_text",
        )


def typed_value(value: Value) -> tuple[int, Decimal, str]:
    """Return the kind of a metadata value with its number and its text; the one that it is not is 0 or empty."""
    kind, stored = kind_of(value)
    if kind == TEXT:
        return kind, Decimal(0), str(stored)
    return kind, Decimal(stored), ""


def metadata_rows(metadata: str) -> Iterator[tuple[str, int, Decimal, str]]:
    """Yield key, kind, number and text of each value that filters find a document by; a list has several."""
    seen = set()
    for key, value in decode_metadata(metadata).items():
        for item in value if isinstance(value, tuple) else (value,):
            kind, number, text = typed_value(item)
            row = (key.replace("\0", _NUL_STANDS_IN), kind, number, text.replace("\0", _NUL_STANDS_IN))
            if row not in seen:
                seen.add(row)
                yield row


def acl_column(metadata: str) -> list[str] | None:
    """Return the access labels of stored metadata; None without any. A value that is no text makes no label."""
    values = [(kind, text) for key, kind, _, text in metadata_rows(metadata) if key == ACL_KEY]
    return [text for kind, text in values if kind == TEXT] if values else None


def file_values(state: FileState) -> tuple[object, ...]:
    """Return the columns of a file's state; the detail of its report is made text that can be stored."""
    detail = state.detail.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    return (
        file_key(encode_root(state.root), state.path),
        source_key(state.source),
        encode_root(state.root),
        state.path,
        state.source,
        state.size,
        state.mtime_ns,
        state.ctime_ns,
        state.sha256,
        state.extractor,
        state.reason,
        detail,
    )
