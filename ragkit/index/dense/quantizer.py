"""The coarse quantizer of a large collection: the k-means centres that its vectors are grouped around.

It is trained on the vectors and kept with them in the store, not in a cache: codes are relative to it, so that codes
written from the same store are always the same, and find the same chunks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ragkit.index.dense.float16_file import load_faiss

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]
Kind = Literal["exact", "rabitq", "ivf"]

SMALLEST: Final = 1_000
"""Below this every kind is exact: codes gain nothing, and there is too little to train on."""
RABITQ_FROM: Final = 50_000
"""Up to here exact search takes at most 2 ms."""
IVF_FROM: Final = 75_000
"""Up to here all codes are searched, in about 1 ms; at 100,000 that takes 1.5 ms, and the nearest groups 0.8 ms."""
_GROWN: Final = 2
_SHRUNK: Final = 0.5
_GROUPS: Final = 16
_TRAINED_ON: Final = 64
_LEAST_SAMPLE: Final = 20_000
_ROUNDS: Final = 10
_TRIALS: Final = 64
_TRIAL_RECALL: Final = ((10, 0.99), (100, 0.98))


@dataclass(frozen=True, slots=True)
class Quantizer:
    """The centres that the codes of a collection are relative to.

    kind: of the index, never "exact". count: how many vectors there were when it was trained. probes: groups that a
    search reads. centres: float32 (groups, d), unit rows. number: of its row in the store, never reused;
    0 when it is not stored.
    """

    kind: Kind
    count: int
    probes: int
    centres: Vectors
    number: int = 0


def choose_kind(setting: str, count: int) -> Kind:
    """Return the kind of index that a setting means for `count` vectors."""
    if count < SMALLEST or setting == "exact":
        return "exact"
    if setting == "rabitq":
        return "rabitq"
    if setting == "ivf":
        return "ivf"
    if count < RABITQ_FROM:
        return "exact"
    return "rabitq" if count < IVF_FROM else "ivf"


def is_outgrown(trained: int, count: int) -> bool:
    """Return whether `count` vectors need another quantizer than one trained on `trained`, 0 for none.

    Centres serve until there are twice as many vectors, or half as many: groups then are twice as large, at worst.
    """
    if choose_kind("auto", count) == "exact":  # an existing one is kept while the collection is near its size
        return bool(trained) and count < _SHRUNK * trained
    return not trained or not _SHRUNK * trained <= count <= _GROWN * trained


def train_quantizer(
    kind: Kind, count: int, *, rows: Callable[[Ids], Vectors], batches: Callable[[], Iterable[Vectors]]
) -> Quantizer:
    """Train on `count` vectors, deterministically: the same vectors always give the same quantizer.

    rows: float32 (m, d) of given positions; batches: all vectors in the order of positions, a part at a time.
    """
    groups = _GROUPS if kind == "rabitq" else 1 << round(float(np.log2(np.sqrt(count))))
    rng = np.random.default_rng(count)
    sample = rng.choice(count, min(count, max(_TRAINED_ON * groups, _LEAST_SAMPLE)), replace=False)
    taken = rows(np.sort(sample))
    index = coded_index(taken.shape[1], groups)
    index.cp.niter = _ROUNDS
    index.train(taken)
    centres: Vectors = index.quantizer.reconstruct_n(0, groups)
    probes = groups
    if kind == "ivf":
        probes = _enough_probes(centres, rng.integers(0, count, (2, _TRIALS)), rows, batches)
    return Quantizer(kind, count, probes, centres)


def coded_index(dimension: int, groups: int, centres: Vectors | None = None) -> Any:
    """Return an empty index of RaBitQ codes, trained when centres (groups, d) are given."""
    faiss = load_faiss()
    coarse = faiss.IndexFlatIP(dimension)
    if centres is not None:
        coarse.add(centres)
    index = faiss.IndexIVFRaBitQFastScan(coarse, dimension, groups, faiss.METRIC_INNER_PRODUCT)
    if centres is not None:
        index.train(centres)  # with centres there is nothing left to learn
    return index


def _enough_probes(
    centres: Vectors, pairs: Ids, rows: Callable[[Ids], Vectors], batches: Callable[[], Iterable[Vectors]]
) -> int:
    """Return how many groups contain the results of exact search, for queries as far from vectors as questions are.

    Such a query is the direction between two of the collection's vectors, nearer to the first: its best cosine is
    around 0.75, that of questions with all-MiniLM-L6-v2 around 0.7.
    """
    queries = rows(pairs[0]) + np.float32(0.8) * rows(pairs[1])
    queries /= np.maximum(np.linalg.norm(queries, axis=1, keepdims=True), 1e-9)
    truth = _nearest(queries, batches(), max(k for k, _ in _TRIAL_RECALL))
    known, places = np.unique(truth, return_inverse=True)
    owners = (rows(known) @ centres.T).argmax(axis=1)[places.reshape(truth.shape)]
    ranks = np.argsort(np.argsort(-(queries @ centres.T), axis=1, kind="stable"), axis=1)
    needed = np.take_along_axis(ranks, owners, axis=1)
    probes = max(len(centres) // 16, 1)
    while probes < len(centres) // 2:
        if all((needed[:, :k] < probes).mean() >= least for k, least in _TRIAL_RECALL):
            break
        probes *= 2
    return probes


def _nearest(queries: Vectors, batches: Iterable[Vectors], k: int) -> Ids:
    """Return the positions (n, k) of the nearest of all vectors for each query, best first."""
    scores = np.empty((len(queries), 0), dtype=np.float32)
    places = np.empty((len(queries), 0), dtype=np.int64)
    start = 0
    for batch in batches:
        here = np.broadcast_to(np.arange(start, start + len(batch)), (len(queries), len(batch)))
        scores = np.concatenate([scores, queries @ batch.T], axis=1)
        places = np.concatenate([places, here], axis=1)
        if scores.shape[1] > k:
            kept = np.argpartition(-scores, k - 1, axis=1)[:, :k]
            scores, places = np.take_along_axis(scores, kept, axis=1), np.take_along_axis(places, kept, axis=1)
        start += len(batch)
    order = np.argsort(-scores, axis=1, kind="stable")
    found: Ids = np.take_along_axis(places, order, axis=1)
    return found
