"""What the two caches of a collection have in common, and how each is built, opened, followed and renewed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import CorruptError, StoreError
from ragkit.index.dense.files import DenseBase, build_dense, open_dense
from ragkit.index.dense.float16_file import half
from ragkit.index.dense.index import DenseIndex
from ragkit.index.dense.quantizer import Quantizer, choose_kind
from ragkit.index.lexical.files import LexicalFacts, build_lexical, extend_lexical, index_files, open_lexical
from ragkit.index.lexical.index import LexicalIndex
from ragkit.index.lexical.tail import ChunkText
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
_TAIL_SHARE: Final = 0.1
_REMOVED_SHARE: Final = 0.2
_BATCH: Final = 4_096


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


class DensePart:
    """The vectors."""

    name = "dense"

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def in_memory(self, source: ChunkSource) -> DenseIndex:
        """Build from the store without files."""
        return DenseIndex(self._built(None, source))

    def write(self, folder: Path, source: ChunkSource) -> Written:
        """Build from the store into an empty folder."""
        base = self._built(folder, source)
        return Written(sorted(item.name for item in folder.iterdir()), len(base.ids), base.facts)

    def _is_current(self, number: int, source: ChunkSource) -> bool:
        """Tell whether codes are relative to what new ones would be; one that is damaged can't be used by these."""
        if self._kind != "auto" or number == source.quantizer_number():
            return True
        if number:
            return False
        try:
            return source.quantizer() is None
        except CorruptError:
            return True

    def _built(self, folder: Path | None, source: ChunkSource) -> DenseBase:
        stored = None
        with suppress(CorruptError):  # `verify` tells, and the next run trains another
            stored = source.quantizer() if self._kind != "exact" else None
        quantizer = stored if stored and self._kind in ("auto", stored.kind) else None
        kind = quantizer.kind if quantizer else choose_kind(self._kind, len(source.all_chunk_ids()))
        dimension = owner_of(source).dimension
        return build_dense(folder, source.iter_vectors(_BATCH), dimension=dimension, kind=kind, quantizer=quantizer)

    def extend(self, old: Path, folder: Path, manifest: Manifest, source: ChunkSource) -> Written:
        """Write all vectors: a FAISS file cannot grow by links."""
        del old, manifest
        return self.write(folder, source)

    def open(self, folder: Path, manifest: Manifest) -> DenseIndex:
        """Open files that were verified. StoreError when they are of another kind than the setting asks for."""
        dimension, count = manifest.owner.dimension, manifest.count
        base = open_dense(folder, facts=manifest.facts, dimension=dimension, count=count)
        if self._kind != "auto" and choose_kind(self._kind, count) != base.kind:
            raise StoreError(f"its kind is {base.kind}, and {self._kind} is set")
        return DenseIndex(base)

    def follow(self, index: DenseIndex, changes: ChunkChanges, source: ChunkSource) -> DenseIndex:
        """Return the index of the source's revision."""
        added = changes.added
        rows = source.vectors(added) if len(added) else np.empty((0, index.dimension), dtype=np.float32)
        return index.followed(removed=changes.removed, added=added, vectors=rows)

    def fits(self, manifest: Manifest, source: ChunkSource) -> bool:
        """Tell whether codes are relative to the source's quantizer, where the setting leaves the kind to the size."""
        return self._is_current(int(manifest.facts["quantizer"]), source)

    def due(self, index: DenseIndex, source: ChunkSource) -> Due:
        """Tell whether files should be written anew."""
        if not self._is_current(index.base.quantizer, source):
            return "rebuild"
        held = len(index.base.ids)
        many = index.added > max(SMALL_TAIL, min(_TAIL_SHARE * held, LARGE_TAIL))
        return "rebuild" if many or index.removed > max(SMALL_TAIL, _REMOVED_SHARE * held) else "nothing"

    def digests(self, source: ChunkSource, ids: Ids) -> list[str]:
        """Return a digest of each vector as it is compared."""
        return [_digest(row.tobytes()) for row in half(source.vectors(ids))]

    def ids(self, index: DenseIndex) -> Ids:
        """Return all ids that can be found, ascending."""
        return index.ids()


class LexicalPart:
    """The words."""

    name = "lexical"

    def in_memory(self, source: ChunkSource) -> LexicalIndex:
        """Build from the store without files."""
        count = len(source.all_chunk_ids())
        if not count:
            return LexicalIndex()
        return LexicalIndex(build_lexical(None, source.iter_texts(_BATCH), expected=count))

    def write(self, folder: Path, source: ChunkSource) -> Written:
        """Build from the store into an empty folder."""
        count = len(source.all_chunk_ids())
        base = build_lexical(folder, source.iter_texts(_BATCH), expected=count)
        return Written(index_files(folder), base.facts.live, asdict(base.facts))

    def extend(self, old: Path, folder: Path, manifest: Manifest, source: ChunkSource) -> Written:
        """Link the old segments and add one of what is new."""
        changes = source.changes_since(manifest.revision)
        if changes is None:
            raise StoreError("its revision is not known any more")
        added = changes.added
        parts = (added[at : at + _BATCH] for at in range(0, len(added), _BATCH))
        base = extend_lexical(
            old,
            folder,
            ((ids, source.texts(ids)) for ids in parts),
            removed=changes.removed,
            expected=len(added),
            facts=LexicalFacts(**manifest.facts),
        )
        return Written(index_files(folder), base.facts.live, asdict(base.facts))

    def open(self, folder: Path, manifest: Manifest) -> LexicalIndex:
        """Open files that were verified."""
        return LexicalIndex(open_lexical(folder, LexicalFacts(**manifest.facts)))

    def follow(self, index: LexicalIndex, changes: ChunkChanges, source: ChunkSource) -> LexicalIndex:
        """Return the index of the source's revision."""
        texts = source.texts(changes.added) if len(changes.added) else ()
        return index.followed(removed=changes.removed, added=changes.added, texts=texts)

    def fits(self, manifest: Manifest, source: ChunkSource) -> bool:
        """Tell that words are relative to nothing."""
        del manifest, source
        return True

    def due(self, index: LexicalIndex, source: ChunkSource) -> Due:
        """Tell whether files should be written anew, or be added to."""
        del source
        held = index.base.facts.documents if index.base else 0
        gone = len(index.removed) + (held - index.base.facts.live if index.base else 0)
        if gone > max(SMALL_TAIL, _REMOVED_SHARE * held):
            return "rebuild"
        return "extend" if index.tail > LEXICAL_TAIL else "nothing"

    def digests(self, source: ChunkSource, ids: Ids) -> list[str]:
        """Return a digest of each text."""
        return [_digest(json.dumps(item).encode()) for item in source.texts(ids)]

    def ids(self, index: LexicalIndex) -> Ids:
        """Return all ids that can be found, ascending."""
        return index.ids()


def owner_of(source: ChunkSource) -> Owner:
    """Return whose caches those of a source are."""
    fingerprint = source.fingerprint
    if fingerprint is None:
        return Owner(source.identity, "", 0)
    return Owner(source.identity, fingerprint.id, fingerprint.dimension)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
