"""The contract of a store about several runs at once: one writes at a time, or they do not disturb each other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random

import numpy as np
import pytest

from ragkit.errors import LockedError, ModelMismatchError
from ragkit.store.base import ChunkReader, Store, Writer
from ragkit.testing import HashEmbedder
from ragkit.types.documents import Chunk, Document
from tests.store.contract import Place, file_of, picture, put, writing
from tests.support.store_fakes import EMBEDDER, cut


def sources_of(store: Store) -> list[str]:
    with store.read() as reader:
        return reader.documents.sources()


class OneWriterContract:
    """The tests of a store with one writer at a time. A class that inherits them has a fixture `place: Place`."""

    def test_one_writer_at_a_time(self, place: Place) -> None:
        with place.open() as store, place.open() as other:
            with writing(store) as writer:
                cut("a").put(writer)
                with pytest.raises(LockedError) as caught, writing(other):
                    pass
                assert caught.value.holder
                assert other.writer_holder(alone=True)
                with pytest.raises(LockedError), writing(store, wait=0.05):
                    pass
            assert put(other, cut("b")) == ["added"]


class Follower:
    """A copy of the chunk ids of a collection, brought up to date by what it says has changed, as an index is."""

    def __init__(self) -> None:
        self.revision, self.ids = 0, set[int]()

    def follow(self, chunks: ChunkReader) -> None:
        changes = chunks.changes_since(self.revision)
        assert changes is not None
        assert not self.ids & set(changes.added.tolist())
        self.ids = self.ids - set(changes.removed.tolist()) | set(changes.added.tolist())
        self.revision = changes.revision
        assert self.ids == set(chunks.all_chunk_ids().tolist())


class ManyWritersContract:
    """The tests of a store with several writers. A class that inherits them has a fixture `place: Place`."""

    @pytest.fixture
    def stores(self, place: Place) -> Iterator[tuple[Store, Store]]:
        """One collection, opened twice."""
        with place.open() as one, place.open() as two:
            yield one, two

    def test_interleaved_runs_are_generations_of_their_own(self, stores: tuple[Store, Store]) -> None:
        one, two = stores
        with writing(one, kind="first", extractor="x") as first, writing(two, kind="second") as second:
            assert cut("a").put(second) == "added"
            assert cut("b", ["other"]).put(first) == "added"
            assert one.writer_holder() != ""
            assert one.writer_holder(alone=True) == ""
            assert [cut("a").put(first), cut("a", ["again"]).put(first)] == ["unchanged", "changed"]
            assert second.remove("b")
            second.record_file(file_of("a"))
            assert (second.generation, first.generation) == (1, 2)
        with two.read() as reader:
            assert [(run.number, run.kind, run.added, run.changed, run.removed) for run in reader.generations()] == [
                (1, "second", 1, 0, 1),
                (2, "first", 1, 1, 0),
            ]
            assert all(run.finished_at for run in reader.generations())
            assert (reader.revision, reader.generation, reader.documents.info("a").generation) == (4, 2, 2)
            assert (reader.documents.sources(), reader.counts().documents) == (["a"], 1)
            assert reader.files.roots() == ["/docs"]
        assert (one.verify(), one.doctor()["problems"]) == ([], [])

    def test_the_second_writer_of_a_source_waits_for_the_first(self, stores: tuple[Store, Store]) -> None:
        one, two = stores
        outcomes: list[str] = []
        with writing(one) as first, writing(two) as second:
            thread = threading.Thread(target=lambda: outcomes.append(cut("a").put(second)))
            with first.atomic():
                cut("a", ["old"]).put(first)
                thread.start()
                thread.join(0.3)
                assert outcomes == []
                cut("a").put(first)
            thread.join()
        assert outcomes == ["unchanged"]
        with one.read() as reader:
            assert (reader.revision, [run.added for run in reader.generations()]) == (1, [1])

    def test_transactions_over_the_same_sources_in_opposite_order(self, stores: tuple[Store, Store]) -> None:
        both = threading.Barrier(2)

        def change(store: Store, word: str, sources: str) -> None:
            with writing(store) as writer:
                both.wait()
                for turn in range(5):
                    with writer.atomic():
                        for source in sources:
                            cut(source, [f"{word} {turn}"]).put(writer)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(change, stores, ("one", "two"), ("abcd", "dcba")))
        with stores[0].read() as reader:
            texts = {reader.documents.get(source).text for source in "abcd"}
            assert len(texts) == 1
            assert texts <= {"one 4", "two 4"}
            assert reader.revision == 10
        assert (stores[0].verify(), stores[0].doctor()["problems"]) == ([], [])

    def test_a_follower_misses_no_commit(self, stores: tuple[Store, Store]) -> None:
        """Texts repeat among the writers, so that they store the same vectors; every other document is put by both."""
        follower, ended = Follower(), threading.Event()

        def change(seed: int) -> dict[str, str]:
            random, last = Random(seed), dict[str, str]()
            with writing(stores[seed]) as writer:
                for _ in range(40):
                    source = f"{random.choice((seed, 'shared'))} {random.randrange(4)}"
                    if random.random() < 0.25:
                        writer.remove(source)
                        last.pop(source, None)
                    else:
                        words = [f"word {random.randrange(12)}" for _ in range(random.randrange(1, 4))]
                        cut(source, words).put(writer)
                        last[source] = "\n".join(words)
            return last

        def follow() -> None:
            while not ended.is_set():
                with stores[0].read() as reader:
                    follower.follow(reader.chunks)

        with ThreadPoolExecutor(3) as pool:
            following = pool.submit(follow)
            try:
                own = list(pool.map(change, (0, 1)))
            finally:
                ended.set()
            following.result()
        with stores[1].read() as reader:
            follower.follow(reader.chunks)
            stored = {source: reader.documents.get(source).text for source in reader.documents.sources()}
            for seed in (0, 1):
                mine = {source: text for source, text in stored.items() if source.startswith(f"{seed} ")}
                assert mine == {source: text for source, text in own[seed].items() if source.startswith(f"{seed} ")}
        assert (stores[0].verify(), stores[0].doctor()["problems"]) == ([], [])

    @pytest.mark.parametrize("needing", ["clear", "compact", "repin"])
    def test_what_needs_the_collection_alone(self, stores: tuple[Store, Store], needing: str) -> None:
        one, two = stores
        put(one, cut("a"))
        before = picture(one)

        def need(store: Store) -> None:
            with writing(store, kind="rebuild" if needing == "repin" else "ingest") as writer:
                if needing != "repin":
                    getattr(writer, needing)()
                    with pytest.raises(LockedError) as caught, writing(two):
                        pass
                    assert caught.value.holder
                    return
                with writer.atomic():
                    writer.repin()
                    for source in sources_of(store):
                        cut(source).put(writer)

        with writing(two) as writer:
            with pytest.raises(LockedError) as caught:
                need(one)
            assert caught.value.holder
            assert picture(one) == before
            assert cut("b").put(writer) == "added"
        need(one)
        assert put(two, cut("c")) == ["added"]
        assert (one.verify(), one.doctor()["problems"]) == ([], [])

    @pytest.mark.parametrize("undone", [False, True])
    def test_the_first_to_change_an_empty_collection_pins_its_model(
        self, stores: tuple[Store, Store], undone: bool
    ) -> None:
        other = HashEmbedder(16, name="other")

        def put_other(writer: Writer) -> None:
            chunk = Chunk(ordinal=0, start=0, end=3, text="abc", context="", tokens=1)
            writer.put(Document(source="n", text="abc"), [chunk], other.embed_documents(["abc"]))

        def undo(writer: Writer) -> None:
            with writer.atomic():
                put_other(writer)
                put_other(writer)
                raise KeyError

        with writing(stores[0]) as mine, writing(stores[1], fingerprint=other.fingerprint) as theirs:
            if undone:  # what a run pinned in a transaction that failed is not pinned
                with pytest.raises(KeyError):
                    undo(theirs)
            cut("a").put(mine)
            with pytest.raises(ModelMismatchError):
                put_other(theirs)
            assert theirs.remove("a")
        with stores[0].read() as reader:
            assert (reader.documents.sources(), reader.fingerprint) == ([], EMBEDDER.fingerprint)

    def test_an_adapter_of_one_run_while_another_writes(self, stores: tuple[Store, Store]) -> None:
        one, two = stores
        matrix = np.eye(32, dtype=np.float32)
        with writing(one) as writer:
            cut("a").put(writer)
            with writing(two, kind="adapt") as adapting:
                adapting.set_adapter(matrix, {"created_at": "2026-01-02T03:04:05Z"})
            cut("b").put(writer)
        with one.read() as reader:
            found = reader.adapter()
            assert found is not None
            assert np.array_equal(found.matrix, matrix)
            assert (reader.revision, len(reader.generations())) == (2, 1)
