"""The fields of a hit for every framework, and the protocol of the collections that retrievers search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ragkit.types.hits import Hit, Hits


class Searchable(Protocol):
    """Something that can be searched: a KnowledgeBase, or a view of one."""

    def search(self, question: str, *, k: int | None = None, where: Mapping[str, Any] | None = None) -> Hits:
        """Return the passages that answer a question best."""

    async def asearch(self, question: str, *, k: int | None = None, where: Mapping[str, Any] | None = None) -> Hits:
        """Return the same without blocking the event loop."""


def hit_fields(hit: Hit) -> dict[str, Any]:
    """Return the document's own metadata, and over it ragkit's fields, which it can never change.

    page counts from 1; start and end are code points of the document's text; scores are 0..1.
    """
    return {
        **hit.metadata,
        "source": hit.source,
        "title": hit.title,
        "sha256": hit.sha256,
        "media_type": hit.media_type,
        "page": hit.page,
        "page_end": hit.page_end,
        "page_label": hit.page_label,
        "start": hit.start,
        "end": hit.end,
        "heading": hit.heading,
        "rank": hit.rank,
        "score": hit.score,
        "scores": dict(hit.scores),
    }


def hit_id(hit: Hit) -> str:
    """Return an id that the same passage of the same document always has."""
    return f"{hit.source}#{hit.start}-{hit.end}@{hit.sha256[:12]}"
