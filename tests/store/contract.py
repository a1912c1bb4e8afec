"""What every store must do, in three suites: `contract_documents`, `contract_runs` and `contract_places`.

A fourth, `contract_writers`, has two forms: of a store that lets one run write at a time, and of one that lets several.

A back end passes when classes that inherit the suites are green with its fixture `place`, which gives an empty place to
each test: see tests/store/test_contract.py. Nothing in the suites knows which store it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ragkit.store.base import Backend, Reader, Store
from ragkit.types.collection import FileState
from tests.support.store_fakes import EMBEDDER, SETTINGS, ChunkedDocument


@dataclass(frozen=True)
class Place:
    """A back end and an empty location of it."""

    backend: Backend
    location: str

    def open(self, name: str = "default", *, create: bool = True) -> Store:
        return self.backend.open(self.location, name, create=create)


def writing(store: Store, kind: str = "ingest", **options: Any) -> Any:
    """Open a run with the fake model."""
    return store.write(**{"kind": kind, "fingerprint": EMBEDDER.fingerprint, "settings": SETTINGS} | options)


def put(store: Store, *items: ChunkedDocument, **options: Any) -> list[str]:
    with writing(store, **options) as writer:
        return [item.put(writer) for item in items]


def picture(store: Store) -> dict[str, Any]:
    """Return everything that a reader can see of a collection, but times."""
    with store.read() as reader:
        return seen(reader)


def seen(reader: Reader) -> dict[str, Any]:
    sources = reader.documents.sources()
    ids = reader.chunks.all_chunk_ids()
    return {
        "state": (reader.identity, reader.revision, reader.generation, reader.pinned, reader.fingerprint),
        "counts": reader.counts(),
        "documents": [reader.documents.get(source) for source in sources],
        "chunks": [reader.chunks.of_document(source) for source in sources],
        "ids": ids.tolist(),
        "vectors": reader.chunks.vectors(ids).tolist(),
        "generations": [(item.number, item.added, item.changed, item.removed) for item in reader.generations()],
        "files": {root: reader.files.below(root) for root in reader.files.roots()},
    }


def file_of(source: str, path: bytes = b"a.txt", **fields: Any) -> FileState:
    known = {"size": 3, "mtime_ns": 1, "ctime_ns": 2, "sha256": "0" * 64, "extractor": "1"}
    return FileState(**{"root": "/docs", "path": path, "source": source} | known | fields)


def condition(operator: str, key: str, value: Any) -> dict[str, Any]:
    return {"type": operator, "key": key, "value": value}
