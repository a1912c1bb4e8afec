"""The querying part of a KnowledgeBase: from a question to hits, a grounded prompt, a checked answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.chat.base import ChatModel
from ragkit.citations.checker import StreamChecker
from ragkit.citations.statements import check_text
from ragkit.concurrency.serial_worker import SerialWorker
from ragkit.embedding.base import Embedder
from ragkit.errors import InputError
from ragkit.index.cache import Caches
from ragkit.knowledge.filter_warnings import filter_warnings
from ragkit.knowledge.metadata_search import chunks_with_metadata
from ragkit.knowledge.models import LoadedModels
from ragkit.knowledge.validation import History, checked_messages, checked_question
from ragkit.prompting.builder import build_prompt
from ragkit.retrieval.retriever import Embedded, Retriever
from ragkit.settings import QUESTION_LIMIT, Settings
from ragkit.store.base import Store
from ragkit.store.filters import parse_filter
from ragkit.types.answers import Answer, TextCheck
from ragkit.types.hits import Hits
from ragkit.types.prompts import Example, Prompt

_SEARCHES = SerialWorker("ragkit-search")


class Querying:
    """Searches, prompts and answers of one collection, with the store, indexes and models that it is given."""

    def __init__(self, store: Store, caches: Caches, models: LoadedModels) -> None:
        self._store = store
        self._caches = caches
        self._models = models
        self._retriever = Retriever(
            models.embedder, models.settings.retrieval, models.settings.model, named=chunks_with_metadata
        )

    @property
    def _settings(self) -> Settings:
        """The collection's settings; a rebuild changes them."""
        return self._models.settings

    def search(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Mapping[str, Any] | None = None,
        history: History = (),
    ) -> Hits:
        """Return the passages that answer a question best; see `KnowledgeBase.search`."""
        return self._search(question, k=k, where=where, history=history)

    async def asearch(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Mapping[str, Any] | None = None,
        history: History = (),
    ) -> Hits:
        """Search without blocking an event loop; see `KnowledgeBase.asearch`."""
        import asyncio

        search = partial(self._search, question, k=k, where=where, history=history)
        newest = self._caches.newest()
        if history or newest is None or not self._retriever.is_quick(newest):
            return await asyncio.to_thread(search)
        text = checked_question(question)
        embedder, batcher = self._models.embedder(), self._models.batcher()
        known = batcher.remembered([text])
        if known is not None and self._is_held():
            return search(known=(embedder, known[0]))
        (vector,) = await batcher.aembed_queries([text])
        return await _SEARCHES.arun(partial(search, known=(embedder, vector)))

    def _is_held(self) -> bool:
        """Return whether the indexes of the current revision are in memory."""
        with self._store.read() as reader:
            return self._caches.is_held(reader.chunks)

    def _search(
        self,
        question: str,
        *,
        k: int | None,
        where: Mapping[str, Any] | None,
        history: History,
        known: tuple[Embedder, NDArray[np.float32]] | None = None,
    ) -> Hits:
        """Search. known: the embedder and its vector (d,) for a question without a history."""
        question = checked_question(question)
        count = self._settings.retrieval.k if k is None else k
        if not 1 <= count <= 1_000:
            raise InputError(f"k is {count}", cure="ask for 1 to 1,000 passages")
        condition = parse_filter(where)
        with self._store.read() as reader:
            if reader.fingerprint is None:
                return Hits(generation=reader.generation)
            embedder = self._models.embedder_for(reader.fingerprint)
            snapshot = self._caches.snapshot(reader.chunks)
            allowed = None if condition is None else reader.chunks.select(condition)
            warnings = filter_warnings(condition, matches=0 if allowed is None else len(allowed), reader=reader)
            asked = self._models.standalone(question, checked_messages(history))
            hits = self._retriever.retrieve(
                Embedded(asked, known[1]) if known and known[0] is embedder else asked,
                reader=reader,
                snapshot=snapshot,
                k=count,
                allowed=allowed,
                adapter=self._models.adapter(reader),
            )
            hits.warnings = (*warnings, *hits.warnings)
            return hits

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
        hits = self.search(question, k=k, where=where, history=history)
        settings = self._settings.prompt if budget is None else replace(self._settings.prompt, budget=budget)
        return build_prompt(
            question.strip(),
            hits,
            counter=self._models.counter(),
            settings=settings,
            history=checked_messages(history),
            examples=examples,
        )

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
        prompt = self.prompt(question, k=k, where=where, history=history, examples=examples)
        model = self._models.chat()
        checker = self._checker(prompt, model)
        checker.feed("".join(model.stream(prompt)))
        return checker.finish()[1]

    def check(self, text: str, *, k: int = 5, where: Mapping[str, Any] | None = None) -> TextCheck:
        """Return a text with a verdict for each sentence; see `KnowledgeBase.check`."""
        judge = self._models.judge()
        return check_text(
            text, lambda statement: self.search(statement[:QUESTION_LIMIT], k=k, where=where), judge=judge
        )

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
        prompt = self.prompt(question, k=k, where=where, history=history, examples=examples)
        model = self._models.chat()
        return _stream(model, prompt, self._checker(prompt, model))

    def _checker(self, prompt: Prompt, model: ChatModel) -> StreamChecker:
        """Return what checks an answer of a model, as the settings say."""
        chat = self._settings.chat
        return StreamChecker(
            prompt,
            model=model.name,
            counter=self._models.counter(),
            link_hosts=chat.link_hosts,
            strict=chat.strict,
            judge=self._models.judge(),
        )


def _stream(model: ChatModel, prompt: Prompt, checker: StreamChecker) -> Iterator[str | Answer]:
    """Yield the checked pieces of a model's answer, then the answer."""
    for delta in model.stream(prompt):
        text = checker.feed(delta)
        if text:
            yield text
    rest, answer = checker.finish()
    if rest:
        yield rest
    yield answer
