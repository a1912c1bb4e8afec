"""Metrics are those of the library, intervals cover, tests find what is there and nothing else."""

from __future__ import annotations

import math
import random

import ir_measures
import numpy as np
import pytest

from ragkit.evaluation.datasets.span_sets import joined, shared_length
from ragkit.evaluation.datasets.types import Passage
from ragkit.evaluation.measures.metrics import (
    RANKING,
    answers,
    covers,
    first_ranks,
    rank_metrics,
    ranking_metrics,
    span_metrics,
)
from ragkit.evaluation.measures.ranking import hit_curve
from ragkit.numeric.statistics import (
    area_under_roc,
    best_threshold,
    mean_interval,
    paired_test,
    risk_coverage,
    two_sample_interval,
)

RUN = {
    "a": {"d1": 0.9, "d2": 0.8, "d3": 0.7},
    "b": {"d2": 0.9, "d3": 0.8},
    "c": {},
}
QRELS = {"a": {"d2": 2, "d9": 1}, "b": {"d2": 1}, "c": {"d1": 1}}


def test_ranking_metrics_by_hand() -> None:
    found = ranking_metrics(RUN, QRELS)
    assert found["hit@1"] == {"a": 0.0, "b": 1.0, "c": 0.0}
    assert found["mrr@10"] == {"a": 0.5, "b": 1.0, "c": 0.0}
    assert found["recall@100"] == {"a": 0.5, "b": 1.0, "c": 0.0}
    ideal = 2 + 1 / math.log2(3)
    assert found["ndcg@10"]["a"] == pytest.approx(2 / math.log2(3) / ideal)
    assert list(found) == list(RANKING)


def test_ranks_and_curves_agree_with_the_library() -> None:
    random.seed(1)
    names = [f"d{number}" for number in range(120)]
    run, qrels = {}, {}
    for query in map(str, range(40)):
        ranked = random.sample(names, 100)
        run[query] = {name: 1.0 - rank / 10_000 for rank, name in enumerate(ranked)}
        qrels[query] = dict.fromkeys(random.sample(names, 2), 1)
    ranks = first_ranks(run, qrels)
    assert rank_metrics(ranks, prefix="", hits=[1, 5, 10], mrr=10) == {
        name: values for name, values in ranking_metrics(run, qrels).items() if name.startswith(("hit", "mrr"))
    }
    curve = hit_curve("hit@k", ranks)
    theirs = ir_measures.calc_aggregate([ir_measures.Success @ 37], qrels, run)
    assert curve.values[:, 36].mean() == pytest.approx(theirs[ir_measures.Success @ 37])


def test_spans_count_every_character_once() -> None:
    found = span_metrics([(0, 10), (5, 20), (100, 110)], [(8, 12), (105, 125)])
    assert found == {"recall": 9 / 24, "precision": 9 / 30, "iou": 9 / 45}
    assert span_metrics([], [(0, 5)]) == {"recall": 0.0, "precision": 0.0, "iou": 0.0}
    assert span_metrics([(0, 5)], [(0, 5)]) == {"recall": 1.0, "precision": 1.0, "iou": 1.0}


def test_spans_agree_with_sets_of_characters() -> None:
    random.seed(2)
    for _ in range(200):
        sides = [[(start, start + random.randint(1, 9)) for start in random.sample(range(60), 4)] for _ in range(2)]
        left, right = ({at for start, end in side for at in range(start, end)} for side in sides)
        assert shared_length(joined(sides[0]), joined(sides[1])) == len(left & right)
        assert span_metrics(*sides)["iou"] == pytest.approx(len(left & right) / len(left | right))


def test_a_passage_answers_when_it_shares_half_of_the_shorter_one() -> None:
    assert covers((0, 100), (40, 60))
    assert covers((40, 60), (0, 1000))
    assert covers((0, 50), (25, 75))
    assert not covers((0, 50), (26, 76))
    assert not covers((0, 50), (50, 60))
    wanted = [Passage("a", 0, 10), Passage("b", 50, 60)]
    assert answers("b", (40, 90), wanted)
    assert not answers("a", (40, 90), wanted)


def test_a_bootstrap_interval_covers_the_mean_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(3)
    covered = 0
    for _ in range(200):
        low, high = mean_interval((generator.random(80) < 0.7).astype(float), samples=400)
        covered += low <= 0.7 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_intervals_are_the_same_every_time_and_empty_of_nothing() -> None:
    values = list(np.random.default_rng(4).random(50))
    assert mean_interval(values) == mean_interval(values)
    assert mean_interval([0.5]) == (0.5, 0.5)
    assert all(map(math.isnan, mean_interval([])))


def test_a_paired_test_finds_a_difference_and_no_difference() -> None:
    generator = np.random.default_rng(5)
    assert paired_test(generator.normal(0.5, 1, 200)) < 0.001
    assert paired_test(np.zeros(20)) == 1.0
    assert paired_test([]) == 1.0
    under_null = [paired_test(generator.normal(0, 1, 30), samples=500) for _ in range(200)]
    assert 0.0 <= np.mean(np.array(under_null) < 0.05) <= 0.1


def test_a_paired_test_of_few_differences_counts_every_sign() -> None:
    assert paired_test([1, 1, 1, 1]) == 2 / 16
    assert paired_test([1, 0, 0, -1]) == 1.0
    assert paired_test([3, 2, 1]) == 2 / 8


def test_the_area_under_the_roc_curve_counts_ties_half() -> None:
    assert area_under_roc([3, 4], [1, 2]) == 1.0
    assert area_under_roc([1, 2], [3, 4]) == 0.0
    assert area_under_roc([1, 1], [1]) == 0.5
    assert area_under_roc([1, 3], [2, 3]) == (0 + 0 + 1 + 0.5) / 4
    assert math.isnan(area_under_roc([], [1]))
    low, high = two_sample_interval([1.0, 3, 4, 5], [2.0, 3], area_under_roc)
    assert 0 <= low <= area_under_roc([1.0, 3, 4, 5], [2.0, 3]) <= high <= 1


def test_risk_and_coverage_by_hand() -> None:
    found = risk_coverage([0.9, 0.8, 0.7, 0.6], [False, True, False, True])
    assert found.coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert found.risk.tolist() == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])
    assert found.area == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)


def test_questions_of_the_same_confidence_share_their_risk() -> None:
    one, other = risk_coverage([1, 1, 1, 1], [True, False, False, True]), risk_coverage([1] * 4, [False, True] * 2)
    assert one.risk.tolist() == other.risk.tolist() == [0.5] * 4


@pytest.mark.parametrize(
    ("positives", "negatives", "keeps", "refuses"),
    [([0.8, 0.9], [0.1, 0.2], 2, 2), ([0.3, 0.9], [0.1, 0.5], 2, 1), ([0.5], [0.5], 1, 0)],
)
def test_a_threshold_splits_as_well_as_can_be(
    positives: list[float], negatives: list[float], keeps: int, refuses: int
) -> None:
    value = best_threshold(positives, negatives)
    assert sum(score >= value for score in positives) == keeps
    assert sum(score < value for score in negatives) == refuses


def test_a_threshold_lies_between_the_two_sides() -> None:
    assert best_threshold([0.8, 0.9], [0.1, 0.2]) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="positives and negatives"):
        best_threshold([], [1.0])
