"""Both indexes of a collection in PostgreSQL, with the face of the local caches."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, cast

import numpy as np

from ragkit.index.base import ChunkSource, IndexSnapshot
from ragkit.index.pgvector.hnsw import HNSW_FROM, hnsw_indexes
from ragkit.index.pgvector.sql import Sessions, SqlSource
from ragkit.index.pgvector.terms import PgTermIndex, TermTotals
from ragkit.index.pgvector.upkeep import build, build_hnsw, check_engine, merge, renew
from ragkit.index.pgvector.vectors import PgVectorIndex
from ragkit.index.pgvector.word_candidates import offered_extensions
from ragkit.settings import PGVECTOR_BINARY_INDEX, PGVECTOR_INDEX

_RECENT: Final = 3
_log = logging.getLogger("ragkit")


@dataclass(frozen=True, slots=True)
class PgSnapshot:
    """Both indexes at the state that a reader sees; valid as long as the reader is."""

    generation: int
    dense: PgVectorIndex
    lexical: PgTermIndex


class PgIndexes:
    """The indexes of one collection; see `ragkit.index.base.Indexes`. They hold no vectors and no terms in memory.

    Writers keep them in the transactions of the chunks, so a snapshot is always that of its reader's revision.
    """

    def __init__(self, sessions: Sessions, *, binary: bool = False) -> None:
        """sessions: opens a session for upkeep. binary: the HNSW index has one bit a component."""
        self._sessions = sessions
        self._binary = binary
        self._lock = threading.Lock()
        self._is_ready = False
        self._totals: OrderedDict[int, TermTotals] = OrderedDict()

    def prepare(self) -> None:
        """Build what is missing, which must be done before a reader is opened. Raises ConfigError for an old engine."""
        if self._is_ready:
            return
        with self._lock:
            if not self._is_ready:
                with self._sessions() as session:
                    check_engine(session)
                    _log.info(
                        "words are searched in tables of ragkit; BM25 extensions: %s", offered_extensions(session)
                    )
                    build(session)
                self._is_ready = True

    def snapshot(self, reader: ChunkSource) -> IndexSnapshot:
        """Return the indexes at the reader's revision; it takes one small query at each new revision."""
        source = cast("SqlSource", reader)  # `prepare` had sessions of its store
        totals = self._totals.get(source.revision)
        if totals is None:
            totals = TermTotals.read(source)
            self._keep(source.revision, totals)
        dimension = source.fingerprint.dimension if source.fingerprint else 0
        dense = PgVectorIndex(source, dimension=dimension, count=totals.documents, binary=self._binary)
        return PgSnapshot(source.generation, dense, PgTermIndex(source, totals))

    def is_held(self, reader: ChunkSource) -> bool:
        """Return True when nothing must be built: the database has the indexes of every revision."""
        del reader
        return self._is_ready

    def newest(self) -> None:
        """Return None: no state is held in memory, so each search is one of a thread of its own."""

    def persist(self, reader: ChunkSource) -> None:
        """Do nothing: there are no files."""

    def settle(self) -> None:
        """Build what is missing, merge what was written in small parts, and make the HNSW index when it is due.

        A new HNSW index waits for the end of every reader that is open, so none may be this process's own.
        """
        self.prepare()
        with self._sessions() as session:
            merge(session)
            build_hnsw(session, binary=self._binary, least=HNSW_FROM)

    def renew(self, reader: ChunkSource) -> None:
        """Write the terms of all chunks anew."""
        if reader.fingerprint is None:
            return
        with self._sessions() as session:
            check_engine(session)
            renew(session)
        self._is_ready = True
        self.close()

    def check(self, reader: ChunkSource) -> list[str]:
        """Compare the terms and their totals with the chunks, and return the problems found, one line each."""
        source = cast("SqlSource", reader)
        if reader.fingerprint is None or not source.query("SELECT 1 FROM lexicons WHERE collection = $1"):
            return []
        totals = TermTotals.read(source)
        wanted, found = reader.all_chunk_ids(), PgTermIndex(source, totals).ids()
        problems = []
        if not np.array_equal(wanted, found) or totals.documents != len(wanted):
            problems.append(
                f"the index of terms holds {len(found):,} chunks and counts {totals.documents:,}, the collection has "
                f"{len(wanted):,}: run: ragkit rebuild"
            )
        with self._sessions() as session:
            broken = [name for name, is_valid in hnsw_indexes(session) if not is_valid]
        problems += [f"the HNSW index {name} was not completed; the next run makes it again" for name in broken]
        return problems

    def describe(self, reader: ChunkSource) -> str:
        """Return what searches: the database, at every revision."""
        del reader
        return PGVECTOR_BINARY_INDEX if self._binary else PGVECTOR_INDEX

    def size(self) -> int:
        """Return 0: the tables are counted with the database."""
        return 0

    def close(self) -> None:
        """Forget the totals."""
        with self._lock:
            self._totals.clear()

    def _keep(self, revision: int, totals: TermTotals) -> None:
        with self._lock:
            self._totals[revision] = totals
            while len(self._totals) > _RECENT:
                self._totals.popitem(last=False)
