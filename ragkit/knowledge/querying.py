"""The querying part of a KnowledgeBase: from a question to hits, a grounded prompt, a checked answer.

The citation checker is imported at the first answer: it would take a tenth of the time of a search in a new process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.chat.base import ChatModel
from ragkit.chat.structured import ask_for, json_reader
from ragkit.concurrency.serial_worker import SerialWorker
from ragkit.concurrency.stages import stage
from ragkit.concurrency.threads import WorkerThreads
from ragkit.definitions.json_schema import Schema, make_schema
from ragkit.embedding.base import Embedder
from ragkit.embedding.openvino.runtime import usable_cpus
from ragkit.errors import InputError
from ragkit.index.base import Indexes
from ragkit.knowledge.few_shot import FewShot
from ragkit.knowledge.filter_warnings import filter_warnings
from ragkit.knowledge.models import LoadedModels
from ragkit.knowledge.validation import History, checked_messages
from ragkit.prompting.builder import build_prompt
from ragkit.prompting.examples import ExampleFile
from ragkit.prompting.fencing import FACT_KEYS
from ragkit.prompting.template import FOLDER as TEMPLATES
from ragkit.prompting.template import PromptTemplate, find_template
from ragkit.retrieval.included_files import with_included_files
from ragkit.retrieval.literals import Names
from ragkit.retrieval.notices import drop_unseen_corrections
from ragkit.retrieval.questions import checked_question, shortened
from ragkit.retrieval.reranking.second_tier import SecondTier
from ragkit.retrieval.retriever import Embedded, Retriever
from ragkit.retrieval.whole_blocks import with_whole_blocks
from ragkit.settings import PromptSettings, Settings
from ragkit.store.base import DocumentReader, Reader, Store
from ragkit.store.filters import Filter, both, keys_of, parse_filter
from ragkit.types.answers import Answer, TextCheck
from ragkit.types.hits import Hits
from ragkit.types.labels import ACL_KEY
from ragkit.types.prompts import Example, Prompt

_SEARCHES = SerialWorker("ragkit-search")
_LONG_SEARCHES = WorkerThreads("ragkit-long-search", count=usable_cpus())
"""Searches of large collections, and those with a reranker, whose questions are embedded already: as many at once as
there are CPUs. More would only compete for them and for the GIL."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the options of its call, as `KnowledgeBase.search` and `KnowledgeBase.ask` describe them."""

    question: str
    k: int | None = None
    where: Mapping[str, Any] | None = None
    history: History = ()
    examples: Sequence[Example] = ()


class Querying:
    """Searches, prompts and answers of one collection, with the store, indexes and models that it is given."""

    def __init__(
        self,
        store: Store,
        indexes: Indexes,
        models: LoadedModels,
        *,
        access: Filter | None = None,
        retriever: Retriever | None = None,
    ) -> None:
        """access: the documents that this reader may see, None for all. retriever: one to share."""
        self._store = store
        self._indexes = indexes
        self._models = models
        self._access = access
        self._examples = ExampleFile(store.folder)
        self._few_shot = FewShot()
        self._retriever = retriever or Retriever(
            models.embedder,
            models.settings.retrieval,
            models.settings.model,
            reranker=SecondTier(models.second) if models.settings.retrieval.two_tiers else None,
            named=chunks_with_metadata,
        )

    def limited(self, access: Filter | None) -> Querying:
        """Return the same, limited to the documents that a filter matches, whatever a question's own filter says."""
        return Querying(self._store, self._indexes, self._models, access=access, retriever=self._retriever)

    @property
    def settings(self) -> Settings:
        """The collection's settings; a rebuild changes them."""
        return self._models.settings

    @property
    def chat(self) -> ChatModel:
        """The chat model in use, loaded now. Raises ConfigError, MissingPackageError."""
        return self._models.chat()

    def search(self, asked: Asked) -> Hits:
        """Return the passages that answer a question best; see `KnowledgeBase.search`."""
        return self._search(asked)

    async def asearch(self, asked: Asked) -> Hits:
        """Search without blocking an event loop; see `KnowledgeBase.asearch`."""
        import asyncio

        search = partial(self._search, asked)
        newest = self._indexes.newest()
        if asked.history or newest is None:  # a model may be asked, or an index built
            return await asyncio.to_thread(search)
        text = checked_question(asked.question, self.settings.retrieval)
        embedder, batcher = self._models.embedder(), self._models.batcher()
        known = batcher.remembered([text])
        is_quick = self._retriever.is_quick(newest)
        if is_quick and known is not None and self._is_held():
            return search(known=(embedder, known[0]))
        with stage("embed"):
            (vector,) = await batcher.aembed_queries([text])
        search = partial(search, known=(embedder, vector))
        if not is_quick:
            # One that must build an index first would keep searches of other collections waiting.
            return await (_LONG_SEARCHES.arun(search) if self._is_held() else asyncio.to_thread(search))
        with stage("search"):  # the worker's thread has not the context of the request
            return await _SEARCHES.arun(search)

    def _is_held(self) -> bool:
        """Return whether the indexes of the current revision are in memory."""
        with self._store.read() as reader:
            return self._indexes.is_held(reader.chunks)

    def follow_commits(self) -> bool:
        """Bring indexes that are in memory up to the last commit, and write the files that this makes due.

        A question does the former itself, and sees the last commit in any case. False when there is nothing to do:
        nothing was asked yet, or the indexes are at that commit.
        """
        if self._indexes.newest() is None:
            return False
        with self._store.read() as reader:
            if self._indexes.is_held(reader.chunks):
                return False
            self._indexes.snapshot(reader.chunks)
            self._indexes.persist(reader.chunks)
        return True

    def _search(
        self,
        asked: Asked,
        *,
        known: tuple[Embedder, NDArray[np.float32]] | None = None,
        whole: bool = False,
    ) -> Hits:
        """Search. known: the embedder and its vector (d,) for a question without a history. whole: widen the hits to
        whole blocks and add included files, as far as the filter lets (see `ragkit.retrieval.whole_blocks`)."""
        question = checked_question(asked.question, self.settings.retrieval)
        count = self.settings.retrieval.k if asked.k is None else asked.k
        if not 1 <= count <= 1_000:
            raise InputError(f"k is {count}", cure="ask for 1 to 1,000 passages")
        condition = parse_filter(asked.where)
        self._indexes.prepare()
        with self._store.read() as reader:
            if reader.fingerprint is None:
                return Hits(generation=reader.generation)
            embedder = self._models.embedder_for(reader.fingerprint)
            snapshot = self._indexes.snapshot(reader.chunks)
            access = self._access if self._access and ACL_KEY in reader.documents.metadata_keys() else None
            limit = both(access, condition)
            allowed = None if limit is None else reader.chunks.select(limit)
            matches = 0 if allowed is None else len(allowed)
            warnings = filter_warnings(condition, matches=matches, reader=reader, name_keys=access is None)
            alone = self._models.standalone(question, checked_messages(asked.history))
            with stage("search"):
                hits = self._retriever.retrieve(
                    Embedded(alone, known[1]) if known and known[0] is embedder else alone,
                    reader=reader,
                    snapshot=snapshot,
                    k=count,
                    allowed=allowed,
                    adapter=self._models.adapter(reader),
                )
            if access is not None:
                drop_unseen_corrections(hits)
            hits.warnings = (*warnings, *hits.warnings)
            return _with_whole_blocks(hits, reader.documents, limit) if whole else hits

    def prompt(self, asked: Asked, *, budget: int | None = None) -> Prompt:
        """Return messages for any chat model; see `KnowledgeBase.prompt`."""
        settings = self.settings.prompt if budget is None else replace(self.settings.prompt, budget=budget)
        return self._prompt(asked, settings)

    def _prompt(self, asked: Asked, settings: PromptSettings) -> Prompt:
        """Build a prompt. The template is checked before anything is searched for or sent."""
        template = self._template()
        settings = _with_system_messages(settings, asked.history)
        hits = self._search(asked, whole=True)
        question = asked.question.strip()
        return build_prompt(
            question,
            hits,
            counter=self._models.counter(),
            settings=replace(settings, template=template.path or template.name),
            history=checked_messages(asked.history),
            examples=asked.examples or self._examples_for(question, settings),
        )

    def _template(self) -> PromptTemplate:
        """Return the prompt template that the settings name. Raises NotFoundError, DefinitionError."""
        return find_template(self.settings.prompt.template, folder=self._store.folder / TEMPLATES)

    def _examples_for(self, question: str, settings: PromptSettings) -> tuple[Example, ...]:
        """Return the collection's own examples that suit a question; none where it has none or they are off.

        A limited reader gets none: an example may say what stands in documents that it may not see.
        """
        examples = () if settings.few_shot == "off" or self._access is not None else self._examples.load()
        if not examples:
            return ()
        embedder = self._models.batcher() if settings.few_shot == "similar" else None
        return self._few_shot.choose(question, examples, settings=settings, embedder=embedder)

    def ask(self, asked: Asked, *, schema: Mapping[str, Any] | Schema | None = None) -> Answer:
        """Return a checked answer; see `KnowledgeBase.ask`."""
        if schema is not None:
            return self._ask_json(asked, schema if isinstance(schema, Schema) else make_schema(schema))
        prompt = self._prompt(asked, self.settings.prompt)
        parts = self._stream(prompt, self._models.chat(), whole=True)
        return next(part for part in parts if isinstance(part, Answer))

    def _ask_json(self, asked: Asked, schema: Schema) -> Answer:
        """Return a checked answer whose data match a schema."""
        model = self._models.chat()
        if model.name == "extractive":
            raise InputError(
                "the extractive model quotes and writes no JSON", cure="name a chat model, such as openai:NAME"
            )
        prompt = self._prompt(asked, replace(self.settings.prompt, schema=schema.text))
        chat = self.settings.chat
        from ragkit.citations.json_check import JsonCheck

        check = JsonCheck(prompt, hosts=chat.link_hosts, strict=chat.strict)
        reply = ask_for(model, prompt, json_reader(schema, clean=check.clean))
        answer = check.answer(reply.value, model=model.name, counter=self._models.counter())
        if reply.attempts == 1:
            return answer
        warning = "the model's first answer did not match the JSON schema; it was asked again"
        return replace(answer, warnings=(*answer.warnings, warning))

    def check(self, text: str, *, k: int = 5, where: Mapping[str, Any] | None = None) -> TextCheck:
        """Return a text with a verdict for each sentence; see `KnowledgeBase.check`."""
        from ragkit.citations.statements import check_text

        judge = self._models.judge()
        bounds = self.settings.retrieval
        return check_text(text, lambda said: self.search(Asked(shortened(said, bounds), k, where)), judge=judge)

    def stream(self, asked: Asked) -> Iterator[str | Answer]:
        """Yield the text of an answer, then the checked Answer; see `KnowledgeBase.stream`."""
        prompt = self._prompt(asked, self.settings.prompt)
        return self._stream(prompt, self._models.chat())

    def _stream(self, prompt: Prompt, model: ChatModel, *, whole: bool = False) -> Iterator[str | Answer]:
        """Yield the text of an answer, then the checked Answer. whole: nobody reads it while it is made."""
        from ragkit.citations.checker import StreamChecker

        chat = self.settings.chat
        checker = StreamChecker(
            prompt,
            model=model.name,
            counter=self._models.counter(),
            link_hosts=chat.link_hosts,
            strict=chat.strict,
            judge=self._models.judge(),
        )
        guard = self._models.reasoning
        seen = guard.filter(hold=whole or self._template().reasoning)
        with stage("model"):
            for delta in guard.stream(model, prompt, seen):
                text = checker.feed(delta)
                if text:
                    yield text
        rest, answer = checker.finish()
        if rest:
            yield rest
        if seen.reasoning:
            reasoned = self._models.counter().count(seen.reasoning)
            answer = replace(answer, tokens={**answer.tokens, "reasoning": reasoned})
        yield answer


def _with_system_messages(settings: PromptSettings, history: History) -> PromptSettings:
    """Return prompt settings whose instructions end with the system messages of a history."""
    said = [message.content for message in checked_messages(history) if message.role == "system"]
    if not said:
        return settings
    return replace(settings, instructions="\n\n".join(filter(None, (settings.instructions, *said))))


def _with_whole_blocks(hits: Hits, documents: DocumentReader, limit: Filter | None) -> Hits:
    """Return hits with whole blocks, and with the files that they include where no filter or access rule limits them.

    A filter on pages keeps the hits as they are: a whole block may go on to another page.
    """
    if limit is not None:
        return hits if "page" in keys_of(limit) else with_whole_blocks(hits, documents)
    return with_included_files(with_whole_blocks(hits, documents), documents)


def chunks_with_metadata(names: Names, reader: Reader) -> NDArray[np.int64]:
    """Return the ids of the chunks, ascending, of documents that have any of the names in their metadata.

    Looked at are the keys that also stand in a prompt's source line, upper and lower case alike at the beginning of a
    word.
    """
    keys = [key for key in reader.documents.metadata_keys() if key.lower() in FACT_KEYS]
    texts = names() if keys else ()
    if not texts:
        return np.empty(0, dtype=np.int64)
    values = list(dict.fromkeys(form for text in texts for form in (text, text.title())))
    conditions = [{"type": "contains", "key": key, "value": values} for key in keys]
    where = parse_filter(conditions[0] if len(conditions) == 1 else {"type": "or", "filters": conditions})
    return reader.chunks.select(where) if where is not None else np.empty(0, dtype=np.int64)
