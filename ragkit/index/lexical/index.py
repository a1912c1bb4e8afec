"""BM25 over the store's chunks: text in, chunk ids and scores out; user text is never query syntax.

The index has two parts: tantivy files (see files) and a delta in memory of a few blocks (see tail). The statistics
that answers are scored by (chunks, document frequencies, languages, mean length) are exact: they count every chunk
that is not deleted, and no other. The order of `search` is exact too: like every Lucene-like index, tantivy counts
deleted chunks in its mean length until its files are rewritten, so twice as many hits are taken and scored again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ragkit.index.base import TermStatistics
from ragkit.index.lexical.base import LexicalBase
from ragkit.index.lexical.bm25 import idf
from ragkit.index.lexical.chunk_terms import CONTENT_FIELDS, STOP_WORDS
from ragkit.index.lexical.deletions import DeletedTermCounts, add_deleted
from ragkit.index.lexical.question import AnalysedQuestion, read_question
from ragkit.index.lexical.ranking import (
    Weights,
    best_first,
    comparable,
    mean_lengths,
    question_weights,
    ranked_languages,
)
from ragkit.index.lexical.rescoring import content_scores
from ragkit.index.lexical.tail import Block, join_blocks
from ragkit.index.lexical.term_codes import Codes, join_codes, unpack_text
from ragkit.index.lexical.unknown_words import TermDictionary
from ragkit.numeric.sorted_ids import is_member
from ragkit.types.documents import ChunkText

Ids = NDArray[np.int64]
Scores = NDArray[np.float32]

_SPARE: Final = 16
_KNOWN_LIMIT: Final = 100_000
_COST_OF_ID: Final = 11
"""A query for one id costs as much as this many hits that are read and dropped: 5 µs against 0.45 µs, at a million."""
_WIDER: Final = 64
_SAME_MEAN: Final = 1e-6
_NO_IDS: Final[Ids] = np.empty(0, dtype=np.int64)
_NOTHING: Final = (_NO_IDS, np.empty(0))


class LexicalIndex:
    """BM25 over the chunks of one revision. Immutable and thread-safe; a later revision is another object."""

    def __init__(
        self,
        base: LexicalBase | None = None,
        *,
        removed: Ids = _NO_IDS,
        blocks: Sequence[Block] = (),
        deleted: Sequence[DeletedTermCounts] = (),
    ) -> None:
        """removed: ascending ids of deleted chunks in files or blocks. deleted: term counts of those in the
        files, which statistics leave out."""
        self.base = base
        self.removed = removed
        self.blocks = tuple(blocks)
        self._deleted = tuple(deleted)
        self._live = [_live(block, removed) for block in self.blocks]
        self._documents, self._lengths = self._count()
        self._averages = mean_lengths(self._lengths, self._documents)
        self._stale = self._is_stale()
        self._languages, self._main = self._count_languages()
        self._known: dict[str, float | None] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def __len__(self) -> int:
        """Return how many chunks can be found."""
        return self._documents

    def followed(self, *, removed: Ids, added: Ids, texts: Sequence[ChunkText]) -> LexicalIndex:
        """Return the index of a later revision. added: ascending ids. texts: of each."""
        fresh = np.setdiff1d(removed, self.removed)
        deleted = self._deleted
        packed = self.base.packed(fresh) if self.base else {}
        if packed:
            deleted = add_deleted(deleted, DeletedTermCounts.of(packed))
        marked = np.union1d(self.removed, fresh)
        blocks = self.blocks
        if len(added):
            blocks = join_blocks([*blocks, Block.of(added, texts)], marked)
        there = np.concatenate([_NO_IDS, *(part.ids for part in deleted), *(block.ids for block in blocks)])
        marked = marked[np.isin(marked, there)]
        return LexicalIndex(self.base, removed=marked, blocks=blocks, deleted=deleted)

    def ids(self) -> Ids:
        """Return the ids of all chunks, ascending. It reads through the files: for checks only."""
        files = self.base.ids() if self.base else _NO_IDS
        return np.setdiff1d(np.concatenate([files, *(block.ids for block in self.blocks)]), self.removed)

    @property
    def tail(self) -> int:
        """How many chunks of the delta: in memory only, or deleted since the files were written."""
        return sum(len(block.ids) for block in self.blocks) + len(self.removed)

    @property
    def languages(self) -> list[str]:
        """The languages that questions are stemmed in, the most frequent first."""
        return list(self._languages)

    @property
    def main_languages(self) -> frozenset[str]:
        """The languages of at least one chunk in twenty; rarer ones may be wrong guesses, for example for tables."""
        return self._main

    def statistics(self) -> TermStatistics:
        """Return the counts that BM25 uses; deleted chunks do not count."""
        return TermStatistics(self._documents, self._lengths.total() / max(self._documents, 1))

    def question(self, text: str) -> AnalysedQuestion:
        """Return a question as it is searched and scored by here; see `read_question`."""
        main = [language for language in self._languages if language in self._main] or self._languages
        dictionary = TermDictionary(main, self._frequencies, self._beginning)
        return read_question(text, languages=self._languages, idf=self.idf, dictionary=dictionary)

    def _frequencies(self, terms: Iterable[str]) -> dict[str, int]:
        """Return in how many chunks' text or context terms are, whichever is more; nothing is cached."""
        return {term: max(self._counted(field, term) for field in CONTENT_FIELDS) for term in terms}

    def _beginning(self, prefix: str) -> Iterable[tuple[str, int]]:
        """Return the terms that begin with a prefix, with their number of chunks, deleted ones included."""
        found: Counter[str] = Counter()
        for field in CONTENT_FIELDS:
            if self.base:
                found.update(self.base.beginning(field, prefix))
            for block in self.blocks:
                held = block.fields[field]
                found.update({term: held.containing(term) for term in held.vocabulary if term.startswith(prefix)})
        return found.items()

    def idf(self, terms: Iterable[str]) -> dict[str, float]:
        """Return the inverse document frequency of analysed terms; terms that no chunk has are left out."""
        found: dict[str, float] = {}
        for term in terms:
            value = self._known.get(term, -1.0)  # one lookup: another thread may be emptying it
            if value is not None and value < 0:
                value = self._rarity(term)
            if value is not None:
                found[term] = value
        return found

    def _rarity(self, term: str) -> float | None:
        """Return and cache the idf of a term; two threads may both compute it, with the same result."""
        count = max(self._containing(field, term) for field in CONTENT_FIELDS)
        value = idf(self._documents, count) if count else None
        if len(self._known) >= _KNOWN_LIMIT:
            self._known.clear()
        self._known[term] = value
        return value

    def terms(self, ids: Ids) -> list[str]:
        """Return the analysed terms of chunks, in the order of ids, separated by single spaces.

        The context line's terms are on the first line, then those of each unit of the text on a line. Stop words are
        left out. An unknown chunk has none.
        """
        return [unpack_text(item) for item in self._packed(ids)]

    def codes(self, ids: Ids) -> tuple[Codes, NDArray[np.int64]]:
        """Return the codes of the terms of chunks one after the other (see `term_codes`), and how many each has."""
        return join_codes(self._packed(ids))

    def _packed(self, ids: Ids) -> list[bytes | memoryview]:
        wanted = np.asarray(ids, dtype=np.int64)
        found: dict[int, bytes | memoryview] = {}
        if self.base:
            found.update(self.base.packed(wanted))
        keys = wanted.tolist()
        for block in self.blocks:
            found.update((key, block.terms[key]) for key in keys if key in block.terms)
        return [found.get(key, b"") for key in keys]

    def search(self, query: str | AnalysedQuestion, k: int, *, allowed: Ids | None = None) -> tuple[Ids, Scores]:
        """Return up to k chunk ids and their BM25, best first, ties by ascending id; only chunks that share a term.

        query: plain text of any length, or what `question` returns for it. allowed: ascending chunk ids to choose from.
        """
        question = self.question(query) if isinstance(query, str) else query
        weights = question_weights(question, self._containing, documents=self._documents)
        if k < 1 or not any(weights.values()) or (allowed is not None and not len(allowed)):
            return _NO_IDS, np.empty(0, dtype=np.float32)
        rough = self._is_rough(weights)
        wide = k + max(k, _WIDER) * (2 if weights[STOP_WORDS] else 1) if rough else k
        ids, scores = self._search_base(weights, wide, allowed)
        if rough:
            ids = ids[:wide]
            scores = self._scored_again(weights, ids)
        found = [(ids, scores), *(self._search_block(block, weights, allowed) for block in self.blocks)]
        return best_first(np.concatenate([ids for ids, _ in found]), np.concatenate([s for _, s in found]), k)

    # ------------------------------------------------------------------ statistics

    def _count(self) -> tuple[int, Counter[str]]:
        """Return the number of chunks, and their number of terms in each content field."""
        facts = self.base.facts if self.base else None
        documents = facts.live if facts else 0
        lengths = Counter(facts.lengths if facts else {})
        for block, live in self._held():
            documents += len(block.ids) if live is None else int(np.count_nonzero(live))
            lengths.update({name: block.length(name, live) for name in CONTENT_FIELDS})
        for part in self._deleted:
            documents -= len(part.ids)
            lengths.subtract(part.length)
        return documents, lengths

    def _is_stale(self) -> bool:
        """Return whether tantivy's mean lengths differ from those without deleted chunks."""
        facts = self.base.facts if self.base else None
        if facts is None:
            return False
        means = [(facts.averages[name], self._averages[name]) for name in CONTENT_FIELDS]
        return any(there and abs(mean - there) > _SAME_MEAN * there for mean, there in means)

    def _is_rough(self, weights: Weights) -> bool:
        """Return whether tantivy's hits must be scored again. Those of a question of stop words only always are: the
        stop words of deleted chunks are not counted, so their mean length is estimated from that of content words."""
        return self._stale or bool(weights[STOP_WORDS])

    def _held(self) -> Iterable[tuple[Block, NDArray[np.bool_] | None]]:
        return zip(self.blocks, self._live, strict=True)

    def _count_languages(self) -> tuple[list[str], frozenset[str]]:
        languages = Counter(self.base.facts.languages if self.base else {})
        for block, live in self._held():
            languages.update(block.count_languages(live))
        for part in self._deleted:
            languages.subtract(part.languages)
        return ranked_languages(languages)

    def _containing(self, field: str, term: str) -> int:
        """Return and cache how many chunks have a term; two threads may both count it, with the same result."""
        found = self._counts.get((field, term))
        if found is None:
            found = self._counted(field, term)
            if len(self._counts) >= _KNOWN_LIMIT:
                self._counts.clear()
            self._counts[field, term] = found
        return found

    def _counted(self, field: str, term: str) -> int:
        files = self.base.containing(field, term) if self.base else 0
        if not self.blocks and not self._deleted:
            return files
        held = sum(block.fields[field].containing(term, live) for block, live in self._held())
        return files + held - sum(part.containing(field, term) for part in self._deleted)

    # ------------------------------------------------------------------ the two parts

    def _search_block(self, block: Block, weights: Weights, allowed: Ids | None) -> tuple[Ids, NDArray[np.float64]]:
        scores = block.scores(weights, self._averages)
        places = np.flatnonzero(scores)
        ids = block.ids[places]
        kept = ~np.isin(ids, self.removed)
        if allowed is not None:
            kept &= is_member(ids, allowed)
        return ids[kept], scores[places[kept]]

    def _search_base(self, weights: Weights, k: int, allowed: Ids | None) -> tuple[Ids, NDArray[np.float64]]:
        """Fetch more than k where some hits are deleted or not allowed, until k remain or there are no more."""
        query = self.base.query(weights) if self.base else None
        if query is None or self.base is None:
            return _NO_IDS, np.empty(0)
        total = self.base.facts.live
        share = max(1.0 - len(self.removed) / max(total, 1), 0.05)
        if allowed is not None:
            share *= min(len(allowed) / max(total, 1), 1.0)
        limit = first = min(int((k + _SPARE) / share * 1.3) + 1, total)
        while True:
            if allowed is not None and len(allowed) * _COST_OF_ID < limit:
                among = np.setdiff1d(allowed, self.removed, assume_unique=True)
                return self.base.search(query, min(k + _SPARE, len(among)), among=among) if len(among) else _NOTHING
            ids, scores = self.base.search(query, limit)
            kept = ~np.isin(ids, self.removed)
            if allowed is not None:
                kept &= is_member(ids, allowed)
            if len(ids) < limit or limit >= total or _settled(scores, kept, k, deep=limit > 16 * first + 4_096):
                return ids[kept], scores[kept]
            limit = min(limit * 4, total)

    def _scored_again(self, weights: Weights, ids: Ids) -> NDArray[np.float64]:
        """Return the BM25 of chunks in the files, by mean lengths without deleted chunks."""
        scores = content_scores(*self.codes(ids), weights, self._averages)
        if self.base and weights[STOP_WORDS]:
            scores += self.base.stop_word_scores(ids, weights[STOP_WORDS], self._averages[STOP_WORDS])
        return scores


def _live(block: Block, removed: Ids) -> NDArray[np.bool_] | None:
    """Return which chunks of a block are not deleted, None for all of them."""
    live = ~np.isin(block.ids, removed)
    return None if live.all() else live


def _settled(scores: NDArray[np.float64], kept: NDArray[np.bool_], k: int, *, deep: bool) -> bool:
    """Return whether no further hit can be among the best k: the last one scores below the k-th that is kept."""
    good = scores[kept]
    return len(good) >= k and (deep or comparable(float(good[k - 1])) > comparable(float(scores[-1])))
