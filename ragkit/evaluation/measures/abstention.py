"""How well the confidence of a search serves abstention: AUROC, risk and coverage, and a threshold."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ragkit.evaluation.datasets.lines import DatasetError, Names, read_jsonl
from ragkit.evaluation.datasets.types import read_part
from ragkit.evaluation.measures.runner import Asker, Measured
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.numeric.statistics import (
    Interval,
    RiskCoverage,
    area_under_roc,
    best_threshold,
    risk_coverage,
    two_sample_interval,
)

NEAR: Final = "near"
"""Questions whose answer is not in the text although related text is: the hard kind."""
FOREIGN: Final = "foreign"
"""Questions on another corpus: the easy kind."""
_CURE: Final = 'write {"_id", "text"}, one a line'


@dataclass(frozen=True, slots=True)
class Unanswerable:
    """A question that the documents do not answer, with its kind."""

    name: str
    text: str
    kind: str
    part: str = ""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A lowest confidence for answering, with its effect on questions that it was not chosen on.

    keeps: the share of answerable questions at or above it. refuses: the share of unanswerable ones below it.
    chosen_on: which questions chose it. honest: False when the figures are from the questions that it was chosen on.
    """

    value: float
    keeps: float
    refuses: float
    chosen_on: str
    honest: bool


@dataclass(frozen=True, slots=True)
class Abstention:
    """How well confidence separates the answerable questions of a set from one kind of unanswerable ones.

    curve: risk by coverage over both; an answer is wrong when the question is unanswerable, or when the first five
    passages do not hold the answer. least: the area under the curve of a confidence that puts every wrong one last.
    """

    kind: str
    answerable: int
    unanswerable: int
    auroc: float
    interval: Interval
    curve: RiskCoverage
    least: float
    threshold: Threshold | None

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of one kind in `ragkit eval --json`."""
        threshold = None
        if self.threshold:
            threshold = {
                "value": round(self.threshold.value, 6),
                "keeps": round(self.threshold.keeps, 4),
                "refuses": round(self.threshold.refuses, 4),
                "chosen_on": self.threshold.chosen_on,
            }
        return {
            "answerable": self.answerable,
            "unanswerable": self.unanswerable,
            "auroc": _number(self.auroc),
            "confidence": [_number(value) for value in self.interval],
            "aurc": round(self.curve.area, 4),
            "aurc_least": round(self.least, 4),
            "risk_if_all_answered": round(float(self.curve.risk[-1]), 4),
            "threshold": threshold,
        }


def _number(value: float) -> float | None:
    """Return a rounded number as JSON takes it; of no questions, none."""
    return round(value, 4) if math.isfinite(value) else None


def read_unanswerable(
    path: Path, kind: str, *, own: Collection[str] = (), prefix: str = ""
) -> tuple[Unanswerable, ...]:
    """Read questions, one object a line with "text" or "question".

    own: the set's questions, which must not be all of them. prefix: put before the ids, to distinguish files. Raises
    DatasetError.
    """
    found: list[Unanswerable] = []
    names = Names()
    for line in read_jsonl(path, cure=_CURE):
        name = prefix + names.claim(line, required=False)
        found.append(Unanswerable(name, line.question("text", "question"), kind, read_part(line)))
    if not found:
        raise DatasetError(f"{path} holds no question", cure=_CURE)
    if {item.text for item in found} <= set(own):
        raise DatasetError(f"{path} holds the set's own questions", cure="name questions without an answer")
    return tuple(found)


def measure_abstention(
    measured: Measured,
    questions: Sequence[Unanswerable],
    *,
    tuning: Mapping[str, str],
    collection_of: Callable[[str], KnowledgeBase],
    asker: Asker,
) -> tuple[Abstention, ...]:
    """Ask the unanswerable questions and report on each kind of them.

    In a set of several collections each question is put to all of them. tuning: the questions of the tuning part, which
    choose the threshold; where there are none, half of all questions does, drawn by hash, and the other half is
    reported.
    """
    scores: dict[str, list[tuple[Unanswerable, float]]] = {}
    # Confidence comes from the candidates, so one hit is enough, unless more hits need more candidates.
    depth = int(measured.settings["depth"])
    depth = 1 if depth <= measured.collections[0].settings.retrieval.candidates else depth
    names = {f"{item.kind}/{item.name}": item for item in questions}
    for name in asker.each(names, len(names)):
        item = names[name]
        for kb in measured.collections:
            scores.setdefault(item.kind, []).append((item, kb.search(item.text, k=depth).confidence))
    chosen = {name: measured.confidences.get(name) for name in tuning}
    for name in asker.each([name for name, known in chosen.items() if known is None], len(tuning)):
        chosen[name] = collection_of(name).search(tuning[name], k=depth).confidence
    tuned = {name: value for name, value in chosen.items() if value is not None}
    return tuple(_report(kind, measured, found, tuned) for kind, found in scores.items())


def _report(
    kind: str, measured: Measured, found: Sequence[tuple[Unanswerable, float]], tuning: Mapping[str, float]
) -> Abstention:
    names = list(measured.confidences)
    positives = np.array([measured.confidences[name] for name in names])
    split = _Split.of_parts(measured, found, tuning) if tuning else _Split.by_hash(measured, found)
    reported = np.array([score for _, score in split.reported])
    confidences = np.concatenate([positives, reported])
    wrong = np.array([not measured.right[name] for name in names] + [True] * len(reported))
    perfect = risk_coverage(-wrong.astype(np.float64), wrong)
    return Abstention(
        kind=kind,
        answerable=len(positives),
        unanswerable=len(reported),
        auroc=area_under_roc(positives, reported),
        interval=two_sample_interval(positives, reported, area_under_roc),
        curve=risk_coverage(confidences, wrong),
        least=perfect.area,
        threshold=split.threshold(),
    )


@dataclass(frozen=True, slots=True)
class _Split:
    """Confidences that choose the threshold, and those that judge it; reported: the unanswerable questions."""

    reported: Sequence[tuple[Unanswerable, float]]
    choosing: tuple[Sequence[float], Sequence[float]]
    judging: tuple[Sequence[float], Sequence[float]]
    chosen_on: str
    honest: bool

    @classmethod
    def of_parts(
        cls, measured: Measured, found: Sequence[tuple[Unanswerable, float]], tuning: Mapping[str, float]
    ) -> _Split:
        """Choose on the tuning part; unanswerable questions that state no part are divided by hash."""
        choosing = [pair for pair in found if pair[0].part == "tune" or (not pair[0].part and _half(pair[0].name))]
        names = {item.name for item, _ in choosing}
        judging = [pair for pair in found if pair[0].name not in names]
        same = measured.confidences.keys() & tuning.keys()
        reported = choosing if measured.confidences.keys() <= tuning.keys() else found if same else judging
        kept = list(measured.confidences.values())
        return cls(
            reported=reported,
            choosing=(list(tuning.values()), [score for _, score in choosing]),
            judging=(kept, [score for _, score in reported]),
            chosen_on="the tuning part",
            honest=not same,
        )

    @classmethod
    def by_hash(cls, measured: Measured, found: Sequence[tuple[Unanswerable, float]]) -> _Split:
        """Choose on one half and judge by the other."""
        kept = measured.confidences
        return cls(
            reported=found,
            choosing=(
                [score for name, score in kept.items() if _half(name)],
                [score for item, score in found if _half(item.name)],
            ),
            judging=(
                [score for name, score in kept.items() if not _half(name)],
                [score for item, score in found if not _half(item.name)],
            ),
            chosen_on="half of the questions, drawn by hash; the figures are of the other half",
            honest=True,
        )

    def threshold(self) -> Threshold | None:
        """Return the threshold, None where a side of it has no question."""
        if not all(len(side) for side in (*self.choosing, *self.judging)):
            return None
        value = best_threshold(*self.choosing)
        kept, refused = (np.asarray(side) for side in self.judging)
        return Threshold(
            value=value,
            keeps=float((kept >= value).mean()),
            refuses=float((refused < value).mean()),
            chosen_on=self.chosen_on,
            honest=self.honest,
        )


def _half(name: str) -> bool:
    return hashlib.sha256(name.encode()).digest()[0] % 2 == 0
