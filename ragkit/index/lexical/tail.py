"""The delta of the lexical index, chunks newer than its files: an inverted index in memory, scored by BM25.

Constants, idf and one-byte lengths are tantivy's (see bm25), so that a chunk scores the same here as in a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from ragkit.index.lexical.bm25 import length_damping, rounded_lengths, saturated
from ragkit.index.lexical.chunk_terms import FIELDS, analyse_chunk
from ragkit.types.documents import ChunkText

Ids = NDArray[np.int64]
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Postings:
    """The inverted index of one field of some chunks.

    vocabulary: term to its number t; the chunks that have it are places[starts[t]:starts[t + 1]], ascending, and
    `counts` their term frequencies. sizes: terms of each chunk. lengths: the same, rounded to one byte.
    """

    vocabulary: Mapping[str, int]
    starts: Ids
    places: NDArray[np.int32]
    counts: NDArray[np.float32]
    sizes: Ids
    lengths: NDArray[np.float32]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Postings:
        """Build postings from analysed texts."""
        vocabulary: dict[str, int] = {}
        numbers: list[int] = []
        lengths = np.zeros(len(texts), dtype=np.int64)
        for place, text in enumerate(texts):
            terms = text.split()
            lengths[place] = len(terms)
            numbers += [vocabulary.setdefault(term, len(vocabulary)) for term in terms]
        owners = np.repeat(np.arange(len(texts), dtype=np.int64), lengths)
        keys, counts = np.unique(np.array(numbers, dtype=np.int64) * max(len(texts), 1) + owners, return_counts=True)
        which, places = np.divmod(keys, max(len(texts), 1))
        return cls(
            vocabulary=vocabulary,
            starts=_starts(which, len(vocabulary)),
            places=places.astype(np.int32),
            counts=counts.astype(np.float32),
            sizes=lengths,
            lengths=rounded_lengths(lengths),
        )

    @classmethod
    def joined(cls, parts: Sequence[Postings], kept: Sequence[NDArray[np.bool_]]) -> Postings:
        """Concatenate postings, leaving out the chunks that are False in `kept`."""
        vocabulary: dict[str, int] = {}
        which, places, counts, sizes = [], [], [], []
        offset = 0
        for part, mask in zip(parts, kept, strict=True):
            numbers = np.array([vocabulary.setdefault(t, len(vocabulary)) for t in part.vocabulary], dtype=np.int64)
            chosen = mask[part.places]
            which.append(np.repeat(numbers, np.diff(part.starts))[chosen])
            places.append((np.cumsum(mask) - 1 + offset)[part.places][chosen])
            counts.append(part.counts[chosen])
            sizes.append(part.sizes[mask])
            offset += int(mask.sum())
        terms = np.concatenate(which)
        order = np.argsort(terms, kind="stable")
        whole = np.concatenate(sizes)
        return cls(
            vocabulary=vocabulary,
            starts=_starts(terms[order], len(vocabulary)),
            places=np.concatenate(places)[order].astype(np.int32),
            counts=np.concatenate(counts)[order],
            sizes=whole,
            lengths=rounded_lengths(whole),
        )

    def containing(self, term: str, live: NDArray[np.bool_] | None = None) -> int:
        """Return how many chunks have a term; live: bool, the chunks that count, None for all."""
        number = self.vocabulary.get(term)
        if number is None:
            return 0
        places = self.places[self.starts[number] : self.starts[number + 1]]
        return len(places) if live is None else int(np.count_nonzero(live[places]))

    def add_scores(self, scores: Scores, weights: Mapping[str, float], average: float) -> None:
        """Add weight × saturation of each term to the scores of the chunks that have it."""
        damping = length_damping(self.lengths, average)
        for term, weight in weights.items():
            number = self.vocabulary.get(term)
            if number is None:
                continue
            span = slice(int(self.starts[number]), int(self.starts[number + 1]))
            places, counts = self.places[span], self.counts[span]
            scores[places] += saturated(counts, damping[places], weight=weight)


def _starts(numbers: Ids, size: int) -> Ids:
    return np.concatenate([[0], np.cumsum(np.bincount(numbers, minlength=size))]).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Block:
    """Some chunks in memory; immutable. ids: ascending. terms: `Terms.packed` by id. languages: of each chunk."""

    ids: Ids
    fields: Mapping[str, Postings]
    terms: Mapping[int, bytes]
    languages: tuple[str, ...]

    @classmethod
    def of(cls, ids: Ids, texts: Sequence[ChunkText]) -> Block:
        """Analyse chunks into a block."""
        analysed = [analyse_chunk(*item) for item in texts]
        return cls(
            ids=np.asarray(ids, dtype=np.int64),
            fields={name: Postings.of([item.of_field(name) for item in analysed]) for name in FIELDS},
            terms={number: item.packed for number, item in zip(ids.tolist(), analysed, strict=True)},
            languages=tuple(item.language for item in analysed),
        )

    def count_languages(self, live: NDArray[np.bool_] | None = None) -> Counter[str]:
        """Return how many chunks are in each language; live: bool, the chunks that count, None for all."""
        return Counter(self.languages if live is None else compress(self.languages, live.tolist()))

    def length(self, field: str, live: NDArray[np.bool_] | None = None) -> int:
        """Return the number of terms of a field; live: bool, the chunks that count, None for all."""
        sizes = self.fields[field].sizes
        return int(sizes.sum() if live is None else sizes[live].sum())

    def scores(self, weights: Mapping[str, Mapping[str, float]], averages: Mapping[str, float]) -> Scores:
        """Return the BM25 of every chunk, in the order of ids."""
        scores = np.zeros(len(self.ids), dtype=np.float64)
        for name, postings in self.fields.items():
            postings.add_scores(scores, weights[name], averages[name])
        return scores


def join_blocks(blocks: Sequence[Block], removed: Ids) -> tuple[Block, ...]:
    """Return the chunks in few blocks, without deleted ones: each block has at least twice as many as the next."""
    kept = list(blocks)
    while len(kept) > 1 and len(kept[-2].ids) < 2 * len(kept[-1].ids):
        pair = kept[-2:]
        masks = [~np.isin(block.ids, removed) for block in pair]
        ids = np.concatenate([block.ids[mask] for block, mask in zip(pair, masks, strict=True)])
        terms = {**pair[0].terms, **pair[1].terms}
        kept[-2:] = [
            Block(
                ids=ids,
                terms={number: terms[number] for number in ids.tolist()},
                fields={name: Postings.joined([block.fields[name] for block in pair], masks) for name in FIELDS},
                languages=tuple(
                    language
                    for block, mask in zip(pair, masks, strict=True)
                    for language in compress(block.languages, mask.tolist())
                ),
            )
        ]
    return tuple(block for block in kept if len(block.ids))
