"""Measures of a question file: retrieval by document and by evidence, and answers by their facts."""

from __future__ import annotations

import re
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ragkit.evaluation.datasets.question_files import FileQuestion
from ragkit.knowledge.knowledge_base import KnowledgeBase
from ragkit.numeric.statistics import mean_interval
from ragkit.types.answers import Answer
from ragkit.types.hits import Hit

Grade = Literal["right", "partial", "wrong", "abstained", "refused", "answered"]
DEPTHS: Final = (1, 3, 5)
_GRADES: Final[tuple[Grade, ...]] = ("right", "partial", "wrong", "abstained")
_SHOWN: Final = ("document@1", "document@5", "evidence@1", "evidence@5", *_GRADES, "refused")
_DEPTH = DEPTHS[-1]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its results. document, evidence: the rank of the first hit that has it, None for none.

    grade: of the answer; None when no answer was asked for.
    """

    question: FileQuestion
    document: int | None
    evidence: int | None
    grade: Grade | None


@dataclass(frozen=True, slots=True)
class QuestionFileResult:
    """The figures of a question file. missing: documents that it names and the collection does not hold."""

    name: str
    asked: tuple[Asked, ...]
    missing: tuple[str, ...]
    ms: float

    @property
    def values(self) -> dict[str, float]:
        """The figures by name, for floors."""
        return {name: figure["value"] for name, figure in _figures(self.asked).items()}

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of `ragkit eval FILE.jsonl`."""
        kinds = sorted({item.question.kind for item in self.asked} - {""})
        groups = {"all": self.asked} | {
            kind: tuple(item for item in self.asked if item.question.kind == kind) for kind in kinds
        }
        return {
            "dataset": self.name,
            "questions": len(self.asked),
            "answerable": sum(item.question.answerable for item in self.asked),
            "groups": {name: {"questions": len(part), **_figures(part)} for name, part in groups.items()},
            "missing_documents": list(self.missing),
            "ms_per_search": round(self.ms, 3),
        }

    def as_lines(self) -> list[str]:
        """Return the figures as lines for people."""
        shape = self.as_dict()
        size = f"{shape['questions']:,} questions, {shape['answerable']:,} with an answer in the documents"
        lines = [f"{self.name}: {size}; {self.ms:.1f} ms a search"]
        groups = shape["groups"]
        for key, figure in groups["all"].items():
            if key != "questions":
                lines.append(f"  {key:<14} {figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]")
        for name, group in list(groups.items())[1:]:
            parts = [f"{key} {group[key]['value']:.2f}" for key in _SHOWN if key in group]
            lines.append(f"{name} ({group['questions']:,}): {' · '.join(parts)}")
        if self.missing:
            more = f" and {len(self.missing) - 3:,} more" if len(self.missing) > 3 else ""
            lines.append(f"the collection does not hold {', '.join(self.missing[:3])}{more}; those questions count")
        return lines


def question_metrics(questions: Sequence[FileQuestion], *, answers: bool) -> list[str]:
    """Return the names of the figures that a file gives."""
    asked = tuple(Asked(item, None, None, _unasked(item) if answers else None) for item in questions)
    return list(_figures(asked))


def _unasked(question: FileQuestion) -> Grade | None:
    if not question.answerable:
        return "answered"
    return "wrong" if question.facts else None


def measure_question_file(
    kb: KnowledgeBase,
    name: str,
    questions: Sequence[FileQuestion],
    *,
    answers: bool,
    progress: Callable[[str, int, int], None],
) -> QuestionFileResult:
    """Ask every question of a file; answers: let the chat model answer too, and grade that by the facts."""
    held = {info.source for info in kb.documents()}
    named = {source for item in questions for source in item.documents}
    asked: list[Asked] = []
    spent = 0.0
    for done, question in enumerate(questions, 1):
        started = time.perf_counter()
        hits = kb.search(question.text, k=_DEPTH)
        spent += time.perf_counter() - started
        grade = _grade(question, kb.ask(question.text)) if answers and _unasked(question) else None
        asked.append(Asked(question, _rank(hits, question, ""), _evidence_rank(hits, question), grade))
        progress("asking", done, len(questions))
    return QuestionFileResult(name, tuple(asked), tuple(sorted(named - held)), 1000 * spent / max(1, len(asked)))


def _rank(hits: Sequence[Hit], question: FileQuestion, text: str) -> int | None:
    """Return the rank of the first hit of a right document, with a text in it."""
    wanted = _solid(text)
    for rank, hit in enumerate(hits, 1):
        if (not question.documents or hit.source in question.documents) and wanted in _solid(hit.text):
            return rank
    return None


def _evidence_rank(hits: Sequence[Hit], question: FileQuestion) -> int | None:
    ranks = [_rank(hits, question, text) for text in question.texts]
    return min((rank for rank in ranks if rank is not None), default=None)


def _grade(question: FileQuestion, answer: Answer) -> Grade:
    """Grade an answer: right with every fact, partial with some; a question without an answer is to be refused."""
    abstained = answer.status == "abstained" or not answer.text.strip()
    if not question.answerable:
        return "refused" if abstained else "answered"
    if abstained:
        return "abstained"
    found = [any(contains(answer.text, wording) for wording in fact) for fact in question.facts]
    return "right" if all(found) else "partial" if any(found) else "wrong"


def contains(text: str, wording: str) -> bool:
    """Return whether a text has a wording at word borders; case, marks of Markdown and spacing do not count."""
    plain, wanted = _plain(text), _plain(wording)
    before = r"(?<!\w)(?<!\d[.,])" if wanted[:1].isascii() and wanted[:1].isalnum() else ""
    after = r"(?!\w)(?![.,]\d)" if wanted[-1:].isascii() and wanted[-1:].isalnum() else ""
    return bool(wanted) and re.search(before + re.escape(wanted) + after, plain) is not None


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_SAME)
    return " ".join(re.sub(r"\[\d+\]|[`*]", "", folded).split())


_SAME = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‑": "-"})


def _solid(text: str) -> str:
    """Return the letters and digits of a text, which do not depend on extraction and typography."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


def _figures(asked: Sequence[Asked]) -> dict[str, dict[str, float]]:
    """Return each figure with its bootstrap interval; figures without questions are left out."""
    by_document = [item.document for item in asked if item.question.documents]
    by_evidence = [item.evidence for item in asked if item.question.texts]
    values: dict[str, list[float]] = {}
    for name, ranks in (("document", by_document), ("evidence", by_evidence)):
        for depth in DEPTHS:
            values[f"{name}@{depth}"] = [float(rank is not None and rank <= depth) for rank in ranks]
        values[f"{name}_mrr"] = [1 / rank if rank else 0.0 for rank in ranks]
    grades = Counter(item.grade for item in asked if item.question.answerable and item.grade)
    for grade in _GRADES:
        values[grade] = [1.0] * grades[grade] + [0.0] * (grades.total() - grades[grade])
    values["refused"] = [
        float(item.grade == "refused") for item in asked if not item.question.answerable and item.grade
    ]
    found = {}
    for name, numbers in values.items():
        if numbers:
            low, high = mean_interval(numbers)
            found[name] = {"value": sum(numbers) / len(numbers), "low": low, "high": high}
    return found
