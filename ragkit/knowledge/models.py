"""The models of a KnowledgeBase: loaded when they are first needed, once, and checked against the collection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.chat.base import ChatModel
from ragkit.chat.condense import Condenser
from ragkit.chat.judge import ChatJudge
from ragkit.chat.loading import load_chat
from ragkit.chat.reasoning import ReasoningGuard
from ragkit.citations.judges import CrossEncoderJudge, Judge
from ragkit.embedding.base import Embedder
from ragkit.embedding.loading import compatible, load_embedder
from ragkit.embedding.query_batcher import QueryBatcher
from ragkit.errors import ConfigError, ModelMismatchError, RagkitError
from ragkit.settings import ChatSettings, ChunkSettings, ModelSettings, Settings, chunk_settings_from
from ragkit.store.base import Reader
from ragkit.store.rows import AdapterRow
from ragkit.text.token_counter import Counter, encoding_for, load_counter
from ragkit.types.collection import Fingerprint
from ragkit.types.prompts import Message


class LoadedModels:
    """Embedder, chat model and token counter of one collection, as its settings name them. Thread-safe.

    settings: of the collection; they change when it is rebuilt. embedder, chat: the caller's own, used whatever the
    settings name.
    """

    def __init__(
        self, collection: str, settings: Settings, *, embedder: Embedder | None, chat: ChatModel | None
    ) -> None:
        self.settings = settings
        self._collection = collection
        self._lock = threading.RLock()
        self._embedder = embedder
        self.owned = embedder is not None
        self._second: Embedder | None = None
        self._batcher: QueryBatcher | None = None
        self._chat = chat
        self._counter: Counter | None = None
        self._judge: Judge | None = None
        self._condenser = Condenser()
        self.reasoning = ReasoningGuard()
        self._adapter: AdapterRow | None = None

    def adopt(self, pinned: Mapping[str, Any] | None, fingerprint: Fingerprint | None) -> None:
        """Take over what a collection pins, its chunking and its model; both are None while it is empty.

        Raises ModelMismatchError for settings, or an embedder of the caller's, that contradict it.
        """
        if not pinned or fingerprint is None:
            return
        settings, chunk, model = self.settings, chunk_settings_from(pinned["chunk"]), str(pinned["model"])
        rebuild = f"run: ragkit rebuild --collection {self._collection}"
        if self.owned:
            self.embedder_for(fingerprint)
        elif settings.model.name and settings.model.name != model:
            raise ModelMismatchError(
                f"collection {self._collection!r} was built with the model {model!r}, not {settings.model.name!r}",
                cure=f"{rebuild} --model {settings.model.name}",
            )
        if settings.chunk not in (ChunkSettings(), chunk):
            raise ModelMismatchError(
                f"collection {self._collection!r} was chunked with {chunk}, not {settings.chunk}", cure=rebuild
            )
        self.settings = replace(settings, chunk=chunk, model=replace(settings.model, name=model))

    def embedder(self) -> Embedder:
        """Return the embedder. Raises ModelError, MissingPackageError."""
        with self._lock:
            if self._embedder is None:
                self._embedder = load_embedder(self.settings.model)
            return self._embedder

    def second(self) -> Embedder:
        """Return the model of the second tier: the default one, or the one that `rerank` names.

        Raises ModelError, MissingPackageError.
        """
        name = self.settings.retrieval.rerank.partition(":")[2]
        with self._lock:
            if self._second is None:
                self._second = load_embedder(replace(self.settings.model, name=name))
            return self._second

    def batcher(self) -> QueryBatcher:
        """Return a QueryBatcher over the embedder: queries that arrive while the model is busy share its next run."""
        embedder = self.embedder()
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

    def embedder_for(self, fingerprint: Fingerprint) -> Embedder:
        """Return the embedder when its vectors may be compared with the collection's; else ModelMismatchError.

        When another process has rebuilt the collection with another model, that model is loaded.
        """
        embedder = self.embedder()
        if compatible(embedder.fingerprint, fingerprint):
            return embedder
        if not self.owned and fingerprint.model != embedder.fingerprint.model:
            embedder = load_embedder(replace(self.settings.model, name=fingerprint.model))
            if compatible(embedder.fingerprint, fingerprint):
                self.replace_embedder(embedder, owned=False)
                return embedder
        raise self._mismatch(embedder, fingerprint)

    def check(self, embedder: Embedder, fingerprint: Fingerprint | None) -> None:
        """Check the embedder of one run against the collection, or in an empty one against the caller's own embedder.

        Raises ModelMismatchError when their vectors may not be compared.
        """
        if fingerprint is None and self.owned:
            fingerprint = self.embedder().fingerprint
        if fingerprint is not None and not compatible(embedder.fingerprint, fingerprint):
            raise self._mismatch(embedder, fingerprint)

    def _mismatch(self, embedder: Embedder, fingerprint: Fingerprint) -> ModelMismatchError:
        return ModelMismatchError(
            f"collection {self._collection!r} was built with {_named(fingerprint)}, and the model at hand is"
            f" {_named(embedder.fingerprint)}",
            cure=f"use that model, or run: ragkit rebuild --collection {self._collection}",
        )

    def chat(self) -> ChatModel:
        """Return the chat model. Raises ConfigError, MissingPackageError."""
        with self._lock:
            if self._chat is None:
                self._chat = load_chat(self.settings.chat)
            return self._chat

    def judge(self) -> Judge | None:
        """Return the model that decides where the words leave it undecided, None without one. Raises ConfigError,
        ModelError."""
        name = self.settings.chat.judge
        if not name:
            return None
        with self._lock:
            if self._judge is None:
                self._judge = load_judge(name, models=self.settings.model, chat=self.chat)
            return self._judge

    def standalone(self, question: str, history: Sequence[Message]) -> str:
        """Return the question to search for: one that refers to earlier turns is rewritten to stand alone."""
        if not history:
            return question
        try:
            chat: ChatModel | None = self.chat()
        except RagkitError:  # `ask` raises it; a search needs no chat model
            chat = None
        return self._condenser.condense(question, history, chat=None if chat and chat.name == "extractive" else chat)

    def adapter(self, reader: Reader) -> NDArray[np.float32] | None:
        """Return the collection's query adapter (d, d); None without one, and when the settings switch it off."""
        number = reader.adapter_id() if self.settings.retrieval.adapter else None
        if number is None:
            return None
        held = self._adapter
        if held is None or held.id != number:
            self._adapter = held = reader.adapter()
        return None if held is None else held.matrix

    def counter(self) -> Counter:
        """Return the token counter."""
        with self._lock:
            if self._counter is None:
                encoding = self.settings.prompt.encoding or encoding_for(self.settings.chat.model)
                self._counter = load_counter(encoding, offline=self.settings.model.offline)
            return self._counter


def load_judge(
    name: str, *, models: ModelSettings | None = None, chat: Callable[[], ChatModel] = load_chat
) -> Judge | None:
    """Return the judge of that name, None for "": "nli:NAME" or "chat".

    NAME: a cross-encoder for natural-language inference, by name or folder. Raises ConfigError for an unknown name and
    for "chat" without a language model, ModelError, MissingPackageError.
    """
    kind, _, folder = name.partition(":")
    if not name:
        return None
    if kind == "nli" and folder:
        return CrossEncoderJudge(folder, models=models or ModelSettings())
    if name != "chat":
        raise ConfigError(
            f"the judge {name!r} is not known", cure="set nli:NAME (a name or a folder), chat, or nothing"
        )
    model = chat()
    if model.name == ChatSettings().model:
        raise ConfigError(
            "the judge 'chat' needs a language model, and the chat model is 'extractive'",
            cure="set RAGKIT_CHAT=openai:NAME or anthropic:NAME, or the judge nli:FOLDER",
        )
    return ChatJudge(model)


def _named(fingerprint: Fingerprint) -> str:
    """Return a model's name with its precision and the start of its id, for a message."""
    return f"{fingerprint.model!r} ({fingerprint.runtime}, {fingerprint.id[:12]})"
