"""Which documents a request means, and their removal or new metadata in one generation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ragkit import Metadata, NotFoundError, show
from ragkit_service.jobs.types import JobRequest

if TYPE_CHECKING:
    from ragkit import KnowledgeBase


def matching_sources(knowledge: KnowledgeBase, request: JobRequest) -> list[str]:
    """Return the sources that a request means; NotFoundError for a named one that the sender does not see."""
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


def describe_sources(knowledge: KnowledgeBase, sources: Sequence[str], metadata: Metadata) -> int | None:
    """Add metadata to documents, whose texts and vectors stay; return the generation if anything changed."""
    view = knowledge.view(None)
    documents = [view.document(source) for source in sources]
    new = [replace(document, metadata={**document.metadata, **metadata}) for document in documents]
    if new == documents:
        return None
    with knowledge.writer(kind="describe") as writer:
        writer.add(new)
        return writer.generation
