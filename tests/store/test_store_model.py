"""The store against a dict: after any sequence of calls both hold the same, and the audit finds nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ragkit.errors import ConflictError, NotFoundError
from ragkit.store.sqlite.backup import backup, restore
from ragkit.store.sqlite.integrity import doctor_store, verify_store
from ragkit.store.sqlite.store import Store
from tests.support.store_fakes import ChunkedDocument, cut, new_store, writing

SOURCES = st.sampled_from(["a", "b", "dir/c", "ä"])
PARAGRAPHS = st.lists(st.text("abc 😀é", min_size=1, max_size=4).filter(str.strip), max_size=4)
METADATA = st.dictionaries(
    st.sampled_from(["n", "tags"]),
    st.one_of(st.integers(0, 2), st.lists(st.booleans(), max_size=2).map(tuple)),
    max_size=2,
)
CUTS = st.builds(
    lambda source, paragraphs, title, metadata: cut(
        source, paragraphs, title=title, metadata=metadata, paged=bool(paragraphs)
    ),
    SOURCES,
    PARAGRAPHS,
    st.sampled_from(["T", "U"]),
    METADATA,
)


class Abandon(Exception):
    """Raised within atomic()."""


class StoreMachine(RuleBasedStateMachine):
    """Every rule is one run; `followed` is a cache that follows by changes_since alone."""

    @initialize()
    def make(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.data = Path(self.folder.name)
        self.store = new_store(self.data)
        self.model: dict[str, ChunkedDocument] = {}
        self.revision = 0
        self.followed: dict[int, str] = {}
        self.backups = 0

    @rule(item=CUTS)
    def put(self, item: ChunkedDocument) -> None:
        old = self.model.get(item.document.source)
        with writing(self.store) as writer:
            outcome = item.put(writer)
        same = old is not None and (old.document, old.chunks) == (item.document, item.chunks)
        assert outcome == ("added" if old is None else "unchanged" if same else "changed")
        self.model[item.document.source] = item

    @rule(items=st.lists(CUTS, max_size=4), gone=SOURCES, abandon=st.booleans())
    def atomic(self, items: list[ChunkedDocument], gone: str, abandon: bool) -> None:
        after = dict(self.model)
        with writing(self.store) as writer:
            try:
                with writer.atomic():
                    for item in items:
                        item.put(writer)
                        after[item.document.source] = item
                    assert writer.remove(gone) == (gone in after)
                    after.pop(gone, None)
                    if abandon:
                        raise Abandon
            except Abandon:
                return
        self.model = after

    @rule(source=SOURCES)
    def remove(self, source: str) -> None:
        with writing(self.store, fingerprint=None) as writer:
            assert writer.remove(source) == (source in self.model)
        self.model.pop(source, None)

    @rule(old=SOURCES, new=SOURCES)
    def rename(self, old: str, new: str) -> None:
        try:
            with writing(self.store) as writer:
                writer.rename(old, new)
        except NotFoundError:
            assert old not in self.model
        except ConflictError:
            assert new in self.model
        else:
            item = self.model.pop(old)
            self.model[new] = ChunkedDocument(item.document.renamed(new), item.chunks, item.vectors)

    @rule()
    def clear(self) -> None:
        with writing(self.store) as writer:
            writer.clear()
        self.model = {}

    @rule()
    def compact(self) -> None:
        with writing(self.store) as writer:
            writer.compact()
        with self.store.read() as reader:
            counts = reader.counts()
            assert counts.stored_vectors <= counts.chunks

    @rule()
    def open_again(self) -> None:
        self.store.close()
        self.store = Store(self.store.folder)

    @rule()
    def move_by_backup(self) -> None:
        self.backups += 1
        file = self.data / f"{self.backups}.ragkit"
        backup(self.store, file)
        self.store.close()
        self.store = Store(restore(file, self.data, f"copy{self.backups}"))

    @invariant()
    def same_documents(self) -> None:
        with self.store.read() as reader:
            assert {source: reader.documents.get(source) for source in reader.documents.sources()} == {
                source: item.document for source, item in self.model.items()
            }
            for source, item in self.model.items():
                rows = reader.chunks.of_document(source)
                assert [row.chunk for row in rows] == list(item.chunks)
                vectors = reader.chunks.vectors([row.id for row in rows])
                assert np.abs(vectors - item.vectors).max(initial=0) < 1e-3
            counts = reader.counts()
            assert counts.documents == len(self.model)
            assert counts.chunks == sum(len(item.chunks) for item in self.model.values())

    @invariant()
    def a_cache_can_follow(self) -> None:
        with self.store.read() as reader:
            changes = reader.chunks.changes_since(self.revision)
            if changes is None:
                self.followed = {}
                added = reader.chunks.all_chunk_ids()
            else:
                for gone in changes.removed.tolist():
                    del self.followed[gone]
                added = changes.added
                assert not set(added.tolist()) & set(self.followed)
            rows: dict[int, Any] = reader.chunks.rows(added)
            self.followed |= {number: row.text for number, row in rows.items()}
            current = reader.chunks.rows(reader.chunks.all_chunk_ids())
            assert self.followed == {number: row.text for number, row in current.items()}
            self.revision = reader.revision

    @invariant()
    def the_audit_finds_nothing(self) -> None:
        assert verify_store(self.store) == []
        assert doctor_store(self.store)["problems"] == []

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
