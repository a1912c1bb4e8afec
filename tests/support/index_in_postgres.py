"""The history of a FakeSource as a collection in PostgreSQL, whose indexes are in the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import numpy as np

from ragkit.index.base import IndexSnapshot
from ragkit.index.pgvector.indexes import PgIndexes
from ragkit.store.opening import backend_for
from ragkit.types.documents import Chunk, Document
from tests.support.index_source import FakeSource

SETTINGS = {"chunk": {}, "model": "m"}


class CommittedHistory:
    """A collection that revisions are committed to; its chunks have the ids of the FakeSource."""

    def __init__(self, location: str, name: str, history: Sequence[FakeSource], *, binary: bool = False) -> None:
        """history: all revisions that will be committed, so that chunks that leave together share a document."""
        self.store: Any = backend_for(location).open(location, name, create=True)
        self.indexes = PgIndexes(self.store.upkeep, binary=binary)
        self._leaving = {number: at for at, item in enumerate(history[-1].history) for number in item[0]}
        self._documents: dict[int, str] = {}

    def commit(self, source: FakeSource) -> None:
        """Write the changes of a revision in one transaction."""
        removed, added = source.history[-1]
        run = self.store.write(kind="add", fingerprint=source.fingerprint, settings=SETTINGS)
        with run as writer, writer.atomic():
            for name in dict.fromkeys(self._documents[number] for number in removed):
                writer.remove(name)
            for _, group in groupby(added, key=self._leaving.get):
                ids = list(group)
                self._documents.update(dict.fromkeys(ids, f"from {ids[0]}"))
                texts = [source.chunks[number][0] for number in ids]
                document = Document(f"from {ids[0]}", "".join(item.text for item in texts))
                starts = [sum(len(item.text) for item in texts[:at]) for at in range(len(texts))]
                chunks = [
                    Chunk(at, start, start + len(item.text), item.text, item.context, 8)
                    for at, (start, item) in enumerate(zip(starts, texts, strict=True))
                ]
                writer.put(document, chunks, source.vectors(np.array(ids)))

    @contextmanager
    def opened(self) -> Iterator[IndexSnapshot]:
        """Open the indexes of the last revision."""
        self.indexes.prepare()
        with self.store.read() as reader:
            yield self.indexes.snapshot(reader.chunks)

    def close(self) -> None:
        """Close the store."""
        self.store.close()
