"""The second of two tiers: a better model embeds the best candidates of a fast one, when a question needs them.

A collection that a static model embedded is searched by its vectors and by words. The best candidates are then
scored once more, with the features and weights of a single tier, but with vectors that the better model makes of their
texts at that moment. The vectors are kept in memory, so that texts that are found again cost nothing.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ragkit.retrieval.candidates import UnitCosines
from ragkit.store.base import ChunkReader
from ragkit.store.rows import ChunkRow, embedded_hash

Vectors = NDArray[np.float32]

DEPTH: Final = 50
"""Candidates that the better model embeds."""
KEPT_BYTES: Final = 64 << 20
"""Memory for vectors of texts: some 15,000 chunks at 384 dimensions."""
QUERIES_KEPT: Final = 1_000


class TierEmbedder(Protocol):
    """The part of an embedder that the second tier needs; see `ragkit.embedding.base`."""

    @property
    def max_tokens(self) -> int: ...

    def embed_queries(self, texts: Sequence[str]) -> Vectors: ...

    def embed_documents(self, texts: Sequence[str]) -> Vectors: ...

    def token_offsets(self, text: str) -> list[tuple[int, int]]: ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...


@runtime_checkable
class _UnitEmbedder(Protocol):
    """An embedder that also embeds parts of a text."""

    @property
    def supports_units(self) -> bool: ...

    def embed_units(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]
    ) -> tuple[Vectors, list[Vectors]]: ...


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model sees of a question and some chunks: the question's unit vector (d,), one unit row (n, d) a chunk,
    and the cosines of the chunks' units."""

    query: Vectors
    vectors: Vectors
    units: UnitCosines


class SecondTier:
    """Embeds questions and chunks with a model that need not be the collection's. Thread-safe.

    embedder: loads the model at the first question.
    """

    def __init__(self, embedder: Callable[[], TierEmbedder]) -> None:
        self._embedder = embedder
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, NDArray[np.float16]] = OrderedDict()
        self._bytes = 0

    def query(self, text: str) -> Vectors:
        """Return the unit vector (d,) of a question."""
        vector: Vectors = self._embedder().embed_queries([text])[0]
        return vector

    def look(self, query: Vectors, ids: NDArray[np.int64], chunks: ChunkReader) -> Seen:
        """Return what the model sees of a question's vector (d,) and some chunks, in the order of `ids`."""
        rows = chunks.rows(ids)
        tables = self._tables([rows[number] for number in ids.tolist()])
        vectors = np.stack([table[0] for table in tables]).astype(np.float32)
        units = np.concatenate([table[1:] for table in tables]).astype(np.float32)
        bounds = np.concatenate([[0], np.cumsum([len(table) - 1 for table in tables], dtype=np.int64)])
        return Seen(query, vectors, UnitCosines(units @ query, bounds))

    def _tables(self, rows: Sequence[ChunkRow]) -> list[NDArray[np.float16]]:
        """Return the rows (1 + m, d) of each chunk: its own vector, and those of its m units."""
        keys = [embedded_hash(row.chunk) for row in rows]
        with self._lock:
            found = {key: self._kept[key] for key in keys if key in self._kept}
            for key in found:
                self._kept.move_to_end(key)
        missing = {key: row for key, row in zip(keys, rows, strict=True) if key not in found}
        if missing:
            made = dict(zip(missing, self._embedded(list(missing.values())), strict=True))
            found |= made
            self._keep(made)
        return [found[key] for key in keys]

    def _embedded(self, rows: Sequence[ChunkRow]) -> list[NDArray[np.float16]]:
        embedder = self._embedder()
        texts = self._fitting([row.chunk.embedded for row in rows])
        if not isinstance(embedder, _UnitEmbedder) or not embedder.supports_units:
            return [vector[None].astype(np.float16) for vector in embedder.embed_documents(texts)]
        spans = [row.chunk.embedded_spans for row in rows]
        vectors, units = embedder.embed_units(texts, spans)
        return [np.vstack([vector, own]).astype(np.float16) for vector, own in zip(vectors, units, strict=True)]

    def _fitting(self, texts: Sequence[str]) -> list[str]:
        """Return texts that the model takes: one over its limit, as a model without one cut it, loses its end."""
        embedder = self._embedder()
        most, special = embedder.max_tokens, embedder.count_tokens([""])[0]
        return [
            text if count <= most else text[: embedder.token_offsets(text)[most - special - 1][0]]
            for text, count in zip(texts, embedder.count_tokens(texts), strict=True)
        ]

    def _keep(self, made: dict[bytes, NDArray[np.float16]]) -> None:
        """Keep rows, and forget those that were not used for longest."""
        with self._lock:
            for key, table in made.items():
                if key not in self._kept:
                    self._kept[key] = table
                    self._bytes += table.nbytes
            while self._bytes > KEPT_BYTES:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes
