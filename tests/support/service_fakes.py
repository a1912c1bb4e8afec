"""A library in memory, to test the HTTP service without models, files or processes."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from ragkit import (
    AddProgress,
    AddReport,
    Answer,
    Citation,
    ConflictError,
    Document,
    DocumentInfo,
    Example,
    ExtractionError,
    Generation,
    Hit,
    Hits,
    InputError,
    LockedError,
    Message,
    NotFoundError,
    Prompt,
    RagkitError,
    Settings,
)
from ragkit.chat.base import ChatModel
from ragkit.chat.loading import load_chat
from ragkit.citations.statements import check_text
from ragkit.retrieval.questions import checked_question
from ragkit.types.answers import TextCheck
from ragkit_service import Limits, ServiceSettings, create_app
from ragkit_service.jobs.extractor import Extractor

KEY = "k-3f9c1d5e7a"
LOCAL = "http://127.0.0.1:8000"


@dataclass
class FakeKnowledge:
    """A KnowledgeBase by words in common. `before` runs at the start of each call, to wait or to raise."""

    name: str
    docs: dict[str, Document] = field(default_factory=dict)
    closed: bool = False
    before: Callable[[str], None] = lambda _: None
    pieces: Callable[[str], Iterator[str]] = lambda _: iter(["Thirty days ", "[1]."])
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    generation: int = 0
    restricted: bool = False
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="ragkit-fake-")))

    settings: Settings = field(default_factory=Settings)

    @property
    def chat(self) -> ChatModel:
        """Return the extractive model."""
        return load_chat(self.settings.chat)

    def follow_files(self) -> bool:
        """Return False: no other machine has its files."""
        return False

    def original(self, source: str) -> None:
        """Return the file of a document: there is none."""
        self._called("original", source=source)

    def _called(self, what: str, **arguments: Any) -> None:
        assert not self.closed, "used after close"
        self.calls.append((what, arguments))
        self.before(what)

    def search(
        self, question: str, *, k: int | None = None, where: Any = None, history: Sequence[Message] = ()
    ) -> Hits:
        self._called("search", question=question, k=k, where=where, history=list(history))
        words = set(checked_question(question, self.settings.retrieval).lower().split())
        found = [doc for doc in self.docs.values() if words & set(doc.text.lower().split())]
        hits = [self._hit(rank, doc) for rank, doc in enumerate(found[: k or 5], 1)]
        return Hits(hits, confidence=0.9 if hits else 0.0, generation=self.generation)

    async def asearch(self, question: str, **options: Any) -> Hits:
        return await asyncio.to_thread(self.search, question, **options)

    def check(self, text: str, *, k: int = 5, where: Any = None) -> TextCheck:
        return check_text(text, lambda statement: self.search(statement, k=k, where=where))

    def prompt(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Any = None,
        history: Sequence[Message] = (),
        examples: Sequence[Example] = (),
        budget: int | None = None,
    ) -> Prompt:
        hits = self.search(question, k=k, where=where, history=history)
        messages = (Message("system", "Answer from the sources."), *history, Message("user", question))
        return Prompt(question, messages, tuple(hits), {"total": 9}, budget or 3000, "o200k_base", False, "nonce")

    def stream(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Any = None,
        history: Sequence[Message] = (),
        examples: Sequence[Example] = (),
    ) -> Iterator[str | Answer]:
        hits = self.search(question, k=k, where=where, history=history)
        return self._stream(question, hits)

    def _stream(self, question: str, hits: Hits) -> Iterator[str | Answer]:
        text = ""
        for piece in self.pieces(question):
            text += piece
            yield piece
        yield self.answer(question, text, hits)

    def answer(self, question: str, text: str, hits: Hits) -> Answer:
        citations = tuple(_cite(hit, text) for hit in hits[:1])
        return Answer(question, text, "answered" if hits else "abstained", citations, "fake", {"total": 9}, 0.9)

    def view(self, labels: Sequence[str] | None) -> FakeKnowledge:
        """Return this collection without the documents that these labels do not show."""
        if labels is None:
            return self
        seen = {source: doc for source, doc in self.docs.items() if visible(doc, labels)}
        made = FakeView(self.name, seen, before=self.before, pieces=self.pieces, calls=self.calls, restricted=True)
        made.folder = self.folder
        return made

    def writing(self, *, alone: bool = False) -> str:
        """Return who else writes, as `before` tells by raising LockedError."""
        try:
            self.before("writer")
        except LockedError as error:
            return error.holder
        except RagkitError:
            return ""
        return ""

    def documents(
        self,
        *,
        prefix: str = "",
        where: Any = None,
        newest: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[DocumentInfo]:
        self._called("documents", where=where)
        found = [self._info(self.docs[source]) for source in sorted(self.docs) if source.startswith(prefix)]
        if where is not None:
            found = [item for item in found if item.metadata.get(where["key"]) == where["value"]]
        return found[offset : None if limit is None else offset + limit]

    def document(self, source: str) -> Document:
        self._called("document")
        if source not in self.docs:
            raise NotFoundError(f"there is no document {source!r} in {self.name!r}", cure="ragkit documents lists them")
        return self.docs[source]

    def info(self, source: str) -> DocumentInfo:
        return self.both(source)[0]

    def both(self, source: str) -> tuple[DocumentInfo, Document]:
        document = self.document(source)
        return self._info(document), document

    def status(self) -> dict[str, Any]:
        self._called("status")
        return {
            "data": "/srv/secret/data",
            "collection": self.name,
            "created_at": "2026-01-01T00:00:00Z",
            "documents": len(self.docs),
            "pages": 0,
            "chunks": len(self.docs),
            "generation": self.generation,
            "model": "/srv/models/mini",
        }

    def history(self) -> list[Generation]:
        self._called("history")
        return [Generation(1, "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "add", 1, 0, 0, "fake", "f" * 64, "1")]

    @contextmanager
    def writer(self, *, kind: str = "ingest", extractor: str = "") -> Iterator[FakeWriter]:
        self._called("writer", kind=kind, extractor=extractor)
        self.generation += 1
        yield FakeWriter(self)

    def close(self) -> None:
        assert not self.closed, "closed twice"
        self.closed = True

    @staticmethod
    def _hit(rank: int, doc: Document) -> Hit:
        page = 1 if doc.pages else None
        scores = {"dense": 0.8, "lexical": 0.9}
        return Hit(
            rank=rank,
            score=0.85,
            scores=scores,
            source=doc.source,
            title=doc.title,
            sha256=doc.sha256,
            media_type=doc.media_type,
            page=page,
            page_end=page,
            page_label=None,
            start=0,
            end=len(doc.text),
            heading="",
            text=doc.text,
            metadata=doc.metadata,
        )

    def _info(self, doc: Document) -> DocumentInfo:
        return DocumentInfo(
            source=doc.source,
            title=doc.title,
            sha256=doc.sha256,
            media_type=doc.media_type,
            characters=len(doc.text),
            pages=len(doc.pages),
            chunks=1,
            generation=self.generation,
            updated_at="2026-01-01T00:00:00Z",
            metadata=doc.metadata,
        )


class FakeView(FakeKnowledge):
    """A FakeKnowledge with fewer documents."""


def visible(document: Document, labels: Sequence[str]) -> bool:
    """Return whether a reader with some labels sees a document."""
    acl = document.metadata.get("acl")
    return not acl or bool(set(labels) & set(acl if isinstance(acl, tuple) else (acl,)))


def _cite(hit: Hit, sentence: str) -> Citation:
    return Citation(
        number=1,
        source=hit.source,
        title=hit.title,
        sha256=hit.sha256,
        page=hit.page,
        page_label=hit.page_label,
        start=0,
        end=len(hit.text),
        quote=hit.text,
        supported=True,
        sentence=sentence,
    )


@dataclass
class FakeWriter:
    """Writes to a FakeKnowledge."""

    knowledge: FakeKnowledge

    @property
    def generation(self) -> int:
        return self.knowledge.generation

    def add(
        self,
        documents: Iterable[Document],
        *,
        progress: Callable[[AddProgress], None],
        reject: Callable[[Document, InputError], None],
        stopped: Callable[[], bool],
    ) -> AddReport:
        for count, document in enumerate(documents, 1):
            if stopped():
                break
            before = self.knowledge.docs.get(document.source)
            self.knowledge.docs[document.source] = document
            same = before is not None and before.text == document.text
            outcome = "added" if before is None else "unchanged" if same else "changed"
            progress(AddProgress(count, count, count, document.source, outcome))
        return AddReport()

    def remove(self, source: str) -> bool:
        return self.knowledge.docs.pop(source, None) is not None


class FakeLibrary:
    """Collections in memory. `opened` holds every FakeKnowledge ever opened, by name."""

    def __init__(self, *names: str) -> None:
        self._ids = itertools.count()
        self._identities = {name: next(self._ids) for name in names}
        self.shelves: dict[str, dict[str, Document]] = {name: {} for name in names}
        self.opened: dict[str, list[FakeKnowledge]] = {}
        self.prepare: Callable[[FakeKnowledge], None] = lambda _: None
        self.before_warm: Callable[[], object] = lambda: None
        self.warm_error: Exception | None = None
        self.open_error: Exception | None = None
        self.delete_error: Exception | None = None

    def put(self, name: str, source: str, text: str) -> None:
        """Store a document, as another process would."""
        self.shelves[name][source] = Document.from_text(source, text, title=source)

    def names(self) -> list[str]:
        return sorted(self._identities)

    def identity(self, name: str) -> int | None:
        return self._identities.get(name)

    def open(self, name: str) -> Any:
        if self.open_error is not None:
            raise self.open_error
        knowledge = FakeKnowledge(name, self.shelves[name])
        self.prepare(knowledge)
        self.opened.setdefault(name, []).append(knowledge)
        return knowledge

    def create(self, name: str) -> None:
        if name in self._identities:
            raise ConflictError(f"there is a collection {name!r} already", cure="choose another name")
        self._identities[name] = next(self._ids)
        self.shelves[name] = {}

    def delete(self, name: str) -> None:
        if self.delete_error is not None:
            raise self.delete_error
        del self._identities[name]
        del self.shelves[name]

    def warm(self) -> None:
        self.before_warm()
        if self.warm_error is not None:
            raise self.warm_error


def plain_extractor(extract: Callable[[Path], Document] | None = None) -> Extractor:
    """Return an extractor that takes any UTF-8 file as text."""

    def read(path: Path) -> Document:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ExtractionError("binary", "not UTF-8") from error
        return Document.from_text(path.name, text, title=path.stem)

    return Extractor("fake-1", extract or read)


def client(
    library: FakeLibrary,
    data: Path,
    *,
    limits: Limits | None = None,
    extractor: Extractor | None = None,
    base_url: str = LOCAL,
    **settings: Any,
) -> TestClient:
    """Return a client of the service over a library in memory; enter it to run the lifespan."""
    settings_used = ServiceSettings(data=data, limits=limits or Limits(), **settings)
    app = create_app(settings_used, library=library, extractor=extractor or plain_extractor())
    return TestClient(app, base_url=base_url)
