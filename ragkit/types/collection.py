"""The records of a collection: documents, files, models and runs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from ragkit.types.documents import Chunk, Document, Metadata

STATIC_RUNTIME: Final = "static"
"""The runtime of static models: a vector is the mean of the rows that a table has for the tokens of a text."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The identity of vectors: two collections may share vectors only when their `id` is the same.

    probe: the float32 vector of a fixed sentence, little-endian bytes; it shows a model that changed under its name.
    runtime ("torch" or "openvino-bf16" …) is reported but not compared: compiled models are verified against torch.
    """

    model: str
    weights_sha256: str
    dimension: int
    max_tokens: int
    query_prompt: str = ""
    document_prompt: str = ""
    normalized: bool = True
    runtime: str = ""
    probe: bytes = b""

    @property
    def id(self) -> str:
        """Return a hex digest of every field that is compared."""
        return _identity(self)


@lru_cache(maxsize=64)  # it is asked several times for each document
def _identity(fingerprint: Fingerprint) -> str:
    parts = (
        fingerprint.weights_sha256,
        fingerprint.dimension,
        fingerprint.max_tokens,
        fingerprint.query_prompt,
        fingerprint.document_prompt,
        fingerprint.normalized,
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class FileState:
    """The state of a file at the last ingest, so that an unchanged file is recognised by stat alone.

    path: the bytes of the path below the root (names need not be UTF-8). mtime_ns, ctime_ns, size: from fstat.
    reason: "" when the file gave the document `source`, else why not; detail: the words of the report, for a document
    the states of the files that its text includes.
    """

    root: str
    path: bytes
    source: str
    size: int
    mtime_ns: int
    ctime_ns: int
    sha256: str
    extractor: str
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document as listings show it: everything but its text. warnings: what its reader left out or guessed."""

    source: str
    title: str
    sha256: str
    media_type: str
    characters: int
    pages: int
    chunks: int
    generation: int
    updated_at: str
    metadata: Metadata = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of a listed document."""
        shape = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**shape, "metadata": dict(self.metadata), "warnings": list(self.warnings)}


@dataclass(frozen=True, slots=True)
class Generation:
    """One committed run that changed a collection. finished_at is "" while it runs or when it was cut off."""

    number: int
    started_at: str
    finished_at: str
    kind: str
    added: int
    changed: int
    removed: int
    model: str
    fingerprint: str
    extractor: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of a line of `ragkit history --json`."""
        return {**{name: getattr(self, name) for name in self.__dataclass_fields__}, "settings": dict(self.settings)}


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """A document that was chunked elsewhere, with the settings of its collection and the tokenizer of its model.

    file: the state of the file that it was read from.
    """

    document: Document
    chunks: tuple[Chunk, ...]
    file: FileState | None = None
