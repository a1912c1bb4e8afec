"""One question to several collections: the hits of all, merged by score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ragkit.errors import InputError
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.types.hits import Hits


def search_collections(
    bases: Sequence[KnowledgeBase],
    question: str,
    *,
    k: int | None = None,
    where: Mapping[str, Any] | None = None,
) -> Hits:
    """Return the best hits of several open collections, at most k, best first; each hit names its `collection`.

    Scores are absolute (0..1), so those of collections with the same model and settings compare. The confidence is the
    best of all; warnings begin with the collection's name; `generation` is 0, since there is one for each collection.
    Raises what `KnowledgeBase.search` raises, and InputError without a collection.
    """
    if not bases:
        raise InputError("there is no collection to search", cure="give at least one KnowledgeBase")
    count = bases[0].settings.retrieval.k if k is None else k
    found = [(base.collection, base.search(question, k=count, where=where)) for base in bases]
    hits = [replace(hit, collection=name) for name, part in found for hit in part]
    best = sorted(hits, key=lambda hit: -hit.score)[:count]
    return Hits(
        [replace(hit, rank=rank) for rank, hit in enumerate(best, 1)],
        confidence=max(part.confidence for _, part in found),
        warnings=[f"{name}: {warning}" for name, part in found for warning in part.warnings],
        corrected={typed: used for _, part in found for typed, used in part.corrected.items()},
    )
