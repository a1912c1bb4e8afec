"""What the two caches of a collection have in common, and how each is built, opened, followed and renewed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ragkit.index.dense.index import DenseIndex
from ragkit.index.dense.quantizer import Quantizer
from ragkit.index.lexical.chunk_terms import ChunkText
from ragkit.index.lexical.index import LexicalIndex
from ragkit.index.manifest import Manifest, Owner
from ragkit.types.collection import Fingerprint

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
Due = Literal["nothing", "extend", "rebuild"]

SMALL_TAIL: Final = 1_000
"""Vectors that a reader always takes from the store rather than have the files written anew."""
LARGE_TAIL: Final = 20_000
"""Vectors in memory beyond which files are written anew, however many they hold: 20,000 cost 3 ms a search."""
LEXICAL_TAIL: Final = 256
"""Chunks that a reader analyses itself, in some 20 ms."""
TAIL_SHARE: Final = 0.1
REMOVED_SHARE: Final = 0.2
BATCH: Final = 4_096


class ChunkChanges(Protocol):
    """What happened since a revision: ids that are gone, and ids that are new, both ascending."""

    @property
    def removed(self) -> Ids:
        """Gone, of those that were there."""

    @property
    def added(self) -> Ids:
        """New; larger than all that were there."""


class ChunkSource(Protocol):
    """What caches read of the store: one consistent state of one collection."""

    @property
    def identity(self) -> str:
        """Which collection it is."""

    @property
    def revision(self) -> int:
        """Grows with every change of chunks."""

    @property
    def generation(self) -> int:
        """The last committed run."""

    @property
    def fingerprint(self) -> Fingerprint | None:
        """The model, None before the first write."""

    def all_chunk_ids(self) -> Ids:
        """Return every id, ascending."""

    def vectors(self, ids: Ids) -> Vectors:
        """Return unit rows in the order of ids."""

    def iter_vectors(self, batch: int = 4096) -> Iterator[tuple[Ids, Vectors]]:
        """Yield all vectors by ascending id."""

    def texts(self, ids: Ids) -> Sequence[ChunkText]:
        """Return (title, context, text) in the order of ids, with the spans of units where they are kept."""

    def iter_texts(self, batch: int = 4096) -> Iterator[tuple[Ids, Sequence[ChunkText]]]:
        """Yield all texts by ascending id."""

    def changes_since(self, revision: int) -> ChunkChanges | None:
        """Return the changes, None when that revision is not known."""

    def quantizer(self) -> Quantizer | None:
        """Return what codes are relative to, None when the collection has none."""

    def quantizer_number(self) -> int:
        """Return its number, 0 when there is none."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written into a folder: names of its files, chunks, and facts for the manifest."""

    names: Sequence[str]
    count: int
    facts: Mapping[str, Any]


Index = TypeVar("Index", DenseIndex, LexicalIndex)


class Part(Protocol[Index]):
    """One of the two caches."""

    name: str

    def in_memory(self, source: ChunkSource) -> Index:
        """Build from the store without files."""

    def write(self, folder: Path, source: ChunkSource) -> Written:
        """Build from the store into an empty folder."""

    def extend(self, old: Path, folder: Path, manifest: Manifest, source: ChunkSource) -> Written:
        """Write what a verified folder holds and what has changed since; cheaper than `write` where it can be."""

    def open(self, folder: Path, manifest: Manifest) -> Index:
        """Open files that were verified; StoreError or OSError when they do not fit."""

    def follow(self, index: Index, changes: ChunkChanges, source: ChunkSource) -> Index:
        """Return the index of the source's revision."""

    def fits(self, manifest: Manifest, source: ChunkSource) -> bool:
        """Tell whether files are still written relative to what the source has."""

    def due(self, index: Index, source: ChunkSource) -> Due:
        """Tell whether files should be written anew because too much is in memory."""

    def digests(self, source: ChunkSource, ids: Ids) -> list[str]:
        """Return a digest of what each chunk is indexed by."""

    def ids(self, index: Index) -> Ids:
        """Return all ids that can be found, ascending."""


def owner_of(source: ChunkSource) -> Owner:
    """Return whose caches those of a source are."""
    fingerprint = source.fingerprint
    if fingerprint is None:
        return Owner(source.identity, "", 0)
    return Owner(source.identity, fingerprint.id, fingerprint.dimension)


def ids_digest(data: bytes) -> str:
    """Return the first 16 hex digits of the sha256 of ids, as a manifest keeps them."""
    return hashlib.sha256(data).hexdigest()[:16]
