"""What `ragkit status` and `ragkit documents` show of a collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ragkit.store.base import DocumentReader, Reader
from ragkit.types.collection import DocumentInfo

_PAGE: Final = 5_000


def collection_status(reader: Reader, *, chunk: Mapping[str, int], sizes: Mapping[str, int]) -> dict[str, Any]:
    """Return counts, the model and the last generation of one committed state, as JSON.

    chunk: the chunk settings in use. sizes: bytes on disk of the database and of the caches.
    """
    counts = reader.counts()
    fingerprint = reader.fingerprint
    generations = reader.generations()
    adapter = reader.adapter()
    return {
        "created_at": reader.created_at,
        "documents": counts.documents,
        "pages": counts.pages,
        "chunks": counts.chunks,
        "vectors": counts.vectors,
        "characters": counts.characters,
        "generation": reader.generation,
        "revision": reader.revision,
        "model": fingerprint.model if fingerprint else None,
        "dimension": fingerprint.dimension if fingerprint else None,
        "fingerprint": fingerprint.id if fingerprint else None,
        "chunk": chunk,
        "adapter": None if adapter is None else adapter.evidence,
        "last": generations[-1].as_dict() if generations else None,
        "bytes": sizes,
    }


def iterate_infos(documents: DocumentReader, *, prefix: str, limit: int | None) -> Iterator[DocumentInfo]:
    """Yield the listing entries of the documents whose source begins with a prefix, by source, a page at a time."""
    start, most = 0, float("inf") if limit is None else limit
    while start < most:
        page = documents.infos(prefix=prefix, limit=int(min(_PAGE, most - start)), offset=start)
        yield from page
        if len(page) < _PAGE:
            return
        start += len(page)
