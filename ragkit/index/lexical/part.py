"""The lexical index as an IndexPart: how it is built, opened, checked and followed."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from ragkit.errors import StoreError
from ragkit.index.base import ChunkChanges, ChunkSource, Due, Ids, Written
from ragkit.index.lexical.base import LexicalFacts
from ragkit.index.lexical.files import build_lexical, extend_lexical, index_files, open_lexical
from ragkit.index.lexical.index import LexicalIndex
from ragkit.index.manifest import Manifest
from ragkit.index.policy import BATCH, LEXICAL_TAIL, REMOVED_SHARE, SMALL_TAIL, short_digest


class LexicalPart:
    """The IndexPart of the term index."""

    name = "lexical"

    def in_memory(self, source: ChunkSource) -> LexicalIndex:
        """Build from the store without files."""
        count = len(source.all_chunk_ids())
        if not count:
            return LexicalIndex()
        return LexicalIndex(build_lexical(None, source.iter_texts(BATCH), expected=count))

    def write(self, folder: Path, source: ChunkSource) -> Written:
        """Build from the store into an empty folder."""
        count = len(source.all_chunk_ids())
        base = build_lexical(folder, source.iter_texts(BATCH), expected=count)
        return Written(index_files(folder), base.facts.live, asdict(base.facts))

    def extend(self, old: Path, folder: Path, manifest: Manifest, source: ChunkSource) -> Written:
        """Link the old segments and add one of new chunks."""
        changes = source.changes_since(manifest.revision)
        if changes is None:
            raise StoreError("its revision is not known any more")
        added = changes.added
        parts = (added[at : at + BATCH] for at in range(0, len(added), BATCH))
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
        """Return True: terms are coded relative to nothing."""
        del manifest, source
        return True

    def due(self, index: LexicalIndex, source: ChunkSource) -> Due:
        """Return whether to write the files anew, add a segment, or leave them."""
        del source
        held = index.base.facts.documents if index.base else 0
        deleted = len(index.removed) + (held - index.base.facts.live if index.base else 0)
        if deleted > max(SMALL_TAIL, REMOVED_SHARE * held):
            return "rebuild"
        return "extend" if index.tail > LEXICAL_TAIL else "nothing"

    def digests(self, source: ChunkSource, ids: Ids) -> list[str]:
        """Return a digest of each text."""
        return [short_digest(json.dumps(item).encode()) for item in source.texts(ids)]

    def ids(self, index: LexicalIndex) -> Ids:
        """Return all ids that can be found, ascending."""
        return index.ids()
