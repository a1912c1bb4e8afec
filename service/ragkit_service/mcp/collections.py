"""The protocol of collections for the tools: those of the service for a request, or of a process over stdio."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from ragkit import InputError

if TYPE_CHECKING:
    from ragkit import KnowledgeView


class ReadableCollections(Protocol):
    """The collections that a caller may read."""

    def names(self) -> list[str]:
        """Return their names."""

    def reading(self, name: str) -> AbstractContextManager[KnowledgeView]:
        """Lend a collection; NotFoundError when there is none of that name."""

    def url(self, collection: str, source: str, *, start: int | None = None, end: int | None = None) -> str:
        """Return the address of a document, opened at the code points [start, end)."""


def one_of(collections: ReadableCollections, named: str) -> str:
    """Return the named collection, or the only one. Raises InputError when there are several."""
    if named:
        return named
    names = collections.names()
    if len(names) != 1:
        raise InputError(
            f"there are {len(names)} collections", cure=f"name one with `collection`: {', '.join(names) or 'none yet'}"
        )
    return names[0]
