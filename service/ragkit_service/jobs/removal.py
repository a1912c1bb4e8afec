"""Which documents a request removes, and their removal in one generation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragkit import NotFoundError, show
from ragkit_service.jobs.types import JobRequest

if TYPE_CHECKING:
    from ragkit import KnowledgeBase


def matching_sources(knowledge: KnowledgeBase, request: JobRequest) -> list[str]:
    """Return the sources to remove; NotFoundError for a named one that the sender does not see."""
    view = knowledge.view(request.labels)
    if not request.sources:
        return [item.source for item in view.documents(prefix=request.prefix, where=request.where)]
    for source in request.sources:
        if not any(item.source == source for item in view.documents(prefix=source, limit=1)):
            raise NotFoundError(
                f"there is no document {show(source, 200)!r}", cure="GET the documents to see the sources"
            )
    return list(request.sources)


def remove_sources(knowledge: KnowledgeBase, sources: Sequence[str]) -> tuple[int, int | None]:
    """Remove documents as one generation; return how many there were, and the generation if there was any."""
    if not sources:
        return 0, None
    with knowledge.writer(kind="remove") as writer:
        removed = sum(writer.remove(source) for source in sources)
        return removed, writer.generation if removed else None
