"""Lexical features equal a slow reading of their definitions, word by word."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.index.lexical.bm25 import K1, B
from ragkit.index.lexical.term_codes import join_codes, pack
from ragkit.retrieval.features import Candidates, QuestionTerms, Statistics, expansion, question_terms

WORD = st.sampled_from([f"w{at}" for at in range(9)])
LINE = st.lists(WORD, max_size=6)
TEXTS = st.lists(st.lists(LINE, min_size=1, max_size=4), max_size=5)
QUESTION = st.lists(st.sampled_from([f"w{at}" for at in range(12)]), max_size=7)
STATISTICS = Statistics(chunks=50, mean_length=7.5)


def idf_of(term: str) -> float:
    return 0.5 + int(term[1:]) / 4


def weigh(terms: list[str]) -> QuestionTerms:
    known = {term: idf_of(term) for term in terms if int(term[1:]) < 9}
    return question_terms(terms, idf=known, statistics=STATISTICS)


def candidates(texts: list[list[list[str]]]) -> Candidates:
    packed = [pack("\n".join(" ".join(line) for line in lines)) for lines in texts]
    return Candidates(*join_codes(packed), statistics=STATISTICS)


def slow(lines: list[list[str]], question: QuestionTerms) -> tuple[float, float, float, float]:
    weights = dict(zip(question.terms, question.idf.tolist(), strict=True))
    words = [word for line in lines for word in line]
    counts = Counter(words)
    norm = K1 * (1 - B + B * len(words) / STATISTICS.mean_length)
    bm25 = sum(weight * counts[term] * (K1 + 1) / (counts[term] + norm) for term, weight in weights.items())
    coverage = sum(weight for term, weight in weights.items() if counts[term])
    unit = max((sum(weights.get(word, 0.0) for word in set(line)) for line in lines[1:]), default=0.0)
    context, rest = lines[0], [word for line in lines[1:] for word in line]
    near = {*pairwise(context), *pairwise(rest)}
    pairs = sum(weight for pair, weight in question.weighted_pairs if pair in near)
    total = question.total
    return bm25 / total, coverage / total, unit / total, min(pairs / total, 1.0)


@given(texts=TEXTS, asked=QUESTION)
@settings(max_examples=150, deadline=None)
def test_features_are_what_they_are_said_to_be(texts: list[list[list[str]]], asked: list[str]) -> None:
    question = weigh(asked)
    found = candidates(texts).features(question)
    rows = np.stack([found.bm25, found.coverage, found.unit, found.pairs], axis=1)
    if not question.terms or not any(word for lines in texts for line in lines for word in line):
        assert not rows.any()
        return
    assert rows == pytest.approx(np.array([slow(lines, question) for lines in texts]).reshape(-1, 4), abs=1e-9)
    assert (rows >= 0).all()
    assert (rows[:, 1:] <= 1 + 1e-9).all()
    assert (found.bm25 <= K1 + 1).all()


@given(texts=TEXTS, asked=st.lists(WORD, max_size=5, unique=True))
@settings(max_examples=60, deadline=None)
def test_weighted_bm25_is_the_sum_over_terms(texts: list[list[list[str]]], asked: list[str]) -> None:
    weights = np.array([idf_of(term) for term in asked])
    found = candidates(texts).bm25(asked, weights)
    assert found.shape == (len(texts),)
    parts = sum((candidates(texts).bm25([term], weights[[at]]) for at, term in enumerate(asked)), np.zeros(len(texts)))
    assert found == pytest.approx(parts)


def test_a_candidate_is_scored_alike_beside_any_others() -> None:
    question = weigh(["w1", "w2", "w3"])
    lines = [["w1"], ["w2", "w3"], ["w1", "w1"]]
    alone = candidates([lines]).features(question)
    beside = candidates([[["w5"]], lines, [[], []]]).features(question)
    assert beside.bm25[1] == pytest.approx(alone.bm25[0])
    assert beside.pairs[1] == pytest.approx(alone.pairs[0])


def test_terms_that_no_chunk_holds_weigh_most_and_make_no_pairs() -> None:
    question = question_terms(["w1", "new", "w2"], idf={"w1": 1.0, "w2": 2.0}, statistics=STATISTICS)
    assert question.terms == ("w1", "new", "w2")
    assert question.idf[1] == pytest.approx(math.log(1 + 50.5 / 0.5))
    assert question.weighted_pairs == ()
    assert question_terms([], idf={}, statistics=STATISTICS).total > 0


def test_expansion_prefers_rare_words_of_the_best() -> None:
    shares = np.array([0.7, 0.3])
    terms, weights = expansion(["w8 w8 w1", "w2 w1"], shares, idf=lambda words: {word: idf_of(word) for word in words})
    assert terms == ["w8", "w1", "w2"]
    assert weights.sum() == pytest.approx(1)
    assert list(weights) == sorted(weights, reverse=True)
    assert expansion(["", ""], shares, idf=lambda _: {})[0] == []
    many = " ".join(f"w{at}" for at in range(60))
    assert len(expansion([many], np.ones(1), idf=lambda words: dict.fromkeys(words, 1.0))[0]) == 25
