"""An index of terms in tantivy's segments, opened for searching. User text is never parsed as a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.index.chunk_files import ChunkFile, find_in_files
from ragkit.index.lexical.base import LexicalFacts
from ragkit.index.lexical.bm25 import idf
from ragkit.index.lexical.chunk_terms import STOP_WORDS
from ragkit.index.lexical.deletions import DeletedTermCounts
from ragkit.index.lexical.ranking import Weights
from ragkit.index.lexical.rescoring import explained_score

Ids = NDArray[np.int64]

_FEW: Final = 300
_NO_IDS: Final[Ids] = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class TantivyBase:
    """tantivy's searcher and schema, the terms of its chunks, and its facts; see `ragkit.index.lexical.base`.

    deleted: term counts of deleted chunks, which tantivy counts until it merges their segment.
    """

    searcher: Any
    schema: Any
    terms: Sequence[ChunkFile]
    facts: LexicalFacts
    deleted: DeletedTermCounts = field(default_factory=DeletedTermCounts)

    def containing(self, name: str, term: str) -> int:
        """Return how many chunks have a term in a field; deleted chunks do not count."""
        counted = int(self.searcher.doc_freq(name, term))
        return counted - self.deleted.containing(name, term) if counted else 0

    def beginning(self, name: str, prefix: str) -> dict[str, int]:
        """Return the terms of a field that begin with a prefix, with their number of chunks, deleted ones included."""
        return dict(self.searcher.terms_with_prefix(name, prefix))

    def ids(self) -> Ids:
        """Return the ids of all chunks that are not deleted, ascending. It reads through the files."""
        import tantivy

        count = self.searcher.num_docs
        ids, _ = self.search(tantivy.Query.all_query(), count) if count else (_NO_IDS, None)
        return np.sort(ids)

    def packed(self, ids: Ids) -> dict[int, memoryview]:
        """Return `Terms.packed` of chunks by id; unknown chunks are left out."""
        return find_in_files(self.terms, ids)

    def query(self, weights: Weights) -> Any:
        """Return tantivy's query for weighted terms, None when the files have none of them."""
        if not self.facts.live:
            return None
        import tantivy

        make = tantivy.Query
        clauses = []
        for name, terms in weights.items():
            for term, weight in terms.items():
                containing = self.searcher.doc_freq(name, term)
                if containing:  # tantivy multiplies by its own idf: divide by it
                    boost = weight / idf(self.facts.documents, containing)
                    one = make.boost_query(make.term_query(self.schema, name, term, "freq"), boost)
                    clauses.append((tantivy.Occur.Should, one))
        return make.boolean_query(clauses) if clauses else None

    def search(self, query: Any, limit: int, *, among: Ids | None = None) -> tuple[Ids, NDArray[np.float64]]:
        """Return the ids and scores of the best hits, best first. among: ascending ids to choose from."""
        if among is not None:
            query = self._both(query, among)
        hits = self.searcher.search(query, limit=max(limit, 1), count=False).hits
        if not hits:
            return _NO_IDS, np.empty(0)
        ids = self.searcher.fast_field_values("id", [place for _, place in hits])
        return np.array(ids, dtype=np.int64), np.array([score for score, _ in hits], dtype=np.float64)

    def stop_word_scores(self, ids: Ids, weights: Mapping[str, float], mean: float) -> NDArray[np.float64]:
        """Return the BM25 of chunks by stop words alone (n,), from tantivy's explanation of each score."""
        scores = np.zeros(len(ids))
        query = self.query({STOP_WORDS: weights}) if len(ids) else None
        if query is None:
            return scores
        hits = self.searcher.search(self._both(query, ids), limit=len(ids), count=False).hits
        found = self.searcher.fast_field_values("id", [place for _, place in hits])
        places = {number: at for at, number in enumerate(ids.tolist())}
        for number, (score, place) in zip(found, hits, strict=True):
            explanation = query.explain(self.searcher, place).to_json()
            scores[places[number]] = explained_score(explanation, mean, otherwise=score)
        return scores

    def _both(self, query: Any, ids: Ids) -> Any:
        """Return the intersection of a query with chunks, scored by the query alone."""
        import tantivy

        must = tantivy.Occur.Must
        among = tantivy.Query.const_score_query(self._any_of(ids), 0.0)
        return tantivy.Query.boolean_query([(must, among), (must, query)])

    def _any_of(self, ids: Ids) -> Any:
        """Return a query for chunks by their ids."""
        import tantivy

        make = tantivy.Query
        if len(ids) > _FEW:
            return make.term_set_query(self.schema, "id", ids.tolist())
        should = tantivy.Occur.Should
        wanted = [(should, make.term_query(self.schema, "id", item, "basic")) for item in ids.tolist()]
        return make.boolean_query(wanted)
