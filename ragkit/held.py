"""The models that a KnowledgeBase uses: loaded when first needed, once, and checked against the collection."""

from __future__ import annotations

import threading
from dataclasses import replace

from ragkit.chat import ChatModel, load_chat
from ragkit.embed import Embedder, compatible, load_embedder
from ragkit.errors import ModelMismatchError
from ragkit.records import Fingerprint
from ragkit.settings import Settings
from ragkit.tokens import Counter, load_counter


class HeldModels:
    """Embedder, chat model and token counter of one collection. Thread-safe.

    embedder, chat: the caller's own, kept whatever the settings name.
    """

    def __init__(self, collection: str, *, embedder: Embedder | None, chat: ChatModel | None) -> None:
        self._collection = collection
        self._lock = threading.RLock()
        self._embedder = embedder
        self.owned = embedder is not None
        self._chat = chat
        self._counter: Counter | None = None

    def embedder(self, settings: Settings) -> Embedder:
        """Return the embedder. Raises ModelError, MissingPackageError."""
        with self._lock:
            if self._embedder is None:
                self._embedder = load_embedder(settings.model)
            return self._embedder

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

    def counter(self, settings: Settings) -> Counter:
        """Return the token counter."""
        with self._lock:
            if self._counter is None:
                self._counter = load_counter(settings.prompt.encoding, offline=settings.model.offline)
            return self._counter
