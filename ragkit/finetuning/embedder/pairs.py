"""Question-passage pairs for training an embedding model, from a set of `ragkit eval make` or a BEIR folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ragkit.chunking.chunker import chunk_document
from ragkit.embedding.base import Embedder
from ragkit.errors import InputError
from ragkit.evaluation.datasets.types import RankingSet
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.settings import ChunkSettings
from ragkit.types.documents import Chunk

LEAST: Final = 30
"""Fewer pairs than this are refused."""
_SEARCHED: Final = 20


@dataclass(frozen=True, slots=True)
class Pair:
    """A question, a chunk that answers it, and a hard negative ("" for none), as they are embedded."""

    question: str
    positive: str
    negative: str


def make_pairs(dataset: RankingSet, *, part: str, embedder: Embedder, settings: ChunkSettings) -> list[Pair]:
    """Return the pairs of one part of a set: every question with the chunks that hold its answer.

    Without passages in the set the first chunk of a right document stands for it. Raises InputError for fewer than 30.
    """
    chunks: dict[str, list[Chunk]] = {}
    documents = {document.source: document for document in dataset.documents}

    def chunks_of(source: str) -> list[Chunk]:
        if source not in chunks:
            chunks[source] = chunk_document(documents[source], embedder=embedder, settings=settings)
        return chunks[source]

    pairs = []
    for name, query in dataset.queries.items():
        if query.part != part:
            continue
        for source, spans in _places(dataset, name).items():
            right = [chunk for chunk in chunks_of(source) if _touches(chunk, spans)] or chunks_of(source)[:1]
            pairs += [Pair(query.text, chunk.embedded, "") for chunk in right[:2]]
    if len(pairs) < LEAST:
        raise InputError(
            f"{dataset.name} has {len(pairs)} pairs in part {part!r}, and {LEAST} is the least",
            cure="ragkit eval make with more --questions",
        )
    return pairs


def _places(dataset: RankingSet, name: str) -> Mapping[str, Sequence[tuple[int, int]]]:
    """Return the documents that answer a question, each with its spans; none where the set has no passages."""
    places: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for source, grade in dataset.qrels[name].items():
        if grade > 0:
            places[source] = []
    for item in dataset.passages.get(name, ()):
        places[item.document].append((item.start, item.end))
    return places


def _touches(chunk: Chunk, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start < chunk.end and chunk.start < end for start, end in spans)


def with_negatives(pairs: Sequence[Pair], kb: KnowledgeBase) -> list[Pair]:
    """Return the pairs with a hard negative each: the current model's best hit that is not the right chunk."""
    right: dict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        right[pair.question].add(pair.positive)
    found: dict[str, str] = {}
    for question, positives in right.items():
        hits = kb.search(question, k=_SEARCHED)
        texts = (f"{hit.context}\n{hit.text}" if hit.context else hit.text for hit in hits)
        found[question] = next((text for text in texts if not _same(text, positives)), "")
    return [Pair(pair.question, pair.positive, found[pair.question]) for pair in pairs]


def _same(text: str, positives: set[str]) -> bool:
    """Return whether a hit is one of the right chunks, or has one in it: neighbours are merged into one hit."""
    return any(text in positive or positive in text or positive.rpartition("\n")[2] in text for positive in positives)
