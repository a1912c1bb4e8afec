"""The seam of search indexes: their source, their queries, and their parts as caches.

An index answers for exactly one revision of a collection. The local ones (FAISS, tantivy) are built from a ChunkSource
by an IndexPart, kept in verified files and followed in memory; an engine's would answer the same two protocols,
VectorIndex and TermIndex. tests/index/test_contract.py holds for every implementation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ragkit.index.dense.quantizer import Quantizer
from ragkit.index.lexical.question import AnalysedQuestion
from ragkit.index.lexical.term_codes import Codes
from ragkit.index.manifest import Manifest
from ragkit.types.collection import Fingerprint
from ragkit.types.documents import ChunkText

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
Scores = NDArray[np.float32]
Due = Literal["nothing", "extend", "rebuild"]
"""What to do with the files of an index: keep them, add a segment to them, or rewrite them."""

# ------------------------------------------------------------------ what an index answers


class VectorIndex(Protocol):
    """The vectors of one revision. Immutable and thread-safe."""

    def __len__(self) -> int:
        """Return how many chunks can be found."""

    @property
    def dimension(self) -> int:
        """Components of a vector."""

    def ids(self) -> Ids:
        """Return the ids of all chunks, ascending."""

    def search(self, query: Vectors, k: int, *, allowed: Ids | None = None) -> tuple[Ids, Scores]:
        """Return the k chunks of largest cosine with a query (d,), best first, ties by ascending id.

        allowed: ascending chunk ids to choose from; k come back whenever k of these exist. Raises EmbeddingError for a
        query of another dimension, zero, or not finite.
        """

    def vectors(self, ids: Ids) -> Vectors:
        """Return the rows (n, d) of chunks in the order of ids, unit to float16 precision; zeros for an unknown id."""


class TermStatistics(NamedTuple):
    """documents: chunks that BM25 counts. mean_length: their mean number of terms, the context line's included."""

    documents: int
    mean_length: float


class TermIndex(Protocol):
    """The terms of one revision. Immutable and thread-safe. User text is never query syntax."""

    def __len__(self) -> int:
        """Return how many chunks can be found."""

    def ids(self) -> Ids:
        """Return the ids of all chunks, ascending."""

    @property
    def languages(self) -> Sequence[str]:
        """The languages that questions are stemmed in, the most frequent first."""

    @property
    def main_languages(self) -> AbstractSet[str]:
        """The languages that one chunk in twenty or more is in."""

    def statistics(self) -> TermStatistics:
        """Return the counts that BM25 uses: of the chunks that can be found and of no others."""

    def question(self, text: str) -> AnalysedQuestion:
        """Return a question of any length in the form that this index searches and scores."""

    def idf(self, terms: Iterable[str]) -> Mapping[str, float]:
        """Return the inverse document frequency of analysed terms; terms that no chunk has are left out."""

    def search(self, query: str | AnalysedQuestion, k: int, *, allowed: Ids | None = None) -> tuple[Ids, Scores]:
        """Return up to k chunk ids and their BM25, best first, ties by ascending id; only chunks that share a term."""

    def terms(self, ids: Ids) -> list[str]:
        """Return the analysed terms of chunks: the context line's on the first line, then a line for each unit.

        They stand in the order of ids, separated by single spaces, without stop words; "" for an unknown chunk. A chunk
        that was deleted may still have its terms.
        """

    def codes(self, ids: Ids) -> tuple[Codes, NDArray[np.int64]]:
        """Return the codes of the terms of chunks one after the other (see `term_codes`), and how many each has."""


class IndexSnapshot(Protocol):
    """Both indexes at one revision of a collection, for retrieval."""

    @property
    def generation(self) -> int:
        """The number of the committed run."""

    @property
    def dense(self) -> VectorIndex:
        """The vectors."""

    @property
    def lexical(self) -> TermIndex:
        """The terms."""


class Indexes(Protocol):
    """The indexes of one collection, for many threads: the local caches, or those of an engine."""

    def prepare(self) -> None:
        """Build what must be there before a reader is opened; at once when it is there."""

    def snapshot(self, reader: ChunkSource) -> IndexSnapshot:
        """Return the indexes at exactly the reader's revision."""

    def is_held(self, reader: ChunkSource) -> bool:
        """Return whether `snapshot` takes a moment only."""

    def newest(self) -> IndexSnapshot | None:
        """Return the newest state in memory; None where there is none."""

    def persist(self, reader: ChunkSource) -> None:
        """Write the files that a finished run has made due; a failure raises nothing."""

    def settle(self) -> None:
        """Do the rest of what a finished run has made due: what must wait until this process has no reader open."""

    def renew(self, reader: ChunkSource) -> None:
        """Delete the indexes and build them again."""

    def check(self, reader: ChunkSource) -> list[str]:
        """Compare the indexes with the store, and return the problems found, one line each."""

    def describe(self, reader: ChunkSource) -> str:
        """Return what searches, and the revision that an engine beside the store is at; no secrets."""

    def size(self) -> int:
        """Return their size on this machine's disk in bytes."""

    def close(self) -> None:
        """Release what is open."""


# ------------------------------------------------------------------ what an index is built from


class ChunkChanges(Protocol):
    """The chunks that were deleted and added since a revision, as ascending ids."""

    @property
    def removed(self) -> Ids:
        """Ids of deleted chunks that the earlier revision had."""

    @property
    def added(self) -> Ids:
        """Ids of new chunks, larger than every earlier id."""


class ChunkSource(Protocol):
    """One consistent state of a collection in the store, as indexes read it."""

    @property
    def identity(self) -> str:
        """The identity of the collection, which a copy or a new collection of its name does not share."""

    @property
    def revision(self) -> int:
        """A number that grows with every change of chunks."""

    @property
    def generation(self) -> int:
        """The number of the last committed run."""

    @property
    def fingerprint(self) -> Fingerprint | None:
        """The embedding model's, None before the first write."""

    def all_chunk_ids(self) -> Ids:
        """Return every id, ascending."""

    def vectors(self, ids: Ids) -> Vectors:
        """Return unit rows (n, d) in the order of ids. Raises NotFoundError for an unknown id."""

    def iter_vectors(self, batch: int = 4096) -> Iterator[tuple[Ids, Vectors]]:
        """Yield all vectors by ascending id."""

    def texts(self, ids: Ids) -> Sequence[ChunkText]:
        """Return the searched texts of chunks, in the order of ids. Raises NotFoundError for an unknown id."""

    def iter_texts(self, batch: int = 4096) -> Iterator[tuple[Ids, Sequence[ChunkText]]]:
        """Yield all texts by ascending id."""

    def unit_bodies(self, ids: Ids) -> Sequence[bytes]:
        """Return the stored vectors of the units of chunks, in the order of ids; empty for a chunk without any."""

    def changes_since(self, revision: int) -> ChunkChanges | None:
        """Return the changes since a revision, None when that revision is not known."""

    def quantizer(self) -> Quantizer | None:
        """Return the coarse quantizer of the collection, None where it has none. Raises CorruptError."""

    def quantizer_number(self) -> int:
        """Return the number of the quantizer, 0 where there is none."""


# ------------------------------------------------------------------ how the cache builds and follows an index


@dataclass(frozen=True, slots=True)
class Written:
    """The content of a written folder: names of its files, number of chunks, and facts for the manifest."""

    names: Sequence[str]
    count: int
    facts: Mapping[str, Any]


Index = TypeVar("Index")


class IndexPart(Protocol[Index]):
    """One of the indexes of a collection as a cache."""

    name: str

    def in_memory(self, source: ChunkSource) -> Index:
        """Build from the store without files."""

    def write(self, folder: Path, source: ChunkSource) -> Written:
        """Build from the store into an empty folder."""

    def extend(self, old: Path, folder: Path, manifest: Manifest, source: ChunkSource) -> Written:
        """Write a verified folder's content and the changes since into another; cheaper than `write` where possible."""

    def open(self, folder: Path, manifest: Manifest) -> Index:
        """Open verified files. Raises StoreError or OSError when they do not fit."""

    def follow(self, index: Index, changes: ChunkChanges, source: ChunkSource) -> Index:
        """Return the index of the source's revision, given the changes since the index's own."""

    def fits(self, manifest: Manifest, source: ChunkSource) -> bool:
        """Return whether files are still coded relative to the quantizer that the source has."""

    def due(self, index: Index, source: ChunkSource) -> Due:
        """Return what to do with the files, given how much of the index is in memory only."""

    def digests(self, source: ChunkSource, ids: Ids) -> list[str]:
        """Return a digest of the indexed data of each chunk."""

    def ids(self, index: Index) -> Ids:
        """Return all ids that can be found, ascending."""
