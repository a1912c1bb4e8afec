"""The dense index as an IndexPart: built, opened, checked and followed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np

from ragkit.errors import CorruptError, StoreError
from ragkit.index.base import ChunkChanges, ChunkSource, Due, Ids, Written
from ragkit.index.dense.files import DenseBase, build_dense, open_dense
from ragkit.index.dense.float16_file import half
from ragkit.index.dense.index import DenseIndex
from ragkit.index.dense.quantizer import choose_kind
from ragkit.index.manifest import Manifest
from ragkit.index.policy import (
    BATCH,
    LARGE_TAIL,
    REMOVED_SHARE,
    SMALL_TAIL,
    TAIL_SHARE,
    owner_of,
    short_digest,
)


class DensePart:
    """The IndexPart of the vector index. kind: the setting "auto", "exact", "rabitq" or "ivf"."""

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
        """Return whether the quantizer's codes equal newly made ones; a damaged quantizer makes no new ones."""
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
        with suppress(CorruptError):  # `verify` reports it, and the next run trains another
            stored = source.quantizer() if self._kind != "exact" else None
        quantizer = stored if stored and self._kind in ("auto", stored.kind) else None
        kind = quantizer.kind if quantizer else choose_kind(self._kind, len(source.all_chunk_ids()))
        dimension = owner_of(source.identity, source.fingerprint).dimension
        return build_dense(folder, source.iter_vectors(BATCH), dimension=dimension, kind=kind, quantizer=quantizer)

    def extend(self, old: Path, folder: Path, manifest: Manifest, source: ChunkSource) -> Written:
        """Write all vectors: a FAISS file cannot grow by links."""
        del old, manifest
        return self.write(folder, source)

    def open(self, folder: Path, manifest: Manifest) -> DenseIndex:
        """Open verified files. Raises StoreError when they are of another kind than the setting."""
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
        """Return whether codes are relative to the source's quantizer, where the setting is "auto"."""
        return self._is_current(int(manifest.facts["quantizer"]), source)

    def due(self, index: DenseIndex, source: ChunkSource) -> Due:
        """Return "rebuild" when many vectors are in memory only or deleted, else "nothing"."""
        if not self._is_current(index.base.quantizer, source):
            return "rebuild"
        held = len(index.base.ids)
        many = index.added > max(SMALL_TAIL, min(TAIL_SHARE * held, LARGE_TAIL))
        return "rebuild" if many or index.removed > max(SMALL_TAIL, REMOVED_SHARE * held) else "nothing"

    def digests(self, source: ChunkSource, ids: Ids) -> list[str]:
        """Return a digest of each vector as float16, the form in which vectors are compared."""
        return [short_digest(row.tobytes()) for row in half(source.vectors(ids))]

    def ids(self, index: DenseIndex) -> Ids:
        """Return all ids that can be found, ascending."""
        return index.ids()
