"""Bring the rows of a collection in Milvus to a reader's revision: built from the store, or by what has changed.

Rows are written first and the state last, so that a state never names rows that are not there. Rows of deleted chunks
stay for a minute at least: a question that began before the deletion may still be searching.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import CorruptError
from ragkit.index.base import ChunkSource
from ragkit.index.dense.part import DensePart
from ragkit.index.lexical.chunk_terms import CONTENT_FIELDS, Terms, analyse_chunk
from ragkit.index.lexical.part import LexicalPart
from ragkit.index.lexical.ranking import mean_lengths
from ragkit.index.manifest import OutdatedError
from ragkit.index.milvus.lexicon import Lexicon, LexiconCounter
from ragkit.index.milvus.rows import TenantRows
from ragkit.index.milvus.state import State, Values
from ragkit.index.policy import short_digest
from ragkit.index.probes import check_probes, take_probes

Ids = NDArray[np.int64]

_BATCH: Final = 500
_SAMPLE: Final = 1_000
"""Chunks whose lengths terms are weighed with; scores are computed again by the exact means."""
_GRACE: Final = 60.0
"""Seconds that rows of deleted chunks stay at least."""
_MOST_PARTS: Final = 16
"""Parts of the lexicon from which on they are joined into one."""

_log = logging.getLogger("ragkit")


class RowDigests:
    """Digests of what a row holds: the vector and the text."""

    def digests(self, source: ChunkSource, ids: Ids) -> list[str]:
        """Return a digest of each chunk."""
        both = zip(DensePart("exact").digests(source, ids), LexicalPart().digests(source, ids), strict=True)
        return [short_digest("".join(pair).encode()) for pair in both]


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Keeps the rows and the state of one collection with one model."""

    rows: TenantRows
    values: Values

    def current(self, reader: ChunkSource) -> State | None:
        """Return the state, None where there is none that fits the reader's collection. It may be a later one."""
        state = self.values.read()
        if state is None or state.revision > reader.revision:
            return state
        changes = reader.changes_since(state.revision)
        if changes is None:
            return None
        try:
            check_probes(RowDigests(), state.probes, reader, removed=changes.removed)
        except OutdatedError as error:
            _log.warning("the rows in Milvus are not those of this collection: %s", error)
            return None
        return state

    def bring_up(self, reader: ChunkSource, *, behind: int = 0) -> State:
        """Return a state of the reader's revision, or one with at most `behind` changes since; write what is missing.

        It may be a later one, which another process has written.
        """
        state = self.current(reader)
        if state is None:
            return self.build(reader)
        if state.revision >= reader.revision:
            return state
        changes = reader.changes_since(state.revision)
        if behind and changes is not None and len(changes.added) + len(changes.removed) <= behind:
            return state
        try:
            return self.catch_up(state, reader)
        except CorruptError as error:
            _log.warning("the index in Milvus is built anew: %s", error)
            return self.build(reader)

    def build(self, reader: ChunkSource) -> State:
        """Write the rows of all chunks, delete those of others, and write the state."""
        ids = reader.all_chunk_ids()
        averages = _sampled_means(reader, ids)
        counted = _Counted()
        self._add(reader, ids, averages, counted)
        last = int(ids.max(initial=0))
        left = np.setdiff1d(self.rows.ids(last), ids)
        self.rows.delete(left)
        old = self.values.read()
        state = State(
            revision=reader.revision,
            averages=averages,
            documents=len(ids),
            last_id=last,
            lengths={name: counted.lengths[name] for name in CONTENT_FIELDS},
            languages=dict(counted.languages),
            parts=[self.values.add_part(counted.terms.lexicon())],
            probes=take_probes(RowDigests(), reader),
            swept=reader.revision,
        )
        self.values.write(state)
        self.values.drop_parts(old.parts if old else ())
        return state

    def catch_up(self, state: State, reader: ChunkSource) -> State:
        """Write what has changed between a state and the reader's later revision; build all where that is not known."""
        changes = reader.changes_since(state.revision)
        terms = None if changes is None else self.rows.packed(changes.removed)
        if changes is None or terms is None or len(terms) < len(changes.removed):
            return self.build(reader)
        counted = _Counted(Counter(state.lengths), Counter(state.languages))
        for packed in terms.values():
            counted.count(Terms.unpacked(packed), sign=-1)
        self._add(reader, changes.added, state.averages, counted)
        parts = [*state.parts, self.values.add_part(counted.terms.lexicon())]
        later = replace(
            state,
            revision=reader.revision,
            documents=state.documents + len(changes.added) - len(changes.removed),
            last_id=max(state.last_id, int(changes.added.max(initial=0))),
            lengths={name: counted.lengths[name] for name in CONTENT_FIELDS},
            languages=dict(+counted.languages),
            parts=self._joined(parts),
            probes=take_probes(RowDigests(), reader),
        )
        later = self._swept(later, reader)
        self.values.write(later)
        if len(later.parts) < len(parts):
            self.values.drop_parts(state.parts)
        return later

    def lexicon(self, state: State) -> Lexicon:
        """Return the counts of a state. Raises CorruptError when a part is missing or damaged."""
        return Lexicon.joined(self.values.part(part) for part in state.parts)

    def _add(self, reader: ChunkSource, ids: Ids, averages: Mapping[str, float], counted: _Counted) -> None:
        """Write rows of chunks, and count their terms."""
        for part in _blocks(ids):
            analysed = [analyse_chunk(*text) for text in reader.texts(part)]
            self.rows.write(part.tolist(), reader.vectors(part), analysed, averages)
            for terms in analysed:
                counted.count(terms)
        if len(ids):
            self.rows.engine.finish(self.rows.name)

    def _joined(self, parts: list[tuple[str, int]]) -> list[tuple[str, int]]:
        if len(parts) < _MOST_PARTS:
            return parts
        return [self.values.add_part(Lexicon.joined(self.values.part(part) for part in parts))]

    def _swept(self, state: State, reader: ChunkSource) -> State:
        """Delete rows of chunks that were deleted a minute ago or earlier; note until when to wait with the others."""
        now = time.time()
        swept, waiting = state.swept, state.waiting
        if waiting is not None and now - waiting[1] >= _GRACE:
            since, later = reader.changes_since(swept), reader.changes_since(waiting[0])
            if since is not None and later is not None:
                self.rows.delete(np.setdiff1d(since.removed, later.removed))
            swept, waiting = waiting[0], None
        if waiting is None:
            left = reader.changes_since(swept)
            if left is None or len(left.removed):
                waiting = (reader.revision, now)
            else:
                swept = reader.revision
        return replace(state, swept=swept, waiting=waiting)


class _Counted:
    """The counts of a state while its rows are written."""

    def __init__(self, lengths: Counter[str] | None = None, languages: Counter[str] | None = None) -> None:
        self.lengths: Counter[str] = lengths if lengths is not None else Counter()
        self.languages: Counter[str] = languages if languages is not None else Counter()
        self.terms = LexiconCounter()

    def count(self, terms: Terms, *, sign: int = 1) -> None:
        """Add a chunk, or, with a sign of -1, take it off."""
        self.terms.count(terms, sign=sign)
        self.languages[terms.language] += sign
        for name, length in terms.lengths().items():
            self.lengths[name] += sign * length


def _sampled_means(reader: ChunkSource, ids: Ids) -> dict[str, float]:
    """Return the mean lengths by field of some chunks spread over all."""
    lengths: Counter[str] = Counter()
    sample = ids[:: max(len(ids) // _SAMPLE, 1)]
    for part in _blocks(sample):
        for text in reader.texts(part):
            lengths.update(analyse_chunk(*text).lengths())
    return mean_lengths(lengths, len(sample))


def _blocks(ids: Ids) -> Iterator[Ids]:
    for at in range(0, len(ids), _BATCH):
        yield ids[at : at + _BATCH]
