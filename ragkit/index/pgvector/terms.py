"""BM25 over the terms of a collection in PostgreSQL: the database gives postings, ragkit analyses and scores.

The statistics, the weights and the scores are those of the local index; the server's own text search is not used. A
process holds the postings of the question that it answers, and counts of terms that were asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ragkit.index.base import TermStatistics
from ragkit.index.lexical.bm25 import idf
from ragkit.index.lexical.chunk_terms import CONTENT_FIELDS
from ragkit.index.lexical.question import AnalysedQuestion, read_question
from ragkit.index.lexical.ranking import mean_lengths, question_weights, ranked_languages
from ragkit.index.lexical.term_codes import Codes, join_codes, unpack_text
from ragkit.index.lexical.unknown_words import TermDictionary
from ragkit.index.pgvector.postings import saturations
from ragkit.index.pgvector.sql import SqlSource
from ragkit.index.pgvector.word_candidates import PLACE, TableCandidates, WordCandidates

Ids = NDArray[np.int64]
Scores = NDArray[np.float32]
Counts = tuple[int, ...]
"""How many chunks have a term, by content field."""

_KNOWN_LIMIT: Final = 100_000
_NO_IDS: Final[Ids] = np.empty(0, dtype=np.int64)
_TOTALS: Final = """SELECT language, sum(chunks)::bigint, sum(body)::bigint, sum(context)::bigint
FROM term_totals WHERE collection = $1 GROUP BY language"""
_COUNTS: Final = """SELECT term, field, sum(size)::bigint FROM postings
WHERE collection = $1 AND field = ANY ('{0,1}') AND term = ANY ($2::text[]) GROUP BY term, field"""
_BEGINNING: Final = """SELECT term, sum(size)::bigint FROM postings
WHERE collection = $1 AND field = ANY ('{0,1}') AND term >= $2 AND term < $3 GROUP BY term HAVING sum(size) > 0"""
_PACKED: Final = "SELECT chunk_id, packed FROM chunk_terms WHERE collection = $1 AND chunk_id = ANY ($2::bigint[])"


@dataclass(frozen=True, slots=True)
class TermTotals:
    """The totals of one revision, and the counts of the terms that were asked for; shared by its readers.

    documents: chunks. lengths: their terms by content field. saturations: see `postings.saturations`.
    """

    documents: int
    lengths: Mapping[str, int]
    languages: Sequence[str]
    main_languages: frozenset[str]
    saturations: NDArray[np.float32]
    counts: dict[str, Counts] = field(default_factory=dict)

    @classmethod
    def read(cls, source: SqlSource) -> TermTotals:
        """Read the totals of a state."""
        chunks: Counter[str] = Counter()
        lengths: Counter[str] = Counter()
        for language, count, body, context in source.query(_TOTALS):
            chunks[language] = count
            lengths.update(body=body, context=context)
        languages, main = ranked_languages(chunks)
        documents = chunks.total()
        return cls(documents, lengths, languages, main, saturations(mean_lengths(lengths, documents)))


class PgTermIndex:
    """The terms of the state that a reader sees; valid as long as the reader is. See `ragkit.index.base.TermIndex`."""

    def __init__(self, source: SqlSource, totals: TermTotals, *, candidates: WordCandidates | None = None) -> None:
        """candidates: what finds chunks by words; None for the tables."""
        self._source = source
        self._totals = totals
        self._candidates = candidates or TableCandidates(source, totals.saturations)

    def __len__(self) -> int:
        """Return how many chunks can be found."""
        return self._totals.documents

    def ids(self) -> Ids:
        """Return the ids of all chunks, ascending: for checks only."""
        rows = self._source.query("SELECT chunk_id FROM chunk_terms WHERE collection = $1 ORDER BY chunk_id")
        return np.array([row[0] for row in rows], dtype=np.int64)

    @property
    def languages(self) -> list[str]:
        """The languages that questions are stemmed in, the most frequent first."""
        return list(self._totals.languages)

    @property
    def main_languages(self) -> frozenset[str]:
        """The languages of at least one chunk in twenty."""
        return self._totals.main_languages

    def statistics(self) -> TermStatistics:
        """Return the counts that BM25 uses; deleted chunks do not count."""
        return TermStatistics(len(self), sum(self._totals.lengths.values()) / max(len(self), 1))

    def question(self, text: str) -> AnalysedQuestion:
        """Return a question as it is searched and scored by here; see `read_question`."""
        main = [language for language in self.languages if language in self.main_languages] or self.languages
        dictionary = TermDictionary(main, self._frequencies, self._beginning)
        return read_question(text, languages=self.languages, idf=self.idf, dictionary=dictionary)

    def idf(self, terms: Iterable[str]) -> dict[str, float]:
        """Return the inverse document frequency of analysed terms; terms that no chunk has are left out."""
        return {term: idf(len(self), max(found)) for term, found in self._counted(terms).items() if any(found)}

    def search(self, query: str | AnalysedQuestion, k: int, *, allowed: Ids | None = None) -> tuple[Ids, Scores]:
        """Return up to k chunk ids and their BM25, best first, ties by ascending id; only chunks that share a term.

        query: plain text of any length, or what `question` returns for it. allowed: ascending chunk ids to choose from.
        """
        question = self.question(query) if isinstance(query, str) else query
        counts = self._counted(question.terms)
        weights = question_weights(question, lambda name, term: counts[term][PLACE[name]], documents=len(self))
        if k < 1 or not any(weights.values()) or (allowed is not None and not len(allowed)):
            return _NO_IDS, np.empty(0, dtype=np.float32)
        return self._candidates.best(weights, counts, k, allowed=allowed)

    def terms(self, ids: Ids) -> list[str]:
        """Return the analysed terms of chunks; see `ragkit.index.base.TermIndex.terms`."""
        return [unpack_text(item) for item in self._packed(ids)]

    def codes(self, ids: Ids) -> tuple[Codes, NDArray[np.int64]]:
        """Return the codes of the terms of chunks one after the other (see `term_codes`), and how many each has."""
        return join_codes(self._packed(ids))

    # ------------------------------------------------------------------ what the tables say

    def _packed(self, ids: Ids) -> list[bytes]:
        wanted = np.asarray(ids, dtype=np.int64).tolist()
        found: dict[int, bytes] = dict(self._source.query(_PACKED, (wanted,)))
        return [found.get(number, b"") for number in wanted]

    def _counted(self, terms: Iterable[str]) -> dict[str, Counts]:
        """Return how many chunks have each of some terms; two threads may both count them, with the same result."""
        wanted = list(terms)
        known = self._totals.counts
        found = {term: count for term in wanted if (count := known.get(term)) is not None}
        missing = [term for term in wanted if term not in found]
        if missing:
            fresh = self._count(missing)
            if len(known) > _KNOWN_LIMIT:
                known.clear()
            known.update(fresh)
            found.update(fresh)
        return {term: found[term] for term in wanted}

    def _count(self, terms: Sequence[str]) -> dict[str, Counts]:
        counted = {term: [0] * len(CONTENT_FIELDS) for term in terms}
        for term, place, count in self._source.query(_COUNTS, (list(terms),)):
            counted[term][place] = max(count, 0)
        return {term: tuple(count) for term, count in counted.items()}

    def _frequencies(self, terms: Iterable[str]) -> dict[str, int]:
        """Return in how many chunks' text or context terms are, whichever is more; nothing is cached."""
        return {term: max(count) for term, count in self._count(list(terms)).items()}

    def _beginning(self, prefix: str) -> Iterable[tuple[str, int]]:
        """Return the terms that begin with a prefix, with their number of chunks."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        return [(term, count) for term, count in self._source.query(_BEGINNING, (prefix, end))]
