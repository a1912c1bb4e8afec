"""The public object: opening, asking, changing, and what it refuses."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import ragkit
from ragkit.embedding.openvino.runtime import usable_cpus
from ragkit.knowledge.querying import Asked
from ragkit.knowledge.view import KnowledgeView
from ragkit.testing import BrokenEmbedder, CutChat, FakeChat, HashEmbedder
from ragkit.types.answers import Answer
from ragkit.types.documents import Document
from ragkit.types.prompts import Example, Message

DOCUMENTS = [
    Document(source="refunds.md", text="The refund window is thirty days after delivery.", title="Refunds"),
    Document(source="warranty.md", text="The warranty of the meter is 24 months.", title="Warranty"),
    Document(source="garden.md", text="Roses are pruned in early spring.", title="Garden"),
]
QUESTION = "How long is the refund window?"


@pytest.fixture
def kb(tmp_path: Path) -> Iterator[ragkit.KnowledgeBase]:
    with ragkit.open(tmp_path, embedder=HashEmbedder()) as made:
        made.add(DOCUMENTS)
        yield made


def test_opening_makes_a_collection_unless_told_not_to(tmp_path: Path) -> None:
    with pytest.raises(ragkit.NotFoundError, match="there is no collection 'new'"):
        ragkit.open(tmp_path, collection="new", create=False)
    ragkit.open(tmp_path, collection="new").close()
    ragkit.open(tmp_path, collection="new", create=False).close()
    assert ragkit.list_collections(tmp_path) == ["new"]
    with pytest.raises(ragkit.InputError):
        ragkit.open(tmp_path, collection="../evil")


def test_an_empty_collection_finds_nothing_and_loads_no_model(tmp_path: Path) -> None:
    settings = ragkit.Settings(model=ragkit.ModelSettings(name="no/such/model", offline=True))
    with ragkit.open(tmp_path, settings=settings) as kb:
        assert len(kb.search(QUESTION)) == 0
        assert kb.documents() == []
        assert kb.status()["documents"] == 0


def test_it_finds_prompts_and_answers(kb: ragkit.KnowledgeBase) -> None:
    assert kb.search(QUESTION)[0].source == "refunds.md"
    prompt = kb.prompt(QUESTION, examples=[Example("Q", "A [1].")])
    assert "thirty days" in prompt.messages[-1].content
    answer = kb.ask(QUESTION)
    assert answer.status == "answered"
    assert answer.citations[0].source == "refunds.md"
    assert answer.citations[0].quote in kb.document("refunds.md").text


def told(hits: ragkit.Hits) -> tuple[Any, ...]:
    """Return what can be compared of hits."""
    return (hits.confidence, hits.generation, *(hit.as_dict() for hit in hits))


def test_awaited_searches_find_what_searches_find(kb: ragkit.KnowledgeBase) -> None:
    questions = ["refund window", "warranty", "How long is the refund window?", "nothing of the kind"]

    async def ask() -> list[ragkit.Hits]:
        await kb.asearch("warranty")
        newest = kb._querying._indexes.newest()
        assert newest is not None
        assert kb._querying._retriever.is_quick(newest)
        return await asyncio.gather(*(kb.asearch(question, k=2) for question in questions * 5))

    found = asyncio.run(ask())
    assert list(map(told, found)) == [told(kb.search(question, k=2)) for question in questions * 5]
    history = [Message("user", "What is the refund window?"), Message("assistant", "Thirty days.")]
    leaning = asyncio.run(kb.asearch("And for how long is it?", history=history))
    assert told(leaning) == told(kb.search("And for how long is it?", history=history))
    with pytest.raises(ragkit.QueryError):
        asyncio.run(kb.asearch(" "))
    with pytest.raises(ragkit.InputError, match="k is 0"):
        asyncio.run(kb.asearch("refund", k=0))


def test_awaited_searches_of_a_large_collection_share_runs_of_the_model_and_a_few_threads(
    kb: ragkit.KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = [f"refund window {number}" for number in range(24)]
    retriever, batches, threads = kb._querying._retriever, list[int](), set[str]()
    embed, retrieve = HashEmbedder.embed_queries, retriever.retrieve

    def embedded(embedder: HashEmbedder, texts: Sequence[str]) -> NDArray[np.float32]:
        batches.append(len(texts))
        return embed(embedder, texts)

    def retrieved(*arguments: Any, **options: Any) -> ragkit.Hits:
        threads.add(threading.current_thread().name)
        return retrieve(*arguments, **options)

    async def ask() -> list[ragkit.Hits]:
        return await asyncio.gather(*(kb.asearch(question, k=2) for question in questions))

    kb.search(QUESTION)  # opens the indexes
    monkeypatch.setattr(retriever, "_parallel_from", 1)  # all collections are large
    monkeypatch.setattr(HashEmbedder, "embed_queries", embedded)
    monkeypatch.setattr(retriever, "retrieve", retrieved)
    found = asyncio.run(ask())
    assert sum(batches) == len(questions) > len(batches)
    assert len(threads) <= usable_cpus()
    assert all(name.startswith("ragkit-long-search") for name in threads)
    assert list(map(told, found)) == [told(kb.search(question, k=2)) for question in questions]
    with ragkit.open(kb.path, embedder=HashEmbedder()) as other:
        other.add([Document(source="later.md", text="The refund window was forty days later.", title="Later")])
    threads.clear()
    asyncio.run(kb.asearch("Which index is not open?"))
    assert not any(name.startswith("ragkit-long-search") for name in threads)


def test_a_question_that_is_asked_again_is_searched_at_once_unless_the_collection_has_changed(
    kb: ragkit.KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    retrieve = kb._querying._retriever.retrieve

    def noted(*arguments: Any, **options: Any) -> ragkit.Hits:
        threads.append(threading.get_ident())
        return retrieve(*arguments, **options)

    async def ask() -> list[ragkit.Hits]:
        await kb.asearch("warranty")  # tells that the collection is small
        monkeypatch.setattr(kb._querying._retriever, "retrieve", noted)
        found = [await kb.asearch("refund window") for _ in range(2)]
        with ragkit.open(kb.path, embedder=HashEmbedder()) as other:
            other.add([Document(source="later.md", text="The refund window was forty days later.", title="Later")])
        return [*found, await kb.asearch("refund window")]

    first, again, changed = asyncio.run(ask())
    mine = threading.get_ident()
    assert [thread == mine for thread in threads] == [False, True, False]
    assert told(again) == told(first)
    assert told(changed) == told(kb.search("refund window"))
    assert {hit.source for hit in changed} - {hit.source for hit in first} == {"later.md"}


def test_a_vector_of_another_model_is_not_searched_by(kb: ragkit.KnowledgeBase) -> None:
    other = HashEmbedder(dimension=kb._models.embedder().fingerprint.dimension, name="other")
    wrong = other.embed_queries(["warranty"])[0]
    wanted = kb.search("refund window")
    found = kb._querying._search(Asked("refund window"), known=(other, wrong))
    assert told(found) == told(wanted)
    mine = kb._models.embedder()
    moved = kb._querying._search(Asked("refund window"), known=(mine, mine.embed_queries(["warranty"])[0]))
    assert told(moved) != told(wanted)  # one of its own is


def test_a_stream_adds_up_to_what_ask_gives(tmp_path: Path) -> None:
    chat = FakeChat("The refund window is thirty days [1]. Unsupported <b>markup</b> [9].")
    with ragkit.open(tmp_path, embedder=HashEmbedder(), chat=chat) as kb:
        kb.add(DOCUMENTS)
        *pieces, last = kb.stream(QUESTION)
        whole = kb.ask(QUESTION)
    assert isinstance(last, Answer)
    assert "".join(str(piece) for piece in pieces) == last.text == whole.text
    assert [item.number for item in last.citations] == [item.number for item in whole.citations]
    assert "<b>" not in last.text


def test_a_stream_that_breaks_off_raises(tmp_path: Path) -> None:
    with ragkit.open(tmp_path, embedder=HashEmbedder(), chat=CutChat()) as kb:
        kb.add(DOCUMENTS)
        with pytest.raises(ragkit.ChatInterruptedError):
            list(kb.stream(QUESTION))
        with pytest.raises(ragkit.ChatInterruptedError):
            kb.ask(QUESTION)
        with pytest.raises(ragkit.QueryError):  # before the first piece, by the call itself
            kb.stream("  ")


@pytest.mark.parametrize("k", [0, -1, 1_001])
def test_a_bad_k_is_refused(kb: ragkit.KnowledgeBase, k: int) -> None:
    with pytest.raises(ragkit.InputError, match=f"k is {k:}"):
        kb.search(QUESTION, k=k)


def test_questions_have_limits(kb: ragkit.KnowledgeBase) -> None:
    for empty in ("", "  \n", "\x00\x01"):
        with pytest.raises(ragkit.QueryError, match="empty"):
            kb.search(empty)
    assert len(kb.search("refund " * 1_142)) > 0
    with pytest.raises(ragkit.QueryError, match="8,001 characters"):
        kb.search("x" * 8_001)


def test_history_may_be_mappings_or_messages(kb: ragkit.KnowledgeBase) -> None:
    history: list[Any] = [{"role": "user", "content": "What is the warranty?"}, Message("assistant", "24 months.")]
    assert kb.search("And how long?", k=1, history=history)[0].source == "warranty.md"
    wrong: list[Any] = [
        {"role": "robot", "content": "x"},
        {"role": "user"},
        {"content": "x"},
        {"role": "user", "content": 3},
    ]
    for item in wrong:
        with pytest.raises(ragkit.InputError, match="a message of the history"):
            kb.search("And how long?", history=[item])


def test_filters_are_checked(kb: ragkit.KnowledgeBase) -> None:
    with pytest.raises(ragkit.FilterError):
        kb.search(QUESTION, where={"type": "like", "key": "source", "value": "x"})


def test_adding_changes_what_is_found_from_the_next_call_on(kb: ragkit.KnowledgeBase) -> None:
    with ragkit.open(kb.path, embedder=HashEmbedder()) as other:
        assert other.search(QUESTION)[0].text.endswith("thirty days after delivery.")
        report = kb.add(Document(source="refunds.md", text="The refund window is ninety days.", title="Refunds"))
        assert (report.added, report.changed) == (0, 1)
        assert "ninety" in other.search(QUESTION)[0].text
        assert kb.remove("refunds.md") == 1
        assert kb.remove(["refunds.md", "none.md"]) == 0
        assert all(hit.source != "refunds.md" for hit in other.search(QUESTION))
    assert kb.verify() == []
    assert kb.doctor()["ok"]


def test_the_same_documents_again_change_and_embed_nothing(tmp_path: Path) -> None:
    embedder = HashEmbedder()
    with ragkit.open(tmp_path, embedder=embedder) as kb:
        kb.add(DOCUMENTS)
        embedded, generations = embedder.documents_embedded, kb.history()
        assert kb.add(DOCUMENTS).unchanged == 3
        assert embedder.documents_embedded == embedded
        assert kb.history() == generations


def test_another_model_is_refused_with_the_command_that_rebuilds(kb: ragkit.KnowledgeBase) -> None:
    with pytest.raises(ragkit.ModelMismatchError, match="ragkit rebuild --collection default"):
        ragkit.open(kb.path, embedder=HashEmbedder(name="another"))
    with pytest.raises(ragkit.ModelMismatchError, match="--model elsewhere"):
        ragkit.open(kb.path, settings=ragkit.Settings(model=ragkit.ModelSettings(name="elsewhere")))
    with pytest.raises(ragkit.ModelMismatchError, match="was chunked with"):
        ragkit.open(
            kb.path, settings=ragkit.Settings(chunk=ragkit.ChunkSettings(max_tokens=50)), embedder=HashEmbedder()
        )


def test_a_rebuild_moves_to_another_model(kb: ragkit.KnowledgeBase) -> None:
    new = HashEmbedder(48, name="another")
    report = kb.rebuild(embedder=new)
    assert report.changed == 3
    assert kb.search(QUESTION)[0].source == "refunds.md"
    assert kb.status()["model"] == "another"
    assert kb.verify() == []
    with ragkit.open(kb.path, embedder=new) as again:
        assert again.search(QUESTION)[0].source == "refunds.md"
    with pytest.raises(ragkit.ModelMismatchError):
        ragkit.open(kb.path, embedder=HashEmbedder())


def test_a_rebuild_that_fails_leaves_all_as_it_was(kb: ragkit.KnowledgeBase) -> None:
    before = [(hit.source, hit.score) for hit in kb.search(QUESTION)]
    with pytest.raises(ragkit.EmbeddingError):
        kb.rebuild(embedder=BrokenEmbedder("raises", dimension=48))
    assert [(hit.source, hit.score) for hit in kb.search(QUESTION)] == before
    assert kb.status()["dimension"] == 64


def test_a_closed_one_says_so(tmp_path: Path) -> None:
    kb = ragkit.open(tmp_path, embedder=HashEmbedder())
    kb.add(DOCUMENTS)
    kb.close()
    kb.close()
    for call in (lambda: kb.search(QUESTION), lambda: kb.add(DOCUMENTS), kb.documents, lambda: kb.ask(QUESTION)):
        with pytest.raises(ragkit.StoreError, match="closed"):
            call()


def test_many_threads_may_ask_while_one_writes(kb: ragkit.KnowledgeBase) -> None:
    started = threading.Barrier(5)

    def ask(_: int) -> set[str]:
        started.wait()
        return {kb.search(QUESTION, k=1)[0].source for _ in range(15)}

    def write() -> None:
        started.wait()
        for at in range(8):
            kb.add(Document(source=f"more{at}.md", text=f"Parcel number {at} left the harbour."))

    with ThreadPoolExecutor(5) as pool:
        asking = [pool.submit(ask, at) for at in range(4)]
        pool.submit(write).result()
        assert all(item.result() == {"refunds.md"} for item in asking)
    assert kb.status()["documents"] == 11
    assert kb.verify() == []


@pytest.mark.parametrize("name", ["search", "asearch", "prompt", "ask", "stream", "check"])
def test_a_view_takes_what_the_knowledge_base_takes(name: str) -> None:
    base, view = (inspect.signature(getattr(owner, name)) for owner in (ragkit.KnowledgeBase, KnowledgeView))
    options = [option for option in base.parameters.values() if option.name != "schema"]
    assert options == list(view.parameters.values())
    assert base.return_annotation == view.return_annotation
    assert inspect.iscoroutinefunction(getattr(ragkit.KnowledgeBase, name)) == (name == "asearch")


def test_settings_are_the_collections_after_a_rebuild(kb: ragkit.KnowledgeBase) -> None:
    assert kb.settings.chunk == ragkit.ChunkSettings()
    kb.rebuild(chunk=ragkit.ChunkSettings(max_tokens=48, min_tokens=8))
    assert kb.settings.chunk.max_tokens == 48
    assert kb.status()["chunk"]["max_tokens"] == 48
    with pytest.raises(AttributeError):
        kb.settings = ragkit.Settings()  # type: ignore[misc] # it has no setter
