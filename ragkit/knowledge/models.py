"""The models that a KnowledgeBase uses: loaded when first needed, once, and checked against the collection."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ragkit.chat.base import ChatModel
from ragkit.chat.condense import Condenser
from ragkit.chat.followup import standalone
from ragkit.chat.loading import load_chat
from ragkit.embedding.base import Embedder
from ragkit.embedding.loading import compatible, load_embedder
from ragkit.embedding.query_batcher import QueryBatcher
from ragkit.errors import ModelMismatchError, RagkitError
from ragkit.settings import Settings
from ragkit.store.rows import AdapterRow
from ragkit.store.sqlite.store import Reader
from ragkit.text.token_counter import Counter, encoding_for, load_counter
from ragkit.types.collection import Fingerprint
from ragkit.types.prompts import Message


class LoadedModels:
    """Embedder, chat model and token counter of one collection. Thread-safe.

    embedder, chat: the caller's own, kept whatever the settings name.
    """

    def __init__(self, collection: str, *, embedder: Embedder | None, chat: ChatModel | None) -> None:
        self._collection = collection
        self._lock = threading.RLock()
        self._embedder = embedder
        self.owned = embedder is not None
        self._batcher: QueryBatcher | None = None
        self._chat = chat
        self._counter: Counter | None = None
        self._condenser = Condenser()
        self._adapter: AdapterRow | None = None

    def embedder(self, settings: Settings) -> Embedder:
        """Return the embedder. Raises ModelError, MissingPackageError."""
        with self._lock:
            if self._embedder is None:
                self._embedder = load_embedder(settings.model)
            return self._embedder

    def batcher(self, settings: Settings) -> QueryBatcher:
        """Return the embedder as one that embeds questions together that come together."""
        embedder = self.embedder(settings)
        if isinstance(embedder, QueryBatcher):
            return embedder
        with self._lock:
            if self._batcher is None or self._batcher.embedder is not embedder:
                self._batcher = QueryBatcher(embedder)
            return self._batcher

    def replace_embedder(self, embedder: Embedder, *, owned: bool) -> None:
        """Use another embedder from now on. owned: it is the caller's own."""
        with self._lock:
            self._embedder = embedder
            self.owned = owned

    def checked_embedder(self, settings: Settings, fingerprint: Fingerprint) -> Embedder:
        """Return the embedder when its vectors may be compared with the collection's; else ModelMismatchError.

        A collection that another process has rebuilt with another model is followed to that model.
        """
        embedder = self.embedder(settings)
        if compatible(embedder.fingerprint, fingerprint):
            return embedder
        if not self.owned and fingerprint.model != embedder.fingerprint.model:
            embedder = load_embedder(replace(settings.model, name=fingerprint.model))
            if compatible(embedder.fingerprint, fingerprint):
                self.replace_embedder(embedder, owned=False)
                return embedder
        raise ModelMismatchError(
            f"collection {self._collection!r} was built with {fingerprint.model!r} ({fingerprint.id[:12]}), and the"
            f" model at hand is {embedder.fingerprint.model!r} ({embedder.fingerprint.id[:12]})",
            cure=f"use that model, or run: ragkit rebuild --collection {self._collection}",
        )

    def chat(self, settings: Settings) -> ChatModel:
        """Return the chat model. Raises ConfigError, MissingPackageError."""
        with self._lock:
            if self._chat is None:
                self._chat = load_chat(settings.chat)
            return self._chat

    def standalone(self, settings: Settings, question: str, history: Sequence[Message]) -> str:
        """Return a question as it is to be searched for, with what it leans on of the turns before it."""
        if not history:
            return question
        try:
            chat = self.chat(settings)
        except RagkitError:  # asking will tell; searching goes on
            return standalone(question, history)
        return self._condenser.condense(question, history, chat=None if chat.name == "extractive" else chat)

    def adapter(self, settings: Settings, reader: Reader) -> NDArray[np.float32] | None:
        """Return the collection's query adapter (d, d); None without one, and when the settings leave it out."""
        number = reader.adapter_id() if settings.retrieval.adapter else None
        if number is None:
            return None
        held = self._adapter
        if held is None or held.id != number:
            self._adapter = held = reader.adapter()
        return None if held is None else held.matrix

    def counter(self, settings: Settings) -> Counter:
        """Return the token counter."""
        with self._lock:
            if self._counter is None:
                encoding = settings.prompt.encoding or encoding_for(settings.chat.model)
                self._counter = load_counter(encoding, offline=settings.model.offline)
            return self._counter
