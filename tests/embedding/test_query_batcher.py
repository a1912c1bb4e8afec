"""Queries that come together share one inference; each caller gets its own rows or its own error."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from ragkit.embedding.query_batcher import QueryBatcher
from ragkit.errors import EmbeddingError
from ragkit.testing import BrokenEmbedder, HashEmbedder


class GatedEmbedder(HashEmbedder):
    """Waits at its first call until the test opens the gate; notes the texts of every call."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[str]] = []
        self.entered = threading.Event()
        self.gate = threading.Event()

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.batches.append(list(texts))
        if len(self.batches) == 1:
            self.entered.set()
            assert self.gate.wait(60)
        if "bad" in texts:
            raise EmbeddingError("bad query")
        return super().embed_queries(texts)


def waiting(batcher: QueryBatcher, count: int) -> None:
    """Return when so many calls wait."""
    done = threading.Event()
    while len(batcher._waiting) < count:
        done.wait(0.001)


def run(batcher: QueryBatcher, embedder: GatedEmbedder, questions: list[list[str]]) -> list[object]:
    """Ask the first list alone, hold it at the gate until all others wait, then let go; return rows or errors."""

    def ask(texts: list[str]) -> object:
        try:
            return batcher.embed_queries(texts)
        except EmbeddingError as error:
            return error

    with ThreadPoolExecutor(len(questions)) as pool:
        first = pool.submit(ask, questions[0])
        assert embedder.entered.wait(60)
        rest = []
        for number, texts in enumerate(questions[1:], 1):
            rest.append(pool.submit(ask, texts))
            waiting(batcher, number)
        embedder.gate.set()
        return [future.result(60) for future in (first, *rest)]


def test_calls_that_wait_become_one_batch_and_each_gets_its_rows() -> None:
    embedder = GatedEmbedder()
    questions = [["first"], ["one"], ["two", "three"], [], ["four"]]
    answers = run(QueryBatcher(embedder), embedder, questions)
    assert embedder.batches == [["first"], ["one", "two", "three", "four"]]
    for texts, rows in zip(questions, answers, strict=True):
        assert isinstance(rows, np.ndarray)
        np.testing.assert_allclose(rows, HashEmbedder().embed_queries(texts), atol=1e-6)


def test_a_batch_is_bounded_and_a_larger_call_runs_alone() -> None:
    embedder = GatedEmbedder()
    questions = [["first"], ["a"], ["b"], ["c"], ["d", "e", "f"], ["g"]]
    run(QueryBatcher(embedder, max_texts=2), embedder, questions)
    assert embedder.batches == [["first"], ["a", "b"], ["c"], ["d", "e", "f"], ["g"]]


def test_one_bad_query_fails_alone() -> None:
    embedder = GatedEmbedder()
    answers = run(QueryBatcher(embedder), embedder, [["first"], ["one"], ["bad"], ["two"]])
    assert [isinstance(answer, EmbeddingError) for answer in answers] == [False, False, True, False]
    assert isinstance(answers[3], np.ndarray)
    np.testing.assert_allclose(answers[3], HashEmbedder().embed_queries(["two"]), atol=1e-6)


def awaited(batcher: QueryBatcher, embedder: GatedEmbedder, questions: list[list[str]]) -> list[object]:
    """Do as `run`, in one event loop."""

    async def together() -> list[object]:
        first = asyncio.create_task(batcher.aembed_queries(questions[0]))
        await asyncio.to_thread(embedder.entered.wait, 60)
        rest = []
        for texts in questions[1:]:
            rest.append(asyncio.create_task(batcher.aembed_queries(texts)))
            await asyncio.sleep(0)
        embedder.gate.set()
        return await asyncio.gather(first, *rest, return_exceptions=True)

    return asyncio.run(together())


def test_awaited_calls_become_one_batch_too_and_one_bad_query_fails_alone() -> None:
    embedder = GatedEmbedder()
    questions = [["first"], ["one"], ["bad"], ["two", "three"]]
    answers = awaited(QueryBatcher(embedder), embedder, questions)
    assert embedder.batches[:2] == [["first"], ["one", "bad", "two", "three"]]
    assert isinstance(answers[2], EmbeddingError)
    for number in (0, 1, 3):
        np.testing.assert_allclose(answers[number], HashEmbedder().embed_queries(questions[number]), atol=1e-6)


def test_threads_and_loops_share_a_batcher_and_who_gives_up_holds_nobody_up() -> None:
    embedder = HashEmbedder()
    batcher = QueryBatcher(embedder)
    texts = [f"question {number}" for number in range(200)]

    async def loop() -> list[NDArray[np.float32]]:
        tasks = [asyncio.create_task(batcher.aembed_queries([text])) for text in texts]
        given_up = [asyncio.create_task(batcher.aembed_queries(["never mind"])) for _ in range(5)]
        await asyncio.sleep(0)
        for task in given_up:
            task.cancel()
        return await asyncio.gather(*tasks)

    with ThreadPoolExecutor(8) as pool:
        others = pool.map(lambda text: batcher.embed_queries([text]), texts)
        found = [asyncio.run(loop()), list(others)]
    for rows in found:
        np.testing.assert_allclose(np.concatenate(rows), HashEmbedder().embed_queries(texts), atol=1e-6)
    done = threading.Event()
    while batcher._busy:  # with the texts that nobody waits for
        done.wait(0.001)
    assert not batcher._waiting


def test_a_loop_that_was_closed_is_not_told() -> None:
    embedder = GatedEmbedder()
    batcher = QueryBatcher(embedder)

    async def leave() -> None:
        task = asyncio.create_task(batcher.aembed_queries(["first"]))
        await asyncio.to_thread(embedder.entered.wait, 60)
        task.cancel()

    asyncio.run(leave())
    embedder.gate.set()
    assert batcher.embed_queries(["next"]).shape == (1, 64)


def test_rows_that_are_missing_are_never_another_callers() -> None:
    batcher = QueryBatcher(BrokenEmbedder("few_rows"))
    with pytest.raises(EmbeddingError, match="row 1 is missing"):
        batcher.embed_queries(["one", "two"])


def test_many_threads_and_many_calls() -> None:
    embedder = HashEmbedder()
    batcher = QueryBatcher(embedder)
    texts = [f"question {number}" for number in range(400)]
    with ThreadPoolExecutor(16) as pool:
        rows = list(pool.map(lambda text: batcher.embed_queries([text])[0], texts))
    np.testing.assert_allclose(np.stack(rows), HashEmbedder().embed_queries(texts), atol=1e-6)
    assert embedder.queries_embedded == 400
    assert not batcher._busy


def test_everything_else_is_the_embedders() -> None:
    embedder = HashEmbedder(max_tokens=99)
    batcher = QueryBatcher(embedder)
    assert batcher.fingerprint == embedder.fingerprint
    assert batcher.max_tokens == 99
    assert batcher.count_tokens(["a b"]) == [4]
    assert batcher.token_offsets("a b") == [(0, 1), (2, 3)]
    assert batcher.embed_documents(["a"]).shape == (1, 64)
    assert batcher.supports_units
    assert batcher.embed_units(["a b"], [[(0, 1), (2, 3)]])[1][0].shape == (2, 64)


class CountingEmbedder(HashEmbedder):
    """Notes the texts of every call."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        return super().embed_queries(texts)


def test_a_question_that_is_asked_again_has_the_vector_of_the_first_time() -> None:
    embedder = CountingEmbedder()
    batcher = QueryBatcher(embedder, remember=3)
    first = batcher.embed_queries(["a b", "c d"])
    again = batcher.embed_queries(["c d"])
    awaited = asyncio.run(batcher.aembed_queries(["c d", "a b", "c d"]))
    assert embedder.asked == ["a b", "c d"]
    np.testing.assert_array_equal(again[0], first[1])
    np.testing.assert_array_equal(awaited, first[[1, 0, 1]])
    again[:] = 0  # the caller's own
    first[:] = 0
    np.testing.assert_array_equal(batcher.embed_queries(["c d"])[0], awaited[0])


def test_what_was_asked_longest_ago_is_forgotten_first() -> None:
    embedder = CountingEmbedder()
    batcher = QueryBatcher(embedder, remember=2)
    for text in ("one", "two", "one", "three", "one", "two"):
        batcher.embed_queries([text])
    assert embedder.asked == ["one", "two", "three", "two"]
    batcher.embed_queries(["four", "five", "six"])
    batcher.embed_queries(["five"])
    assert embedder.asked[4:] == ["four", "five", "six"]


def test_a_call_with_one_new_text_is_embedded_whole_and_none_is_remembered_where_none_is_wanted() -> None:
    embedder = CountingEmbedder()
    batcher = QueryBatcher(embedder)
    batcher.embed_queries(["one"])
    batcher.embed_queries(["one", "two"])
    assert embedder.asked == ["one", "one", "two"]
    assert batcher.embed_queries([]).shape == (0, embedder.fingerprint.dimension)
    forgetful = QueryBatcher(embedder, remember=0)
    for _ in range(2):
        forgetful.embed_queries(["nine"])
    assert embedder.asked[3:] == ["nine", "nine"]


def test_a_question_that_failed_is_not_remembered() -> None:
    embedder = GatedEmbedder()
    embedder.gate.set()
    batcher = QueryBatcher(embedder)
    for _ in range(2):
        with pytest.raises(EmbeddingError):
            batcher.embed_queries(["bad"])
    assert embedder.batches == [["bad"], ["bad"]]


def test_many_threads_ask_the_same_and_other_questions() -> None:
    embedder = CountingEmbedder()
    batcher = QueryBatcher(embedder, remember=8)
    texts = [f"question {number % 12}" for number in range(600)]
    with ThreadPoolExecutor(8) as pool:
        rows = list(pool.map(lambda text: batcher.embed_queries([text])[0], texts))
    np.testing.assert_array_equal(np.stack(rows), HashEmbedder().embed_queries(texts))
