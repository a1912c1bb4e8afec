"""The whole of ragkit against a dict and brute force: both agree after any sequence of changes, faults, reopenings."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import random
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from numpy.typing import NDArray
from starlette.testclient import TestClient

import ragkit
from ragkit import (
    UPLOAD_PREFIX,
    ChunkSettings,
    ConflictError,
    Document,
    EmbeddingError,
    KnowledgeBase,
    NotFoundError,
    Settings,
)
from ragkit.chunking.chunker import chunk_document
from ragkit.cli.app import cli
from ragkit.cli.context import Tools
from ragkit.testing import HashEmbedder
from ragkit_ingest import IngestOptions, ingest_folder
from ragkit_service import ServiceSettings, create_app
from ragkit_service.collection_pool import DataFolder
from tests.ingest.test_sync import InlinePool
from tests.support.service_fakes import LOCAL, plain_extractor

PARAGRAPHS = [
    "The refund window is thirty days after delivery, and the buyer pays for the return shipping of opened goods.",
    "Support answers on weekdays from nine to five; urgent outages are taken at any hour through the hotline 4711.",
    "Der Vertrag verlängert sich um ein Jahr, wenn er nicht drei Monate vor Ablauf schriftlich gekündigt wird.",
    "返品は到着後三十日以内に限ります。開封した商品の送料はお客様の負担です。",
    "# Limits\n\nA team may hold 25 seats, 100 GiB and 40,000 requests a day.",
    "| plan | price |\n| --- | --- |\n| Starter | 19 EUR |\n| Team | 49 EUR |",
    "short",
    "😀 emoji, e\u0301 and \u00e9, a_b-c, 3.14, C++ and \\d+ (the odd ones)",
    " ".join(f"word{number}" for number in range(90)),
    "The turbine X-9000 is rated for 12 bar; above that the valve of section 7 opens and the pump stops by itself.",
]
QUERIES = [
    "How long is the refund window?",
    "X-9000 valve",
    "返品",
    "word7 word8 word9",
    "price of the Team plan",
    "zzz",
]
ADDED = [f"a{number}" for number in range(4)] + ["dir/ä b"]
FILES = [f"f{number}.txt" for number in range(3)] + ["sub/f.txt"]
COLLECTIONS = ["default", "other"]
CHUNKS = ChunkSettings(max_tokens=48, min_tokens=4, context_tokens=16)
TEXTS = st.lists(st.sampled_from(PARAGRAPHS), max_size=4).map("\n\n".join)
MEMORY = "/dev/shm"  # a disk would only wait: power cuts are tested elsewhere
TOLERANCE = 1e-3  # of cosines: vectors are stored as float16


class Moody(HashEmbedder):
    """A HashEmbedder that fails at one call to come, by an error or by a row that is no number."""

    def __init__(self, dimension: int, name: str) -> None:
        super().__init__(dimension, name=name)
        self.fail_at = -1
        self.by_error = True

    def _embed(self, texts: Any, *, queries: bool) -> NDArray[np.float32]:
        rows = super()._embed(texts, queries=queries)
        self.fail_at -= not queries
        if self.fail_at == 0 and not queries:
            if self.by_error:
                raise EmbeddingError("the model fell over")
            rows[-1, 0] = np.nan
        return rows


MODELS = [(64, "hash"), (32, "hash-small")]


class WholeMachine(RuleBasedStateMachine):
    """`held` is what every collection must hold: source -> text. One process, so a failing program shrinks."""

    @initialize()
    def make(self) -> None:
        logging.getLogger("ragkit").addHandler(logging.NullHandler())  # or the command line adds one of its own
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY if os.path.isdir(MEMORY) else None)
        self.base = Path(os.path.realpath(self.folder.name))
        self.data = self.base / "data"
        self.held: dict[str, dict[str, str]] = {}
        self.from_files: dict[str, set[str]] = {}
        self.model: dict[str, int] = {}
        self.open: dict[str, KnowledgeBase] = {}
        self.http: tuple[TestClient, int] | None = None
        self.embedders = [Moody(*arguments) for arguments in MODELS]
        self.files: dict[str, str] = {}
        (self.base / "docs").mkdir()
        self.at = "default"
        self.visit("default")

    # ------------------------------------------------------------------ tools

    @property
    def kb(self) -> KnowledgeBase:
        return self.open[self.at]

    @property
    def docs(self) -> dict[str, str]:
        return self.held[self.at]

    @property
    def embedder(self) -> Moody:
        return self.embedders[self.model[self.at]]

    def visit(self, name: str) -> None:
        """Go to a collection, which is made or opened when it is not open."""
        self.at = name
        self.held.setdefault(name, {})
        self.from_files.setdefault(name, set())
        self.model.setdefault(name, 0)
        if name not in self.open:
            self.open[name] = ragkit.open(
                self.data, collection=name, settings=Settings(chunk=CHUNKS), embedder=self.embedder
            )

    def document(self, source: str, text: str) -> Document:
        return Document.from_text(source, text, title=f"{self.at} {source}", metadata={"home": self.at})

    def client(self) -> TestClient:
        """Return a client of the service, which takes the model of this collection."""
        if self.http and self.http[1] != self.model[self.at]:
            self.hang_up()
        if not self.http:
            library = DataFolder(self.data, settings=Settings(chunk=CHUNKS), embedder=self.embedder)
            app = create_app(ServiceSettings(data=self.data), library=library, extractor=plain_extractor())
            made = TestClient(app, base_url=LOCAL)
            made.__enter__()
            self.http = (made, self.model[self.at])
        return self.http[0]

    def hang_up(self) -> None:
        if self.http:
            self.http[0].__exit__(None, None, None)
            self.http = None

    def command(self, *words: str) -> Any:
        """Run the command line in this process and return its JSON."""
        out = io.StringIO()
        arguments = [*words, "--data", str(self.data), "--collection", self.at, "--json"]
        with contextlib.redirect_stdout(out):
            status = cli.main(arguments, standalone_mode=False, obj=Tools(embedder=self.embedder))
        assert status in (None, 0), out.getvalue()
        return json.loads(out.getvalue())

    # ------------------------------------------------------------------ changes

    @rule(source=st.sampled_from(ADDED), text=TEXTS)
    def add_or_change(self, source: str, text: str) -> None:
        document = self.document(source, text)
        report = self.kb.add(document)
        assert (report.added, report.changed + report.unchanged) == (source not in self.docs, source in self.docs)
        assert report.changed or report.added or self.docs.get(source, document.text) == document.text
        self.docs[source] = document.text

    @rule(items=st.lists(st.tuples(st.sampled_from(ADDED), TEXTS), max_size=6))
    def add_many(self, items: list[tuple[str, str]]) -> None:
        documents = [self.document(*item) for item in items]
        self.kb.add(iter(documents))
        self.docs.update({document.source: document.text for document in documents})

    @rule(old=st.sampled_from([*ADDED, *FILES]), new=st.sampled_from(ADDED))
    def rename(self, old: str, new: str) -> None:
        try:
            with self.kb.writer(kind="rename") as writer:
                writer.rename(old, new)
        except NotFoundError:
            assert old not in self.docs
        except ConflictError:
            assert new in self.docs
        else:
            assert old == new or new not in self.docs
            self.docs[new] = self.docs.pop(old)
            if old != new:
                self.from_files[self.at].discard(old)

    @rule(source=st.sampled_from([*ADDED, *FILES]), way=st.sampled_from(["python", "command", "http"]))
    def delete(self, source: str, way: str) -> None:
        there = self.docs.pop(source, None) is not None
        self.from_files[self.at].discard(source)
        if way == "python" or (way == "command" and not there):
            assert self.kb.remove(source) == there
        elif way == "command":
            assert self.command("remove", source) == {"removed": 1, "missing": []}
        else:
            reply = self.client().delete(f"/v1/collections/{self.at}/documents", params={"source": source})
            assert reply.status_code == (200 if there else 404)

    @rule(source=st.sampled_from(ADDED[:4]), text=TEXTS)
    def upload(self, source: str, text: str) -> None:
        files = [("files", (source, text.encode()))]
        reply = self.client().post(f"/v1/collections/{self.at}/documents?wait=true", files=files)
        assert reply.status_code == 200, reply.text
        self.docs[f"{UPLOAD_PREFIX}{source}"] = Document.from_text(source, text).text

    # ------------------------------------------------------------------ a folder

    @rule(name=st.sampled_from(FILES), text=TEXTS)
    def write_file(self, name: str, text: str) -> None:
        path = self.base / "docs" / name
        path.parent.mkdir(exist_ok=True)
        self.files[name] = ragkit.clean_text(text)
        path.write_text(self.files[name], encoding="utf-8")

    @rule(name=st.sampled_from(FILES), to=st.sampled_from([*FILES, ""]))
    def move_or_delete_file(self, name: str, to: str) -> None:
        if name not in self.files or name == to:
            return
        text = self.files.pop(name)
        if to:
            (self.base / "docs" / to).parent.mkdir(exist_ok=True)
            (self.base / "docs" / name).rename(self.base / "docs" / to)
            self.files[to] = text
        else:
            (self.base / "docs" / name).unlink()

    @rule()
    def ingest(self) -> None:
        options = IngestOptions(pool=InlinePool())
        report = ingest_folder(self.kb, self.base / "docs", options=options)
        assert report.problems == ()
        for gone in self.from_files[self.at] - set(self.files):
            del self.docs[gone]
        self.docs.update(self.files)
        self.from_files[self.at] = set(self.files)
        embedded = self.embedder.documents_embedded
        again = ingest_folder(self.kb, self.base / "docs", options=options)
        assert (again.changes, self.embedder.documents_embedded) == ((), embedded)

    # ------------------------------------------------------------------ faults

    @rule(
        items=st.lists(st.tuples(st.sampled_from(ADDED), TEXTS), min_size=1, max_size=8),
        at_call=st.integers(1, 3),
        by_error=st.booleans(),
    )
    def embedder_fails(self, items: list[tuple[str, str]], at_call: int, by_error: bool) -> None:
        """A source that comes again begins a new batch; whole batches before the failure are kept, nothing else."""
        documents = [self.document(*item) for item in items]
        self.embedder.fail_at, self.embedder.by_error = at_call, by_error
        message = ""
        try:
            self.kb.add(iter(documents))
        except EmbeddingError as error:
            message = str(error)
        self.embedder.fail_at = -1
        assert not message or any(source in message for source, _ in items)
        states = [dict(self.docs)]
        pending: set[str] = set()
        for document in documents:
            if document.source in pending:
                pending = set()
                states.append(dict(states[-1]))
            elif not pending:
                states.append(dict(states[-1]))
            pending.add(document.source)
            states[-1][document.source] = document.text
        now = {info.source: self.kb.document(info.source).text for info in self.kb.documents()}
        assert now in states
        assert message or now == states[-1]
        self.held[self.at] = now

    @rule()
    def reopen(self) -> None:
        self.open.pop(self.at).close()
        self.visit(self.at)

    @rule(seed=st.integers(0, 1 << 32), way=st.sampled_from(["flip", "cut", "grow", "delete", "swap"]))
    def damage_a_cache(self, seed: int, way: str) -> None:
        """Whatever happens to a file of the caches, the next to open finds the right answers, and a writer heals it."""
        self.hang_up()
        self.open.pop(self.at).close()
        chance = random.Random(seed)
        cache = self.data / "collections" / self.at / "cache"
        files = sorted(path for path in cache.rglob("*") if path.is_file() and path.stat().st_size)
        if files:
            damage(chance.choice(files), way, chance, files)
        self.visit(self.at)
        self.same_nearest()
        self.kb.rebuild()

    @rule(switch=st.booleans())
    def rebuild(self, switch: bool) -> None:
        if switch:
            self.model[self.at] ^= 1
        self.kb.rebuild(embedder=self.embedder)

    @rule()
    def compact(self) -> None:
        store = self.kb._store
        with store.write(kind="compact", fingerprint=None, settings={}) as writer:
            writer.compact()
        with store.read() as reader:
            counts = reader.counts()
            assert counts.stored_vectors <= counts.chunks

    # ------------------------------------------------------------------ collections and questions

    @rule(name=st.sampled_from(COLLECTIONS))
    def go_to(self, name: str) -> None:
        self.visit(name)

    @rule()
    def drop_a_collection(self) -> None:
        """What comes after under the same name has nothing of what was there."""
        self.hang_up()
        self.open.pop(self.at).close()
        ragkit.delete_collection(self.data, self.at)
        for mapping in (self.held, self.from_files, self.model):
            mapping.pop(self.at)
        self.visit(self.at)

    @rule(query=st.sampled_from(QUERIES), k=st.integers(1, 6), fresh=st.booleans())
    def three_ways_to_ask(self, query: str, k: int, fresh: bool) -> None:
        """Each way tells the truth; all say the same when they open the same files.

        Otherwise their lexical scores may differ a little: chunks that are gone count in the statistics of BM25 until
        files are written again, as in Lucene.
        """
        if fresh:
            self.hang_up()
            self.reopen()
        python = json.loads(json.dumps([hit.as_dict() for hit in self.kb.search(query, k=k)]))
        command = self.command("search", query, "-k", str(k))["hits"]
        reply = self.client().post(f"/v1/collections/{self.at}/search", json={"query": query, "k": k})
        assert reply.status_code == 200, reply.text
        http = reply.json()["hits"]
        if fresh:
            assert python == command == http
        for hits in (python, command, http):
            assert [hit["rank"] for hit in hits] == list(range(1, len(hits) + 1))
            assert len({(hit["source"], hit["start"]) for hit in hits}) == len(hits)
            for hit in hits:
                assert self.docs[hit["source"]][hit["start"] : hit["end"]] == hit["text"]
                assert hit["metadata"].get("home", self.at) == self.at

    @rule(query=st.sampled_from(QUERIES), source=st.sampled_from(ADDED))
    def ask_one_document(self, query: str, source: str) -> None:
        where = {"type": "eq", "key": "source", "value": source}
        found = {hit.source for hit in self.kb.search(query, where=where)}
        assert found == ({source} if self.docs.get(source, "").strip() else set())

    # ------------------------------------------------------------------ what must hold

    @invariant()
    def same_documents(self) -> None:
        for name, kb in self.open.items():
            with kb._store.read() as reader:
                assert {
                    source: reader.documents.get(source).text for source in reader.documents.sources()
                } == self.held[name]

    @invariant()
    def same_chunks_and_vectors(self) -> None:
        with self.kb._store.read() as reader:
            for source in self.docs:
                chunks = chunk_document(reader.documents.get(source), embedder=self.embedder, settings=CHUNKS)
                rows = reader.chunks.of_document(source)
                assert [row.chunk for row in rows] == list(chunks)
                if chunks:
                    wanted = self.embedder._rows([chunk.embedded for chunk in chunks])
                    assert np.abs(reader.chunks.vectors([row.id for row in rows]) - wanted).max() < TOLERANCE

    @invariant()
    def same_nearest(self) -> None:
        """The dense index gives what comparing the question with every stored vector gives."""
        with self.kb._store.read() as reader:
            ids = reader.chunks.all_chunk_ids()
            if reader.fingerprint is None or not len(ids):
                return
            matrix = reader.chunks.vectors(ids)
            dense = self.kb._indexes.snapshot(reader.chunks).dense
            assert np.array_equal(np.sort(dense.ids()), ids)
            for query in self.embedder._rows(QUERIES[:3]):
                exact = dict(zip(ids.tolist(), (matrix @ query).tolist(), strict=True))
                best = sorted(exact.values(), reverse=True)
                for k in (1, 4, len(ids) + 1):
                    found, scores = dense.search(query, k)
                    assert len(set(found.tolist())) == len(found) == min(k, len(ids))
                    assert np.abs(scores - np.array(best[:k])).max() < TOLERANCE
                    assert np.abs(scores - [exact[number] for number in found.tolist()]).max() < TOLERANCE

    @invariant()
    def healthy(self) -> None:
        report = self.kb.doctor()
        assert report["problems"] + report["caches"] == []

    def teardown(self) -> None:
        self.hang_up()
        for kb in self.open.values():
            kb.close()
        self.folder.cleanup()


def damage(path: Path, way: str, chance: random.Random, files: list[Path]) -> None:
    """Spoil one file of a cache, as a bad disk or another program would."""
    data = bytearray(path.read_bytes())
    if way == "flip":
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif way == "cut":
        del data[chance.randrange(len(data)) :]
    elif way == "grow":
        data += chance.randbytes(chance.randrange(1, 64))
    elif way == "swap":
        data = bytearray(chance.choice(files).read_bytes())
    path.unlink()  # so that a hard link elsewhere keeps its bytes
    if way != "delete":
        path.write_bytes(data)


def check(programs: int, steps: int) -> None:
    options = settings(
        max_examples=programs,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),  # shrinking a program of faults takes longer than reading it
        report_multiple_bugs=False,
    )
    run_state_machine_as_test(WholeMachine, settings=options)


def test_any_program_of_changes_and_faults() -> None:
    check(60, 30)


@pytest.mark.slow
def test_many_long_programs() -> None:
    check(2_000, 60)
