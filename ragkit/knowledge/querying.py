"""The asking side of a KnowledgeBase: from a question to hits, a grounded prompt, a checked answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.chat.base import ChatModel
from ragkit.citations.checker import StreamChecker, check_answer
from ragkit.citations.statements import check_text
from ragkit.concurrency.event_loop import AwaitedThread
from ragkit.embedding.base import Embedder
from ragkit.errors import InputError
from ragkit.index.cache import Caches
from ragkit.knowledge.models import LoadedModels
from ragkit.knowledge.validation import History, checked_messages, checked_question
from ragkit.prompting.builder import build_prompt
from ragkit.retrieval.retriever import Embedded, Retriever
from ragkit.settings import QUESTION_LIMIT, Settings
from ragkit.store.filters import parse_filter
from ragkit.store.sqlite.store import Store
from ragkit.types.answers import Answer, TextCheck
from ragkit.types.collection import Fingerprint
from ragkit.types.hits import Hits
from ragkit.types.prompts import Example, Prompt

_SEARCHES = AwaitedThread("ragkit-search")


class Answering:
    """Searches, prompts and answers of one collection. Its parts are made by KnowledgeBase, which has it as a base."""

    settings: Settings
    _store: Store
    _caches: Caches
    _models: LoadedModels
    _retriever: Retriever

    def search(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Mapping[str, Any] | None = None,
        history: History = (),
    ) -> Hits:
        """Return the passages that answer a question best, best first; at most k (default: settings.retrieval.k).

        where: a filter such as {"type": "eq", "key": "media_type", "value": "application/pdf"} (also ne, gt, gte, lt,
        lte, in, nin, and, or) on source, title, media_type, page, time, sha256 or a metadata key; k passages come back
        whenever k match. history: earlier messages, oldest first, for a question that leans on them.

        Raises QueryError (empty, or over 8,000 characters), FilterError, InputError (k).
        """
        return self._search(question, k=k, where=where, history=history)

    async def asearch(
        self,
        question: str,
        *,
        k: int | None = None,
        where: Mapping[str, Any] | None = None,
        history: History = (),
    ) -> Hits:
        """Do as `search`, for many at once in an event loop, which goes on meanwhile.

        Questions that come together are embedded as one batch. Small collections (under 5,000 chunks, no reranker) are
        searched on one thread, question after question, which is quicker than a thread for each; others, questions with
        a history, and a collection's first question each get a thread of asyncio's. A question to a small collection
        whose vector is remembered is searched at once, in the few milliseconds that passing it on would cost.
        """
        import asyncio

        search = partial(self._search, question, k=k, where=where, history=history)
        if history or not self._retriever.quick:
            return await asyncio.to_thread(search)
        text = checked_question(question)
        embedder, batcher = self._models.embedder(self.settings), self._models.batcher(self.settings)
        known = batcher.remembered([text])
        if known is not None and self._is_held():
            return search(known=(embedder, known[0]))
        (vector,) = await batcher.aembed_queries([text])
        return await _SEARCHES.run(partial(search, known=(embedder, vector)))

    def _is_held(self) -> bool:
        """Return whether the indexes of the collection's present state are in memory."""
        with self._store.read() as reader:
            return self._caches.is_held(reader)

    def _search(
        self,
        question: str,
        *,
        k: int | None,
        where: Mapping[str, Any] | None,
        history: History,
        known: tuple[Embedder, NDArray[np.float32]] | None = None,
    ) -> Hits:
        """Search. known: the vector (d,) of a question without a history, and the embedder that made it."""
        question = checked_question(question)
        count = self.settings.retrieval.k if k is None else k
        if not 1 <= count <= 1_000:
            raise InputError(f"k is {count}", cure="ask for 1 to 1,000 passages")
        condition = parse_filter(where)
        with self._store.read() as reader:
            if reader.fingerprint is None:
                return Hits(generation=reader.generation)
            embedder = self._embedder(reader.fingerprint)
            snapshot = self._caches.snapshot(reader)
            allowed = None if condition is None else reader.select(condition)
            asked = self._models.standalone(self.settings, question, checked_messages(history))
            return self._retriever.retrieve(
                Embedded(asked, known[1]) if known and known[0] is embedder else asked,
                reader=reader,
                snapshot=snapshot,
                k=count,
                allowed=allowed,
                adapter=self._models.adapter(self.settings, reader),
            )

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
        """Return messages for any chat model: rules, numbered sources, history and the question, within the budget.

        Raises what `search` raises, and BudgetError when rules and question alone exceed the budget.
        """
        hits = self.search(question, k=k, where=where, history=history)
        settings = self.settings.prompt if budget is None else replace(self.settings.prompt, budget=budget)
        return build_prompt(
            question.strip(),
            hits,
            counter=self._models.counter(self.settings),
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
        """Return an answer whose every citation was checked against the source text.

        Raises what `prompt` raises, and ChatError (ChatTimeoutError, ChatInterruptedError) for a model endpoint.
        """
        prompt = self.prompt(question, k=k, where=where, history=history, examples=examples)
        model = self._models.chat(self.settings)
        text = "".join(model.stream(prompt))
        chat = self.settings.chat
        return check_answer(
            prompt,
            text,
            model=model.name,
            counter=self._models.counter(self.settings),
            link_hosts=chat.link_hosts,
            strict=chat.strict,
        )

    def check(self, text: str, *, k: int = 5, where: Mapping[str, Any] | None = None) -> TextCheck:
        """Return a text, whoever wrote it, with what the documents say of each of its sentences.

        Each sentence that states something is searched for (k passages) and compared with what is found. where: a
        filter as for `search`. Raises what `search` raises.
        """
        return check_text(text, lambda statement: self.search(statement[:QUESTION_LIMIT], k=k, where=where))

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
        are raised by this call itself; a stream that is cut raises ChatError and never ends normally.
        """
        prompt = self.prompt(question, k=k, where=where, history=history, examples=examples)
        return self._stream(prompt, self._models.chat(self.settings))

    def _stream(self, prompt: Prompt, model: ChatModel) -> Iterator[str | Answer]:
        chat = self.settings.chat
        checker = StreamChecker(
            prompt,
            model=model.name,
            counter=self._models.counter(self.settings),
            link_hosts=chat.link_hosts,
            strict=chat.strict,
        )
        for delta in model.stream(prompt):
            text = checker.feed(delta)
            if text:
                yield text
        rest, answer = checker.finish()
        if rest:
            yield rest
        yield answer

    def _embedder(self, fingerprint: Fingerprint | None = None) -> Embedder:
        """Return the embedder, checked against the collection's fingerprint where there is one."""
        if fingerprint is None:
            return self._models.embedder(self.settings)
        return self._models.checked_embedder(self.settings, fingerprint)
