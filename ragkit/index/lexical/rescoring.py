"""BM25 of tantivy's hits, by mean lengths without deleted chunks.

tantivy's own means count deleted chunks until its files are rewritten. Its hits are scored again, so that the same
chunks are found whenever the files were written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.index.lexical.bm25 import idf, length_damping, rounded_lengths, saturated
from ragkit.index.lexical.term_codes import LINE, Codes, codes_of

Scores = NDArray[np.float64]

STOP_WORD_RATIO: Final = 0.6
"""Assumed ratio of stop words to content words in a chunk (0.45 to 0.95 in our collections); the stop words of deleted
chunks are not counted."""
_EXPLAINED: Final = frozenset(("N", "n", "freq", "dl"))


def content_scores(
    codes: Codes, sizes: NDArray[np.int64], weights: Mapping[str, Mapping[str, float]], means: Mapping[str, float]
) -> Scores:
    """Return the BM25 of some chunks by their body and context line, float64 (n,).

    codes: uint32, of all chunks, one after the other; sizes: int64 (n,), the number of codes of each, as
    `LexicalIndex.codes` returns them. weights: of each term, by field; means: the mean length in terms, by field.
    """
    scores = np.zeros(len(sizes))
    if not len(codes):
        return scores
    ends = codes == LINE
    rows = np.repeat(np.arange(len(sizes)), sizes)
    lines = np.cumsum(ends) - ends
    starts = np.minimum(np.cumsum(sizes) - sizes, len(codes) - 1)
    in_context = lines == lines[starts][rows]
    for name, inside in (("body", ~in_context & ~ends), ("context", in_context & ~ends)):
        lengths = np.bincount(rows[inside], minlength=len(sizes))
        damping = length_damping(rounded_lengths(lengths), means[name])
        asked = codes_of(weights[name])
        order = np.argsort(asked)
        if not len(order):
            continue
        here, owners = codes[inside], rows[inside]
        places = order[np.minimum(np.searchsorted(asked, here, sorter=order), len(order) - 1)]
        same = asked[places] == here
        keys = owners[same] * len(asked) + places[same]
        counts = np.bincount(keys, minlength=len(sizes) * len(asked)).reshape(len(sizes), len(asked))
        weight = np.fromiter(weights[name].values(), dtype=np.float64)
        scores += saturated(counts, damping[:, None], weight=weight).sum(axis=1)
    return scores


def explained_score(explanation: str, mean: float, *, otherwise: float) -> float:
    """Return the score of tantivy's explanation (JSON), computed with another mean length of the field in terms.

    otherwise: the score to return where the explanation has another form; its wording is no stable interface.
    """
    score = 0.0
    for factor, numbers in _terms(json.loads(explanation), 1.0):
        if not numbers.keys() >= _EXPLAINED:
            return otherwise
        damping = length_damping(np.array(numbers["dl"]), mean)
        weight = factor * idf(numbers["N"], numbers["n"])
        score += float(saturated(np.array(numbers["freq"]), damping, weight=weight))
    return score or otherwise


def explained_numbers(explained: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of an explanation by the first word of their descriptions."""
    found = {str(explained.get("description", "")).split(",")[0]: float(explained["value"])}
    for item in explained.get("details") or ():
        found.update(explained_numbers(item))
    return found


def _terms(explained: Mapping[str, Any], factor: float) -> Iterator[tuple[float, dict[str, float]]]:
    """Yield the boost and the numbers of each term."""
    said = str(explained.get("description", ""))
    if said.startswith("Boost x"):
        factor *= float(said.removeprefix("Boost x").split()[0])
    if said.startswith("TermQuery"):
        yield factor, explained_numbers(explained)
        return
    for item in explained.get("details") or ():
        yield from _terms(item, factor)
