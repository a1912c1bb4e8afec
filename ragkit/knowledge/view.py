"""A reader's view of a KnowledgeBase: questions and documents, limited by the reader's access labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ragkit.chat.base import ChatModel
from ragkit.errors import NotFoundError
from ragkit.knowledge.querying import Asked, Querying
from ragkit.knowledge.validation import History
from ragkit.settings import Settings
from ragkit.store.base import Store
from ragkit.store.filters import Condition, Filter, both, parse_filter
from ragkit.store.originals import Originals
from ragkit.text.cleaning import show
from ragkit.types.answers import Answer, TextCheck
from ragkit.types.collection import DocumentInfo, FileState
from ragkit.types.documents import Document
from ragkit.types.hits import Hits
from ragkit.types.prompts import Example, Prompt


class KnowledgeView:
    """One collection as one reader sees it; made by `KnowledgeBase.view`. It changes nothing.

    Documents that the reader may not see are left out before anything is ranked, counted or listed: k passages come
    back whenever k visible ones match, and a hidden document is one that is not there. Thread-safe.
    """

    def __init__(self, store: Store, querying: Querying, *, collection: str, access: Filter | None) -> None:
        self.collection = collection
        self._store = store
        self._access = access
        self._querying = querying

    @property
    def folder(self) -> Path:
        """The folder of the collection's files, which also holds its prompts, examples and feedback."""
        return self._store.folder

    @property
    def settings(self) -> Settings:
        """The settings in use."""
        return self._querying.settings

    @property
    def chat(self) -> ChatModel:
        """The chat model in use, loaded now; see `KnowledgeBase.chat`."""
        return self._querying.chat

    @property
    def restricted(self) -> bool:
        """Whether some documents may be hidden from this reader."""
        return self._access is not None

    def search(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Mapping[str, Any] | None = None,
        history: History = (),
    ) -> Hits:
        """Return the visible passages that answer a question best; see `KnowledgeBase.search`."""
        return self._querying.search(Asked(question, k, where, history))

    async def asearch(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Mapping[str, Any] | None = None,
        history: History = (),
    ) -> Hits:
        """Search without blocking the event loop; see `KnowledgeBase.asearch`."""
        return await self._querying.asearch(Asked(question, k, where, history))

    def prompt(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Mapping[str, Any] | None = None,
        history: History = (),
        examples: Sequence[Example] = (),
        budget: int | None = None,
    ) -> Prompt:
        """Return messages for any chat model; see `KnowledgeBase.prompt`."""
        return self._querying.prompt(Asked(question, k, where, history, examples), budget=budget)

    def ask(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Mapping[str, Any] | None = None,
        history: History = (),
        examples: Sequence[Example] = (),
    ) -> Answer:
        """Return a checked answer; see `KnowledgeBase.ask`."""
        return self._querying.ask(Asked(question, k, where, history, examples))

    def stream(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Mapping[str, Any] | None = None,
        history: History = (),
        examples: Sequence[Example] = (),
    ) -> Iterator[str | Answer]:
        """Yield the text of an answer, then the checked Answer; see `KnowledgeBase.stream`."""
        return self._querying.stream(Asked(question, k, where, history, examples))

    def check(self, text: str, *, k: int = 5, where: Mapping[str, Any] | None = None) -> TextCheck:
        """Return a text with a verdict for each sentence; see `KnowledgeBase.check`."""
        return self._querying.check(text, k=k, where=where)

    def documents(
        self,
        *,
        prefix: str = "",
        where: Mapping[str, Any] | None = None,
        newest: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[DocumentInfo]:
        """Return the visible documents by source: those whose source begins with a prefix and that match a filter.

        newest: those that were written last come first. Raises FilterError, also for a filter about pages.
        """
        wanted = both(self._access, parse_filter(where))
        with self._store.read() as reader:
            return reader.documents.infos(prefix=prefix, where=wanted, newest=newest, limit=limit, offset=offset)

    def info(self, source: str) -> DocumentInfo:
        """Return the listing entry of one visible document. Raises NotFoundError."""
        return self._one(source)[0]

    def document(self, source: str) -> Document:
        """Return a whole visible document. Raises NotFoundError."""
        return self._one(source)[1]

    def original(self, source: str) -> FileState | None:
        """Return the file that a visible document was read from: one of a folder, or the kept original of an upload.

        None for others. Raises NotFoundError.
        """
        sha256 = self._one(source)[0].sha256
        with self._store.read() as reader:
            found = next((state for state in reader.files.of(source) if not state.reason), None)
        return found or Originals(self._store.folder).state(source, sha256)

    def both(self, source: str) -> tuple[DocumentInfo, Document]:
        """Return `info` and `document` of one committed state. Raises NotFoundError."""
        return self._one(source)

    def status(self) -> dict[str, Any]:
        """Return the name, the age, the model, the last generation and the counts of the visible documents, as JSON."""
        with self._store.read() as reader:
            fingerprint, generation, created_at = reader.fingerprint, reader.generation, reader.created_at
            if self._access is None:
                counts = reader.counts()
                documents, pages, chunks = counts.documents, counts.pages, counts.chunks
            else:
                found = reader.documents.infos(where=self._access)
                documents, pages = len(found), sum(item.pages for item in found)
                chunks = sum(item.chunks for item in found)
        return {
            "collection": self.collection,
            "created_at": created_at,
            "documents": documents,
            "pages": pages,
            "chunks": chunks,
            "generation": generation,
            "model": fingerprint.model if fingerprint else None,
        }

    def _one(self, source: str) -> tuple[DocumentInfo, Document]:
        with self._store.read() as reader:
            if self._access is None:
                return reader.documents.info(source), reader.documents.get(source)
            wanted = both(self._access, Condition("eq", "source", (source,)))
            found = reader.documents.infos(prefix=source, where=wanted, limit=1)
            if not found:
                raise NotFoundError(
                    f"there is no document {show(source, 120)!r}", cure="list them with: ragkit documents"
                )
            return found[0], reader.documents.get(source)
