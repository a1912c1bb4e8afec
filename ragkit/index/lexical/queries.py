"""Queries to tantivy: terms with our own weights, among given chunks. User text is never parsed as a query."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.index.lexical.bm25 import idf
from ragkit.index.lexical.files import LexicalBase

Ids = NDArray[np.int64]
Weights = Mapping[str, Mapping[str, float]]

_FEW: Final = 300
_NO_IDS: Final[Ids] = np.empty(0, dtype=np.int64)


def weighted_query(base: LexicalBase | None, weights: Weights) -> Any:
    """Return a query for weighted terms, None when the files have none of them."""
    if base is None or not base.facts.live:
        return None
    import tantivy

    make = tantivy.Query
    clauses = []
    for field, terms in weights.items():
        for term, weight in terms.items():
            containing = base.searcher.doc_freq(field, term)
            if containing:  # tantivy multiplies by its own idf: divide by it
                boost = weight / idf(base.facts.documents, containing)
                one = make.boost_query(make.term_query(base.schema, field, term, "freq"), boost)
                clauses.append((tantivy.Occur.Should, one))
    return make.boolean_query(clauses) if clauses else None


def any_of(base: LexicalBase, ids: Ids) -> Any:
    """Return a query for chunks by their ids."""
    import tantivy

    make = tantivy.Query
    if len(ids) > _FEW:
        return make.term_set_query(base.schema, "id", ids.tolist())
    should = tantivy.Occur.Should
    return make.boolean_query([(should, make.term_query(base.schema, "id", item, "basic")) for item in ids.tolist()])


def both(query: Any, among: Any) -> Any:
    """Return the intersection of two queries, scored by the first alone."""
    import tantivy

    must = tantivy.Occur.Must
    return tantivy.Query.boolean_query([(must, tantivy.Query.const_score_query(among, 0.0)), (must, query)])


def run_query(base: LexicalBase, query: Any, limit: int) -> tuple[Ids, NDArray[np.float64]]:
    """Return the ids and scores of the best hits, best first."""
    hits = base.searcher.search(query, limit=max(limit, 1), count=False).hits
    if not hits:
        return _NO_IDS, np.empty(0)
    ids = base.searcher.fast_field_values("id", [place for _, place in hits])
    return np.array(ids, dtype=np.int64), np.array([score for score, _ in hits], dtype=np.float64)
