"""KnowledgeBase: the one object that wires the steps, from documents to checked answers."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ragkit.chat.base import ChatModel
from ragkit.embedding.base import Embedder
from ragkit.embedding.loading import load_embedder
from ragkit.errors import InputError, ModelMismatchError
from ragkit.index.cache import Caches
from ragkit.knowledge.adapter_training import Bench, LabelledQuestion, Progress, learn_adapter
from ragkit.knowledge.models import LoadedModels
from ragkit.knowledge.querying import Answering
from ragkit.knowledge.rebuild import rebuild_documents
from ragkit.knowledge.writer import KnowledgeWriter
from ragkit.retrieval.retriever import Retriever
from ragkit.settings import ChunkSettings, Settings, chunk_settings_from
from ragkit.store.sqlite.backup import backup
from ragkit.store.sqlite.catalog import collection_folder
from ragkit.store.sqlite.integrity import Problem, doctor_store, verify_store
from ragkit.store.sqlite.store import Store
from ragkit.types.collection import DocumentInfo, FileState, Generation
from ragkit.types.documents import Document
from ragkit.types.progress import AddReport, ProgressCallback

_log = logging.getLogger("ragkit")


def open(  # noqa: A001 (reads well as ragkit.open, as gzip.open does)
    path: str | Path,
    *,
    collection: str = "default",
    settings: Settings | None = None,
    embedder: Embedder | None = None,
    chat: ChatModel | None = None,
    create: bool = True,
) -> KnowledgeBase:
    """Open a collection of a data folder, making both where they are missing and `create` is true.

    settings: what differs from the defaults; a collection that exists keeps the chunking and the model that it was
    built with. embedder, chat: your own instead of what the settings name. No model is loaded until it is needed.

    Raises NotFoundError (missing, `create` false), ModelMismatchError (built with another model, or cut otherwise),
    SchemaVersionError (written by a newer ragkit), CorruptError, InputError (a name that is not allowed).
    """
    return KnowledgeBase(path, collection=collection, settings=settings, embedder=embedder, chat=chat, create=create)


class KnowledgeBase(Answering):
    """One collection: search it, build prompts and answers from it, and change what it holds.

    Safe to use from many threads, and from several processes at once: readers never wait, and see every committed
    change from the next call on; one process writes at a time (LockedError names the holder).
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
        self.path = Path(path)
        self.collection = collection
        folder = collection_folder(self.path, collection)
        self._store = Store(folder, create=create)
        self._models = LoadedModels(collection, embedder=embedder, chat=chat)
        try:
            self.settings = self._adopt(settings or Settings())
        except BaseException:
            self._store.close()
            raise
        self._caches = Caches(folder, dense=self.settings.dense)
        self._retriever = Retriever(self._embedder, self.settings.retrieval, self.settings.model)

    # ------------------------------------------------------------------ changing

    def add(self, documents: Document | Iterable[Document], *, progress: ProgressCallback | None = None) -> AddReport:
        """Add documents, or replace those of the same source, as one generation.

        Raises LockedError (another process writes), EmbeddingError, StorageFullError; what was committed stays.
        """
        items = [documents] if isinstance(documents, Document) else documents
        with self.writer(kind="add") as writer:
            return writer.add(items, progress=progress)

    def remove(self, sources: str | Iterable[str]) -> int:
        """Remove documents by source, as one generation; return how many were there. Raises LockedError."""
        wanted = [sources] if isinstance(sources, str) else list(sources)
        with self.writer(kind="remove") as writer:
            return sum(writer.remove(source) for source in wanted)

    @contextmanager
    def writer(self, *, kind: str = "ingest", extractor: str = "") -> Iterator[KnowledgeWriter]:
        """Hold the collection's write lock and write one generation; a run that changes nothing leaves none.

        kind: what `history` calls the run. extractor: version of what made the documents. Raises LockedError.
        """
        with self._store.read() as reader:
            fingerprint = reader.fingerprint
        if fingerprint is None:
            fingerprint = self._embedder().fingerprint
        pinned = replace(self.settings, model=replace(self.settings.model, name=fingerprint.model)).pinned()
        with self._store.write(kind=kind, fingerprint=fingerprint, settings=pinned, extractor=extractor) as writer:
            yield KnowledgeWriter(writer, embedder=lambda: self._embedder(fingerprint), settings=self.settings.chunk)
        with self._store.read() as reader:
            self._caches.persist(reader)

    def adapt(self, questions: Sequence[LabelledQuestion], *, progress: Progress | None = None) -> dict[str, Any]:
        """Learn a map for query vectors from questions and what answers them; keep it, and return its evidence.

        Searches go through it from then on. Raises AdapterRefusedError (it does not help on held-out questions: nothing
        is kept), InputError (too few, or of sources that are not there), LockedError.
        """
        with self._store.read() as reader:
            if reader.fingerprint is None:
                raise InputError(f"collection {self.collection!r} is empty", cure="ingest documents first")
            bench = Bench(reader, self._caches.snapshot(reader), self._embedder(reader.fingerprint), self.settings)
            matrix, evidence = learn_adapter(questions, bench, progress=progress)
        with self._store.write(kind="adapt", fingerprint=reader.fingerprint, settings=self.settings.pinned()) as writer:
            writer.set_adapter(matrix, evidence)
        return evidence

    def remove_adapter(self) -> bool:
        """Remove the map that `adapt` kept; return whether there was one. Raises LockedError."""
        with self._store.write(kind="adapt", fingerprint=None, settings={}) as writer:
            return writer.drop_adapter()

    # ------------------------------------------------------------------ looking

    def documents(self, *, prefix: str = "", limit: int | None = None, offset: int = 0) -> list[DocumentInfo]:
        """Return the documents whose source begins with a prefix, by source."""
        with self._store.read() as reader:
            return reader.documents(prefix=prefix, limit=limit, offset=offset)

    def document(self, source: str) -> Document:
        """Return a document whole. Raises NotFoundError."""
        with self._store.read() as reader:
            return reader.document(source)

    def history(self) -> list[Generation]:
        """Return the generations, oldest first."""
        with self._store.read() as reader:
            return reader.generations()

    def files(self, root: str) -> dict[bytes, FileState]:
        """Return what ingest remembers of the files below a root, by path."""
        with self._store.read() as reader:
            return reader.files(root)

    def roots(self) -> list[str]:
        """Return the folders that were ingested."""
        with self._store.read() as reader:
            return reader.roots()

    def status(self) -> dict[str, Any]:
        """Return counts, the model, the last generation and sizes on disk, as JSON."""
        with self._store.read() as reader:
            counts = reader.counts()
            fingerprint = reader.fingerprint
            generations = reader.generations()
            revision, generation = reader.revision, reader.generation
            adapter = reader.adapter()
        last = generations[-1].as_dict() if generations else None
        return {
            "data": str(self.path),
            "collection": self.collection,
            "documents": counts.documents,
            "pages": counts.pages,
            "chunks": counts.chunks,
            "vectors": counts.vectors,
            "characters": counts.characters,
            "generation": generation,
            "revision": revision,
            "model": fingerprint.model if fingerprint else None,
            "dimension": fingerprint.dimension if fingerprint else None,
            "fingerprint": fingerprint.id if fingerprint else None,
            "chunk": self.settings.pinned()["chunk"],
            "adapter": None if adapter is None else adapter.evidence,
            "last": last,
            "bytes": {"database": self._store.size(), "caches": self._caches.size()},
        }

    def verify(self) -> list[Problem]:
        """Check every hash, offset, page and vector of the store; return what is wrong."""
        return verify_store(self._store)

    def doctor(self) -> dict[str, Any]:
        """Check the database and the caches against each other; return the findings as JSON, "ok" first."""
        report = doctor_store(self._store)
        with self._store.read() as reader:
            report["caches"] = self._caches.check(reader)
        report["ok"] = not report["problems"] and not report["caches"]
        return report

    def backup(self, file: str | Path) -> dict[str, Any]:
        """Write the collection to one verified file, also while something writes; return what it holds, as JSON.

        Raises ConflictError (the file is there already), NotFoundError (its folder is not), StorageFullError.
        """
        return backup(self._store, Path(file))

    def rebuild(
        self,
        *,
        model: str = "",
        embedder: Embedder | None = None,
        chunk: ChunkSettings | None = None,
        progress: ProgressCallback | None = None,
    ) -> AddReport:
        """Cut every document again and make vectors and caches anew; the old ones answer until that is committed.

        model: another embedding model's name or folder; embedder: your own instead. chunk: another way to cut. Texts
        that have vectors of that model keep them. Raises LockedError, ModelError, EmbeddingError, StorageFullError; all
        is as before then.
        """
        settings = replace(
            self.settings,
            chunk=chunk or self.settings.chunk,
            model=replace(self.settings.model, name=model or self.settings.model.name),
        )
        new = embedder or (load_embedder(settings.model) if model else self._embedder())
        fingerprint = new.fingerprint
        pinned = replace(settings, model=replace(settings.model, name=fingerprint.model)).pinned()
        with self._store.write(kind="rebuild", fingerprint=fingerprint, settings=pinned) as writer:
            report = rebuild_documents(self._store, writer, embedder=new, settings=settings.chunk, progress=progress)
            writer.compact()
        self.settings = settings
        self._models.replace_embedder(new, owned=self._models.owned or embedder is not None)
        with self._store.read() as reader:
            self._caches.renew(reader)
        return report

    def close(self) -> None:
        """Close every connection and file. The object cannot be used afterwards."""
        self._caches.close()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------------ models

    def _adopt(self, settings: Settings) -> Settings:
        """Take over what the collection pins; refuse what contradicts it."""
        with self._store.read() as reader:
            pinned, fingerprint = reader.pinned, reader.fingerprint
        if not pinned or fingerprint is None:
            return settings
        chunk = chunk_settings_from(pinned["chunk"])
        model = str(pinned["model"])
        rebuild = f"run: ragkit rebuild --collection {self.collection}"
        if self._models.owned:
            self._models.checked_embedder(settings, fingerprint)
        elif settings.model.name and settings.model.name != model:
            raise ModelMismatchError(
                f"collection {self.collection!r} was built with the model {model!r}, not {settings.model.name!r}",
                cure=f"{rebuild} --model {settings.model.name}",
            )
        if settings.chunk not in (ChunkSettings(), chunk):
            raise ModelMismatchError(
                f"collection {self.collection!r} was cut with {chunk}, not {settings.chunk}", cure=rebuild
            )
        return replace(settings, chunk=chunk, model=replace(settings.model, name=model))
