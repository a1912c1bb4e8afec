"""`ragkit mcp`: the same tools over standard input and output, for a client that starts this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from ragkit import MissingPackageError, NotFoundError, Settings, data_folder, show
from ragkit_service.collection_pool import CollectionPool, DataFolder, Library
from ragkit_service.document_ids import document_id
from ragkit_service.errors import Redactor

if TYPE_CHECKING:
    from ragkit import KnowledgeView


class FolderCollections:
    """The collections of a data folder, or only the named ones."""

    def __init__(self, pool: CollectionPool, only: Sequence[str] = ()) -> None:
        self._pool = pool
        self._only = tuple(only)

    def names(self) -> list[str]:
        """Return their names."""
        return [name for name in self._pool.names() if not self._only or name in self._only]

    def reading(self, name: str) -> AbstractContextManager[KnowledgeView]:
        """Lend a collection; NotFoundError when there is none of that name."""
        if self._only and name not in self._only:
            raise NotFoundError(f"there is no collection {show(name, 80)!r}", cure=f"use {', '.join(self._only)}")
        return self._lent(name)

    @contextmanager
    def _lent(self, name: str) -> Iterator[KnowledgeView]:
        with self._pool.use(name) as knowledge:
            yield knowledge.view(None)

    def url(self, collection: str, source: str, *, start: int | None = None, end: int | None = None) -> str:
        """Return a URI that names the document; no server opens it."""
        mark = "" if start is None else f"#{start}-{end}"
        return f"ragkit://{collection}/{document_id(source)}{mark}"


def run_stdio(
    data: str | Path, *, settings: Settings, collections: Sequence[str] = (), library: Library | None = None
) -> None:
    """Serve the tools until standard input ends. Raises MissingPackageError without the package mcp."""
    try:
        from mcp.server.stdio import stdio_server

        from ragkit_service.mcp.server import Calls, mcp_server
    except ImportError as error:
        raise MissingPackageError("mcp", purpose="`ragkit mcp`", install="'ragkit[mcp]'") from error
    pool = CollectionPool(library or DataFolder(data, settings=settings))
    readable = FolderCollections(pool, collections)

    def of_process(_context: Any) -> FolderCollections:
        return readable

    async def serve() -> None:
        server = mcp_server(Calls(of_process, redactor=Redactor([data_folder(data)])))
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    try:
        anyio.run(serve)
    finally:
        pool.close()
