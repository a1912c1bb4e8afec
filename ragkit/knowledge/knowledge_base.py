"""KnowledgeBase: the object that connects all steps, from documents to checked answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from ragkit.chat.base import ChatModel
from ragkit.definitions.json_schema import Schema
from ragkit.embedding.base import Embedder
from ragkit.embedding.loading import load_embedder
from ragkit.errors import InputError
from ragkit.index.opening import open_indexes
from ragkit.knowledge.access import visible_to
from ragkit.knowledge.adapter_training import Bench, LabelledQuestion, Progress, learn_adapter
from ragkit.knowledge.models import LoadedModels
from ragkit.knowledge.querying import Asked, Querying
from ragkit.knowledge.rebuild import rebuild_documents, settings_of_rebuild
from ragkit.knowledge.status import collection_status, iterate_infos
from ragkit.knowledge.validation import History
from ragkit.knowledge.view import KnowledgeView
from ragkit.knowledge.writer import KnowledgeWriter
from ragkit.settings import ChunkSettings, Settings
from ragkit.store.base import Store
from ragkit.store.opening import data_folder, open_store, shown_location
from ragkit.store.originals import Originals, OriginalsRun
from ragkit.store.rows import Problem
from ragkit.types.answers import Answer, TextCheck
from ragkit.types.collection import DocumentInfo, FileState, Generation
from ragkit.types.documents import Document
from ragkit.types.hits import Hits
from ragkit.types.labels import checked_labels
from ragkit.types.progress import AddReport, ProgressCallback
from ragkit.types.prompts import Example, Prompt


def open(  # noqa: A001 (reads well as ragkit.open, as gzip.open does)
    path: str | Path,
    *,
    collection: str = "default",
    settings: Settings | None = None,
    embedder: Embedder | None = None,
    chat: ChatModel | None = None,
    create: bool = True,
) -> KnowledgeBase:
    """Open a collection of a data folder; create both when they are missing and `create` is true.

    settings: what differs from the defaults; a collection that exists keeps the chunking and the model that it was
    built with. embedder, chat: your own instead of what the settings name. No model is loaded until it is needed.

    Raises NotFoundError (missing, `create` false), ModelMismatchError (built with another model or other chunking),
    SchemaVersionError (written by a newer ragkit), CorruptError, InputError (a name that is not allowed).
    """
    return KnowledgeBase(path, collection=collection, settings=settings, embedder=embedder, chat=chat, create=create)


class KnowledgeBase:
    """One collection: search it, build prompts and answers from it, and change what it holds.

    location: where it is, without secrets. path: the data folder, or where this machine keeps files for a shared store.

    It is safe for many threads and several processes at once: readers never wait, and every call sees the last
    committed change; one process writes at a time, several in PostgreSQL (LockedError names the holder).
    """

    def __init__(
        self,
        path: str | Path,
        *,
        collection: str = "default",
        settings: Settings | None = None,
        embedder: Embedder | None = None,
        chat: ChatModel | None = None,
        create: bool = True,
    ) -> None:
        self.collection = collection
        self._store: Store = open_store(path, collection, create=create)
        self.location = shown_location(path)
        self.path = data_folder(path)
        self._models = LoadedModels(collection, settings or Settings(), embedder=embedder, chat=chat)
        try:
            with self._store.read() as reader:
                self._models.adopt(reader.pinned, reader.fingerprint)
            self._store.follow_files()
            self._indexes = open_indexes(self._store, self.settings)
        except BaseException:
            self._store.close()
            raise
        self._originals = Originals(self._store.folder)
        self._querying = Querying(self._store, self._indexes, self._models)

    @property
    def settings(self) -> Settings:
        """The settings in use: the caller's, with the chunking and the model that the collection was built with."""
        return self._models.settings

    @property
    def folder(self) -> Path:
        """The folder of the collection's files, which also holds its prompts, examples, chains and traces."""
        return self._store.folder

    @property
    def chat(self) -> ChatModel:
        """The chat model in use, loaded now. Raises ConfigError, MissingPackageError."""
        return self._models.chat()

    # ------------------------------------------------------------------ asking

    def search(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Mapping[str, Any] | None = None,
        history: History = (),
    ) -> Hits:
        """Return the passages that answer a question best, best first; at most k (default: settings.retrieval.k).

        where: a filter such as {"type": "eq", "key": "media_type", "value": "application/pdf"}; see docs/search.md. k
        passages come back whenever k match; a key that no document has is a warning. history: earlier messages, oldest
        first, for a question that refers to them.

        Raises QueryError (empty, or longer than the settings allow), FilterError, InputError (k).
        """
        return self._querying.search(Asked(question, k, where, history))

    async def asearch(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Mapping[str, Any] | None = None,
        history: History = (),
    ) -> Hits:
        """Search without blocking the event loop; for many questions at once.

        Questions that arrive together are embedded as one batch. Small collections (under 5,000 chunks, no reranker)
        are searched on one thread, first in, first out; other collections, questions with a history, and a
        collection's first question each get a thread of asyncio's pool. A small collection that has the question's
        vector in its cache is searched directly.
        """
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
        """Return the messages for any chat model: rules, numbered sources, history and the question, within the budget.

        System messages of the history join the settings' instructions. Raises as `search`; BudgetError (too small).
        """
        return self._querying.prompt(Asked(question, k, where, history, examples), budget=budget)

    def ask(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Mapping[str, Any] | None = None,
        history: History = (),
        examples: Sequence[Example] = (),
        schema: Mapping[str, Any] | Schema | None = None,
    ) -> Answer:
        """Return an answer whose every citation was checked against the source text.

        examples: instead of those that the settings choose from the collection's own. schema: a JSON schema that
        `Answer.data` then matches. Raises what `prompt` raises, ChatError (a model endpoint failed), AnswerFormatError.
        """
        return self._querying.ask(Asked(question, k, where, history, examples), schema=schema)

    def check(self, text: str, *, k: int = 5, where: Mapping[str, Any] | None = None) -> TextCheck:
        """Return any text with a verdict from the documents for each of its sentences.

        Each sentence that states something is searched for (k passages) and compared with what is found. where: a
        filter as for `search`. Raises what `search` raises.
        """
        return self._querying.check(text, k=k, where=where)

    def stream(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Mapping[str, Any] | None = None,
        history: History = (),
        examples: Sequence[Example] = (),
    ) -> Iterator[str | Answer]:
        """Yield the answer's text as it is written, then the whole checked Answer.

        The pieces are checked before they are yielded and add up to the answer's text. Errors before the first piece
        are raised by the call itself; a stream that breaks off raises ChatError and never ends normally.
        """
        return self._querying.stream(Asked(question, k, where, history, examples))

    # ------------------------------------------------------------------ changing

    def view(self, labels: Sequence[str] | None) -> KnowledgeView:
        """Return the view of the collection for a reader with these access labels; None for one who sees everything.

        A document with labels (metadata `acl`) is visible to readers with one of them, one without labels to all.
        Raises InputError for what is no label.
        """
        access = None if labels is None else visible_to(checked_labels(labels))
        return KnowledgeView(self._store, self._querying.limited(access), collection=self.collection, access=access)

    def add(self, documents: Document | Iterable[Document], *, progress: ProgressCallback | None = None) -> AddReport:
        """Add documents, or replace those of the same source, as one generation.

        Raises LockedError (another process writes), EmbeddingError, StorageFullError; what was committed stays.
        """
        items = [documents] if isinstance(documents, Document) else documents
        with self.writer(kind="add") as writer:
            return writer.add(items, progress=progress)

    def remove(self, sources: str | Iterable[str]) -> int:
        """Remove documents by source, as one generation; return how many existed. Raises LockedError."""
        wanted = [sources] if isinstance(sources, str) else list(sources)
        with self.writer(kind="remove") as writer:
            return sum(writer.remove(source) for source in wanted)

    @contextmanager
    def writer(
        self, *, kind: str = "ingest", extractor: str = "", embedder: Embedder | None = None
    ) -> Iterator[KnowledgeWriter]:
        """Hold the collection's writer lock and write one generation; a run that changes nothing leaves none.

        kind: the name of the run in `history`. extractor: the version of the software that made the documents.
        embedder: for this run alone, one of the same model. Raises LockedError, ModelMismatchError.
        """
        with self._store.read() as reader:
            fingerprint = reader.fingerprint
        if embedder is not None:
            self._models.check(embedder, fingerprint)
        fingerprint = fingerprint or (embedder or self._models.embedder()).fingerprint
        pinned = replace(self.settings, model=replace(self.settings.model, name=fingerprint.model)).pinned()
        writing = self._store.write(kind=kind, fingerprint=fingerprint, settings=pinned, extractor=extractor)
        with writing as writer, OriginalsRun(self._originals) as originals:
            run = KnowledgeWriter(
                writer,
                originals,
                embedder=lambda: embedder or self._models.embedder_for(fingerprint),
                settings=self.settings.chunk,
            )
            yield run
            originals.sweep(self.digests)
        if run.stopped:
            return  # a stopped run returns at once; the next search or run builds the caches
        with self._store.read() as reader:
            self._indexes.persist(reader.chunks)
        self._indexes.settle()

    def adapt(self, questions: Sequence[LabelledQuestion], *, progress: Progress | None = None) -> dict[str, Any]:
        """Learn a linear map for query vectors from labelled questions; store it, and return its evidence.

        Searches apply it from then on. Raises AdapterRefusedError (it does not help on held-out questions: nothing is
        stored), InputError (too few questions, or unknown sources), LockedError.
        """
        self._indexes.prepare()
        with self._store.read() as reader:
            if reader.fingerprint is None:
                raise InputError(f"collection {self.collection!r} is empty", cure="ingest documents first")
            embedder = self._models.embedder_for(reader.fingerprint)
            bench = Bench(reader, self._indexes.snapshot(reader.chunks), embedder, self.settings)
            matrix, evidence = learn_adapter(questions, bench, progress=progress)
        with self._store.write(kind="adapt", fingerprint=reader.fingerprint, settings=self.settings.pinned()) as writer:
            writer.set_adapter(matrix, evidence)
        return evidence

    def remove_adapter(self) -> bool:
        """Delete the query adapter that `adapt` stored; return whether there was one. Raises LockedError."""
        with self._store.write(kind="adapt", fingerprint=None, settings={}) as writer:
            return writer.drop_adapter()

    # ------------------------------------------------------------------ looking

    def documents(self, *, prefix: str = "", limit: int | None = None, offset: int = 0) -> list[DocumentInfo]:
        """Return the documents whose source begins with a prefix, by source."""
        with self._store.read() as reader:
            return reader.documents.infos(prefix=prefix, limit=limit, offset=offset)

    def iter_documents(self, *, prefix: str = "", limit: int | None = None) -> Iterator[DocumentInfo]:
        """Yield what `documents` returns, from one committed state and with some thousand in memory at a time."""
        with self._store.read() as reader:
            yield from iterate_infos(reader.documents, prefix=prefix, limit=limit)

    def digests(self) -> dict[str, str]:
        """Return the hex SHA-256 of each document's file, by source."""
        with self._store.read() as reader:
            return reader.documents.digests()

    def document(self, source: str) -> Document:
        """Return a whole document. Raises NotFoundError."""
        with self._store.read() as reader:
            return reader.documents.get(source)

    def history(self) -> list[Generation]:
        """Return the generations, oldest first."""
        with self._store.read() as reader:
            return reader.generations()

    def files(self, root: str) -> dict[bytes, FileState]:
        """Return the recorded states of the files below a root, by path."""
        with self._store.read() as reader:
            return reader.files.below(root)

    def roots(self) -> list[str]:
        """Return the folders that were ingested."""
        with self._store.read() as reader:
            return reader.files.roots()

    def status(self) -> dict[str, Any]:
        """Return counts, the model, the last generation and sizes on disk, as JSON."""
        sizes = {"database": self._store.size(), "caches": self._indexes.size(), "originals": self._originals.size()}
        with self._store.read() as reader:
            found = collection_status(reader, chunk=self.settings.pinned()["chunk"], sizes=sizes)
        return {"data": self.location, "collection": self.collection, **found}

    def writing(self, *, alone: bool = False) -> str:
        """Return who writes to the collection now, in words (process, command, since when); "" when nobody does.

        What that run has committed so far is searched already. alone: only who keeps a run from starting; several may
        write at once in PostgreSQL.
        """
        return self._store.writer_holder(alone=alone)

    def verify(self) -> list[Problem]:
        """Check every hash, offset, page and vector of the store, and the kept originals; return what is wrong."""
        return [*self._store.verify(), *self._originals.problems()]

    def doctor(self) -> dict[str, Any]:
        """Check the database, and the caches against it; return the findings as JSON, "ok" first."""
        report = self._store.doctor()
        with self._store.read() as reader:
            report |= {"index": self._indexes.describe(reader.chunks), "caches": self._indexes.check(reader.chunks)}
        report["ok"] = not report["problems"] and not report["caches"]
        return report

    def backup(self, file: str | Path) -> dict[str, Any]:
        """Write the collection to one verified file, also during writes; return what it holds, as JSON.

        Raises ConflictError (the file exists), NotFoundError (its folder does not), StorageFullError.
        """
        return self._store.backup(Path(file))

    def rebuild(
        self,
        *,
        model: str = "",
        embedder: Embedder | None = None,
        chunk: ChunkSettings | None = None,
        progress: ProgressCallback | None = None,
    ) -> AddReport:
        """Chunk and embed every document again and rebuild the caches; the old state answers until the commit.

        model: another embedding model's name or folder; embedder: your own instead. chunk: other chunk settings. Texts
        that have vectors of that model keep them. Raises LockedError, ModelError, EmbeddingError, StorageFullError;
        then nothing has changed.
        """
        settings = settings_of_rebuild(self.settings, model=model, chunk=chunk)
        new = embedder or (load_embedder(settings.model) if model else self._models.embedder())
        fingerprint = new.fingerprint
        pinned = replace(settings, model=replace(settings.model, name=fingerprint.model)).pinned()
        with self._store.write(kind="rebuild", fingerprint=fingerprint, settings=pinned) as writer:
            report = rebuild_documents(self._store, writer, embedder=new, settings=settings.chunk, progress=progress)
            writer.compact()
        self._models.settings = settings
        self._models.replace_embedder(new, owned=self._models.owned or embedder is not None)
        with self._store.read() as reader:
            self._indexes.renew(reader.chunks)
        self._indexes.settle()
        return report

    def follow_files(self) -> bool:
        """Bring prompts, examples, chains, feedback, traces and originals in line with other machines of a shared
        store, which opening does too; False when there was nothing to do."""
        return self._store.follow_files()

    def follow_commits(self) -> bool:
        """Bring search indexes that are in memory up to the last commit, before a question does; False: they are."""
        return self._querying.follow_commits()

    def close(self) -> None:
        """Close every connection and file. The object cannot be used afterwards."""
        self._indexes.close()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
