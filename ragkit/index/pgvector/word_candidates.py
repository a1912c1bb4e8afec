"""The seam of what finds chunks by words in PostgreSQL: tables of ragkit, or an extension for BM25 in their place.

An implementation proposes chunks, and scores them by ragkit's BM25, so that answers do not depend on the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ragkit.index.lexical.chunk_terms import CONTENT_FIELDS, FIELDS, STOP_WORDS
from ragkit.index.lexical.ranking import Weights, best_first
from ragkit.index.pgvector.postings import PostingRow, score
from ragkit.index.pgvector.sql import Sql, SqlSource
from ragkit.numeric.sorted_ids import is_member

Ids = NDArray[np.int64]
Scores = NDArray[np.float32]
Counts = Mapping[str, tuple[int, ...]]
"""How many chunks have each term of a question, by content field."""

BM25_EXTENSIONS: Final = ("pg_search", "pg_textsearch", "vchord_bm25")
"""Extensions of PostgreSQL that rank by BM25: of ParadeDB, of TigerData, and of VectorChord."""
PLACE: Final = {name: at for at, name in enumerate(CONTENT_FIELDS)}
_SPARE: Final = 16
_POSTINGS_LIMIT: Final = 5_000_000
"""A question reads at most so many postings, those of its rarest terms; the others still count in the final score."""
_POSTINGS: Final = """SELECT p.field, p.term, p.high, p.body FROM postings AS p
JOIN unnest($2::smallint[], $3::text[]) AS w (field, term) ON w.field = p.field AND w.term = p.term
WHERE p.collection = $1 AND octet_length(p.body) > 0"""
_PRESENT: Final = "SELECT chunk_id FROM chunk_terms WHERE collection = $1 AND chunk_id = ANY ($2::bigint[])"
_OFFERED: Final = """SELECT name::text, coalesce(installed_version, ''), default_version FROM pg_available_extensions
WHERE name = ANY ($2::text[]) AND $1::integer IS NOT NULL ORDER BY name"""


class WordCandidates(Protocol):
    """Finds chunks by weighted terms, in the state that a reader sees."""

    def best(self, weights: Weights, counts: Counts, k: int, *, allowed: Ids | None = None) -> tuple[Ids, Scores]:
        """Return up to k chunk ids and their BM25, best first, ties by ascending id; only chunks that share a term.

        weights: of each term, by field (`ranking.question_weights`). The BM25 of a chunk is the sum of its terms'
        weight times saturation, for the mean lengths of the collection: `rescoring.content_scores` computes it from the
        stored terms of chunks that an extension proposes. allowed: ascending ids to choose from.
        """


@dataclass(frozen=True, slots=True)
class TableCandidates:
    """The default: BM25 over the table of postings. saturations: see `postings.saturations`."""

    source: SqlSource
    saturations: NDArray[np.float32]

    def best(self, weights: Weights, counts: Counts, k: int, *, allowed: Ids | None = None) -> tuple[Ids, Scores]:
        """Return up to k chunk ids and their BM25, best first; see `WordCandidates.best`."""
        ids, scores = score(self._postings(weights, counts), weights, self.saturations)
        if allowed is not None:
            kept = is_member(ids, allowed)
            ids, scores = ids[kept], scores[kept]
        return self._best_present(ids, scores, k)

    def _postings(self, weights: Weights, counts: Counts) -> list[PostingRow]:
        """Return the postings of the weighted terms, the rarest first, as many as one question may read."""
        asked = [
            (counts[term][PLACE[name]] if name != STOP_WORDS else 0, at, term)
            for at, name in enumerate(FIELDS)
            for term, weight in weights[name].items()
            if weight > 0 and (name == STOP_WORDS or counts[term][PLACE[name]])
        ]
        read = 0
        chosen: list[tuple[int, str]] = []
        for count, at, term in sorted(asked):
            if chosen and read + count > _POSTINGS_LIMIT:
                break
            read += count
            chosen.append((at, term))
        fields, terms = [at for at, _ in chosen], [term for _, term in chosen]
        return [(row[0], row[1], row[2], row[3]) for row in self.source.query(_POSTINGS, (fields, terms))]

    def _best_present(self, ids: Ids, scores: NDArray[np.float64], k: int) -> tuple[Ids, Scores]:
        """Return the best k that are not deleted: a posting stays until the postings are built anew."""
        wide = k + _SPARE
        while True:
            best, rounded = best_first(ids, scores, wide)
            present = [row[0] for row in self.source.query(_PRESENT, (best.tolist(),))]
            kept = is_member(best, np.sort(np.array(present, dtype=np.int64)))
            if kept.sum() >= k or wide >= len(ids):
                return best[kept][:k], rounded[kept][:k]
            wide *= 4


def offered_extensions(sql: Sql) -> list[str]:
    """Return the extensions for BM25 that the server has, each with its version and whether it is installed here."""
    rows = sql.rows(_OFFERED, (list(BM25_EXTENSIONS),))
    return [
        f"{name} {installed} (installed)" if installed else f"{name} {offered} (available)"
        for name, installed, offered in rows
    ]
