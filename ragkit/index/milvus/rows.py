"""The rows of a collection in Milvus: one a chunk, with its vector, the weights of its terms, and the terms.

All collections with the same model share one collection of Milvus, whose partition key is the tenant, a digest of the
collection's identity. Values of ours, such as the revision, are rows of another tenant there, so that whoever loses
the rows loses these too. A row's weights are the BM25 of each term without its idf, so that the inner product with
the weights of a question is the BM25 of the chunk, for the mean lengths that they were written with.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import StoreError
from ragkit.index.lexical.bm25 import length_damping, rounded_lengths, saturated
from ragkit.index.lexical.chunk_terms import FIELDS, Terms
from ragkit.index.lexical.ranking import Weights
from ragkit.index.lexical.term_codes import code_of, pack
from ragkit.index.milvus.engine import MOST_HITS, TEXT_BYTES, Engine
from ragkit.types.collection import Fingerprint

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
Scores = NDArray[np.float64]

VECTOR: Final = "vector"
WEIGHTS: Final = "weights"
_TEXT: Final = "text"
_LARGEST_CODE: Final = 2**32 - 2
_NO_TERMS: Final = {0: 1.0}
"""The weights of a chunk without terms, since Milvus takes no empty ones; no term has this code."""
_VALUES: Final = "values"
_NO_CHUNK: Final = -1
_COMPRESSED: Final = "\0"
_LEAST_SEARCHED: Final = 400
"""ef of HNSW at least: with 400 it found 0.999 of the 70 nearest of 20,000 chunks, with 87 0.92."""
_LINKS: Final = 16
_EFFORT: Final = 128


@dataclass(frozen=True, slots=True)
class TenantRows:
    """The rows of one collection with one model. tenant: 32 hex digits. name: of the collection in Milvus.

    dimension: of a vector.
    """

    engine: Engine
    tenant: str
    name: str
    dimension: int

    @classmethod
    def of(cls, engine: Engine, identity: str, fingerprint: Fingerprint) -> TenantRows:
        """Return the rows of a collection's identity and model; makes the collection in Milvus where it is missing."""
        name = f"ragkit_{_digest(fingerprint.id)[:16]}_{fingerprint.dimension}"
        engine.ensure(name, lambda pymilvus: _schema(pymilvus, fingerprint.dimension))
        return cls(engine, _digest(identity)[:32], name, fingerprint.dimension)

    def write(
        self, ids: Sequence[int], vectors: Vectors, analysed: Sequence[Terms], means: Mapping[str, float]
    ) -> None:
        """Write chunks, in place of earlier rows of the same ids. means: the mean lengths to weigh terms with."""
        rows = [
            {
                "key": self._key(number),
                "tenant": self.tenant,
                "chunk": number,
                _TEXT: _as_text(terms, number),
                VECTOR: vector,
                WEIGHTS: _weights(terms, means),
            }
            for number, vector, terms in zip(ids, vectors, analysed, strict=True)
        ]
        self.engine.upsert(self.name, rows)

    def delete(self, ids: Ids) -> None:
        """Delete the rows of chunks."""
        self.engine.delete(self.name, [self._key(number) for number in ids.tolist()])

    def packed(self, ids: Ids) -> dict[int, bytes]:
        """Return `Terms.packed` of chunks by id; chunks without a row are left out."""
        found = self.engine.get(self.name, [self._key(number) for number in ids.tolist()], ["chunk", _TEXT])
        return {row["chunk"]: _from_text(row[_TEXT]) for row in found}

    def ids(self, last: int) -> Ids:
        """Return the ids of all rows up to a last one, ascending: for checks, and to delete what is left over."""
        parts = [np.empty(0, dtype=np.int64)]
        for start in range(0, last + 1, MOST_HITS):
            window = f"chunk >= {start} and chunk < {min(start + MOST_HITS, last + 1)}"
            found = self.engine.query(self.name, f'tenant == "{self.tenant}" and {window}', ["chunk"])
            parts.append(np.array(sorted(row["chunk"] for row in found), dtype=np.int64))
        return np.concatenate(parts)

    def search(self, field: str, vector: Any, limit: int, *, among: Ids | None = None) -> tuple[Ids, Scores]:
        """Return the ids and inner products of the best rows, best first; at most MOST_HITS for each block of `among`.

        among: ascending ids to choose from, in blocks of MOST_HITS; None for all.
        """
        found: list[tuple[str, float]] = []
        for expression in self._expressions(among):
            wide = min(limit, MOST_HITS)
            settings = {"ef": max(wide, _LEAST_SEARCHED)} if field == VECTOR else {}
            found += self.engine.search(self.name, field, vector, limit=wide, expression=expression, settings=settings)
        ids = np.array([int(key.rpartition(":")[2]) for key, _ in found], dtype=np.int64)
        scores = np.array([score for _, score in found], dtype=np.float64)
        order = np.lexsort((ids, -scores))[:limit]
        return ids[order], scores[order]

    def values(self, names: Sequence[str]) -> dict[str, str]:
        """Return values by name; names that have none are left out."""
        found = self.engine.get(self.name, [self._key(name) for name in names], ["key", _TEXT])
        return {row["key"].partition(":")[2]: row[_TEXT] for row in found}

    def write_values(self, values: Mapping[str, str]) -> None:
        """Write values of at most TEXT_BYTES by name, in place of earlier ones."""
        unused = np.zeros(self.dimension, dtype=np.float32)
        unused[0] = 1.0
        head = {"tenant": _VALUES, "chunk": _NO_CHUNK, VECTOR: unused, WEIGHTS: _NO_TERMS}
        rows = [{"key": self._key(name), _TEXT: value, **head} for name, value in values.items()]
        self.engine.upsert(self.name, rows)

    def delete_values(self, names: Sequence[str]) -> None:
        """Delete values by name."""
        self.engine.delete(self.name, [self._key(name) for name in names])

    def _expressions(self, among: Ids | None) -> Iterator[str]:
        mine = f'tenant == "{self.tenant}"'
        if among is None:
            yield mine
            return
        for at in range(0, len(among), MOST_HITS):
            yield f"{mine} and chunk in {among[at : at + MOST_HITS].tolist()}"

    def _key(self, name: int | str) -> str:
        return f"{self.tenant}:{name}"


def question_vector(weights: Weights) -> dict[int, float]:
    """Return the weights of a question's terms as a sparse vector, by code."""
    found: dict[int, float] = {}
    for name in FIELDS:
        for term, weight in weights.get(name, {}).items():
            if weight > 0:
                code = _code(name, term)
                found[code] = found.get(code, 0.0) + weight
    return found


def _weights(terms: Terms, means: Mapping[str, float]) -> dict[int, float]:
    """Return the BM25 of each term of a chunk without its idf, by code."""
    found: dict[int, float] = {}
    for name in FIELDS:
        words = terms.of_field(name).split()
        if not words:
            continue
        damping = length_damping(rounded_lengths(np.array([len(words)])), means[name])
        counts = Counter(words)
        scores = saturated(np.array(list(counts.values()), dtype=np.float64), damping)
        for term, score in zip(counts, scores.tolist(), strict=True):
            code = _code(name, term)
            found[code] = found.get(code, 0.0) + score
    return found or _NO_TERMS


def _code(name: str, term: str) -> int:
    """Return the number of a term in a field; two share one in four billion pairs, and are scored apart later."""
    return min(code_of(term if name == FIELDS[0] else f"{name} {term}"), _LARGEST_CODE)


def _as_text(terms: Terms, number: int) -> str:
    """Return the language and the terms of a chunk, compressed where they would be too long for a row."""
    text = f"{terms.language}\n{terms.context}\n{terms.body}"
    if len(text.encode()) <= TEXT_BYTES:
        return text
    short = _COMPRESSED + base64.b64encode(zlib.compress(text.encode())).decode("ascii")
    if len(short) > TEXT_BYTES:
        raise StoreError(
            f"chunk {number} has more terms than a row of Milvus holds ({len(text):,} characters)",
            cure="make chunks smaller (ragkit rebuild --max-tokens), or set RAGKIT_INDEX=local",
        )
    return short


def _from_text(text: str) -> bytes:
    if text.startswith(_COMPRESSED):
        text = zlib.decompress(base64.b64decode(text[1:])).decode()
    language, _, rest = text.partition("\n")
    return pack(rest, language=language)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _schema(pymilvus: Any, dimension: int) -> tuple[Any, Any]:
    kinds, make = pymilvus.DataType, pymilvus.MilvusClient
    schema = make.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("key", kinds.VARCHAR, max_length=128, is_primary=True)
    schema.add_field("tenant", kinds.VARCHAR, max_length=32, is_partition_key=True)
    schema.add_field("chunk", kinds.INT64)
    schema.add_field(_TEXT, kinds.VARCHAR, max_length=TEXT_BYTES)
    schema.add_field(VECTOR, kinds.FLOAT_VECTOR, dim=dimension)
    schema.add_field(WEIGHTS, kinds.SPARSE_FLOAT_VECTOR)
    indexes = make.prepare_index_params()
    indexes.add_index(VECTOR, index_type="HNSW", metric_type="IP", params={"M": _LINKS, "efConstruction": _EFFORT})
    indexes.add_index(WEIGHTS, index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
    indexes.add_index("chunk", index_type="INVERTED")
    return schema, indexes
