"""Both indexes of a collection in Milvus, with the face of the local caches."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import CorruptError, RagkitError
from ragkit.index.base import ChunkSource, IndexSnapshot
from ragkit.index.lexical.base import LexicalFacts
from ragkit.index.lexical.index import LexicalIndex
from ragkit.index.manifest import Owner
from ragkit.index.milvus.address import Address
from ragkit.index.milvus.engine import Engine
from ragkit.index.milvus.rows import TenantRows
from ragkit.index.milvus.state import State, Values
from ragkit.index.milvus.upkeep import Upkeep
from ragkit.index.milvus.vectors import MilvusVectorIndex
from ragkit.index.milvus.words import MilvusBase
from ragkit.index.policy import LEXICAL_TAIL, SMALL_TAIL, owner_of
from ragkit.settings import MILVUS_PREFIX
from ragkit.types.collection import Fingerprint

Ids = NDArray[np.int64]

_RECENT: Final = 3
_ATTEMPTS: Final = 2
_NO_IDS: Final[Ids] = np.empty(0, dtype=np.int64)
_log = logging.getLogger("ragkit")


@dataclass(frozen=True, slots=True)
class MilvusSnapshot:
    """Both indexes at the revision of a reader; valid as long as the reader is."""

    generation: int
    dense: MilvusVectorIndex
    lexical: LexicalIndex


@dataclass(frozen=True, slots=True)
class _Held:
    """A revision in memory: ids, and terms of what Milvus has no rows of.

    written: the revision of the rows. ids: of all chunks, ascending; newer: those without a row.
    """

    owner: Owner
    revision: int
    written: int
    ids: Ids
    newer: Ids
    lexical: LexicalIndex


class MilvusIndexes:
    """The indexes of one collection; see `ragkit.index.base.Indexes`.

    A process holds the ids of the chunks and the counts of their terms, no vectors and no chunk's terms. A run that
    ends writes what it changed; a reader holds up to a thousand newer chunks in memory, and writes more itself.
    """

    def __init__(self, address: Address) -> None:
        self._engine = Engine(address)
        self._lock = threading.RLock()
        self._persisting = threading.Lock()
        self._recent: tuple[_Held, ...] = ()
        self._losses = 0

    def prepare(self) -> None:
        """Do nothing: a snapshot builds what it needs."""

    def snapshot(self, reader: ChunkSource) -> IndexSnapshot:
        """Return the indexes at the reader's revision. Raises StoreError or ConfigError when Milvus can't be used."""
        if reader.fingerprint is None:
            nothing = MilvusVectorIndex(None, reader, ids=_NO_IDS, newer=_NO_IDS, dimension=0)
            return MilvusSnapshot(reader.generation, nothing, LexicalIndex())
        upkeep = self._upkeep(reader, reader.fingerprint)
        held = self._hold(upkeep, reader)
        dimension = reader.fingerprint.dimension
        dense = MilvusVectorIndex(upkeep.rows, reader, ids=held.ids, newer=held.newer, dimension=dimension)
        return MilvusSnapshot(reader.generation, dense, held.lexical)

    def is_held(self, reader: ChunkSource) -> bool:
        """Return whether nothing must be read from Milvus or built for the reader's revision."""
        return self._known(owner_of(reader.identity, reader.fingerprint), reader.revision) is not None

    def newest(self) -> None:
        """Return None: a search asks Milvus, so each is one of a thread of its own."""

    def persist(self, reader: ChunkSource) -> None:
        """Write the rows of what a finished run has changed. A Milvus that can't be used raises nothing."""
        if reader.fingerprint is None:
            return
        try:
            with self._persisting:  # searches follow the new revision in memory meanwhile
                self._upkeep(reader, reader.fingerprint).bring_up(reader)
        except RagkitError as error:
            _log.warning("the index in Milvus is not up to date, and the next search brings it up: %s", error)

    def settle(self) -> None:
        """Do nothing: `persist` has written what was due."""

    def renew(self, reader: ChunkSource) -> None:
        """Write the rows of all chunks anew, and delete those of others."""
        if reader.fingerprint is None:
            return
        with self._lock:
            self._upkeep(reader, reader.fingerprint).build(reader)
            self._recent = ()

    def check(self, reader: ChunkSource) -> list[str]:
        """Compare the rows and the counts of terms with the chunks, and return the problems found, one line each."""
        if reader.fingerprint is None:
            return []
        try:
            return _problems(self._upkeep(reader, reader.fingerprint), reader)
        except RagkitError as error:
            return [str(error)]

    def describe(self, reader: ChunkSource) -> str:
        """Return the address, and the revision of the rows beside the reader's."""
        name = f"{MILVUS_PREFIX}{self._engine.address}"
        if reader.fingerprint is None:
            return name
        try:
            state = self._upkeep(reader, reader.fingerprint).values.read()
        except RagkitError:  # `check` says why
            return f"{name} (can't be used)"
        rows = "no rows" if state is None else f"rows of revision {state.revision:,}"
        return f"{name} ({rows}, collection at {reader.revision:,})"

    def size(self) -> int:
        """Return 0: Milvus keeps its own files."""
        return 0

    def close(self) -> None:
        """Forget what is in memory, and close the connection."""
        with self._lock:
            self._recent = ()
        self._engine.close()

    # ------------------------------------------------------------------ one state after another

    def _upkeep(self, reader: ChunkSource, fingerprint: Fingerprint) -> Upkeep:
        rows = TenantRows.of(self._engine, reader.identity, fingerprint)
        return Upkeep(rows, Values(rows))

    def _hold(self, upkeep: Upkeep, reader: ChunkSource) -> _Held:
        owner = owner_of(reader.identity, reader.fingerprint)
        held = self._known(owner, reader.revision)
        if held:
            return held
        with self._lock:
            held = (
                self._known(owner, reader.revision)
                or self._followed(owner, upkeep, reader)
                or _loaded(owner, upkeep, reader)
            )
            others = (item for item in self._recent if item.owner == owner and item.revision != held.revision)
            self._recent = tuple(sorted((held, *others), key=lambda item: -item.revision)[:_RECENT])
            return held

    def _known(self, owner: Owner, revision: int) -> _Held | None:
        if self._losses != self._engine.losses:  # the rows that these belong to are lost
            self._losses, self._recent = self._engine.losses, ()
        return next((item for item in self._recent if item.revision == revision and item.owner == owner), None)

    def _followed(self, owner: Owner, upkeep: Upkeep, reader: ChunkSource) -> _Held | None:
        """Apply the changes since the newest earlier revision in memory.

        None when there is none or they are not known, when too much would be in memory, and when much is and another
        process has written it meanwhile.
        """
        earlier = [item for item in self._recent if item.owner == owner and item.revision < reader.revision]
        followed = _follow(earlier[0], reader) if earlier else None
        if followed is None or followed.lexical.tail <= LEXICAL_TAIL:
            return followed
        state = upkeep.values.read()
        is_behind = state is not None and state.revision > followed.written
        return None if is_behind or followed.lexical.tail > SMALL_TAIL else followed


def _problems(upkeep: Upkeep, reader: ChunkSource) -> list[str]:
    """Return what is wrong with the rows and the counts of a state; nothing where it will be built anew."""
    state = upkeep.current(reader)
    changes = None if state is None else reader.changes_since(min(state.revision, reader.revision))
    if state is None or changes is None:
        return []
    wanted = np.setdiff1d(reader.all_chunk_ids(), changes.added)
    missing = np.setdiff1d(wanted, upkeep.rows.ids(int(wanted.max(initial=0))))
    problems = []
    if len(missing):
        problems.append(f"Milvus has no rows of {len(missing):,} of {len(wanted):,} chunks: run: ragkit rebuild")
    if state.revision <= reader.revision and state.documents != len(wanted) + len(changes.removed):
        problems.append(f"Milvus counts {state.documents:,} chunks, not {len(wanted):,}: run: ragkit rebuild")
    upkeep.lexicon(state)
    return problems


def _loaded(owner: Owner, upkeep: Upkeep, reader: ChunkSource) -> _Held:
    """Read the state from Milvus, which is built or brought up where it is missing or far behind."""
    for _ in range(_ATTEMPTS):
        try:
            return _opened(owner, upkeep, upkeep.bring_up(reader, behind=SMALL_TAIL), reader)
        except CorruptError as error:  # once, because another process has written the counts anew meanwhile
            _log.warning("the index in Milvus can't be read: %s", error)
    return _opened(owner, upkeep, upkeep.build(reader), reader)


def _opened(owner: Owner, upkeep: Upkeep, state: State, reader: ChunkSource) -> _Held:
    """Return the reader's revision, given a state of the rows.

    A reader that began before that state has its own chunks, by the later counts.
    """
    ids = reader.all_chunk_ids()
    changes = reader.changes_since(state.revision) if state.revision < reader.revision else None
    held = ids if changes is None else np.union1d(np.setdiff1d(ids, changes.added), changes.removed)
    facts = LexicalFacts(
        documents=state.documents,
        live=state.documents,
        last_id=state.last_id,
        averages=state.averages,
        lengths=state.lengths,
        languages=state.languages,
    )
    lexical = LexicalIndex(MilvusBase(upkeep.rows, held, upkeep.lexicon(state), facts))
    opened = _Held(owner, min(state.revision, reader.revision), state.revision, held, _NO_IDS, lexical)
    return _follow(opened, reader) or opened


def _follow(held: _Held, reader: ChunkSource) -> _Held | None:
    """Return the reader's revision, given an earlier one; None when the changes since are not known."""
    if held.revision == reader.revision:
        return held
    changes = reader.changes_since(held.revision)
    if changes is None:
        return None
    texts = reader.texts(changes.added) if len(changes.added) else ()
    return _Held(
        owner=held.owner,
        revision=reader.revision,
        written=held.written,
        ids=np.union1d(np.setdiff1d(held.ids, changes.removed), changes.added),
        newer=np.union1d(np.setdiff1d(held.newer, changes.removed), changes.added),
        lexical=held.lexical.followed(removed=changes.removed, added=changes.added, texts=texts),
    )
