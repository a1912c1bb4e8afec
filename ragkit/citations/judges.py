"""A model for what a comparison of words leaves undecided: does a source entail or contradict a statement?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from ragkit.cross_encoder import load_cross_encoder
from ragkit.errors import ModelError
from ragkit.settings import ModelSettings
from ragkit.types.answers import Citation, Judgement, Verdict
from ragkit.types.hits import Hit

_ROOM: Final = 600  # characters of the passage that a judge reads on each side of the quote
_ASKED: Final[frozenset[Verdict]] = frozenset(("unclear", "supported"))
_VERDICTS: Final[dict[Judgement, Verdict]] = {"entailed": "supported", "contradicted": "contradicted"}
_LABELS: Final[Mapping[str, Judgement]] = {"entail": "entailed", "contra": "contradicted"}


class Judge(Protocol):
    """A model for natural-language inference. Thread-safe; tests/citations/test_judges.py holds for each of them."""

    @property
    def name(self) -> str:
        """The name that citations state, such as "nli:FOLDER"."""

    def judge(self, statement: str, premises: Sequence[str]) -> list[Judgement]:
        """Return for each premise whether it entails the statement, contradicts it, or leaves it undecided.

        A judge that fails at work answers "undecided"; one that cannot be loaded raises before.
        """


def decide(judge: Judge, statement: str, found: Sequence[Citation], hits: Sequence[Hit]) -> list[Citation]:
    """Return citations; those that the comparison of words left undecided have the judge's verdict.

    It is asked about `unclear` ones, which may become `supported` or `contradicted`, and about those that words found
    `supported`, which it can only contradict. What is quoted word for word, and what words found contradicted (another
    row's value, another number or name), stays: there a rule has seen the difference. hits: what the numbers mean.
    """
    asked = [at for at, citation in enumerate(found) if citation.verdict in _ASKED and citation.quote]
    if not asked:
        return list(found)
    premises = [_premise(found[at], hits[found[at].number - 1]) for at in asked]
    decided = list(found)
    for at, said in zip(asked, judge.judge(statement, premises), strict=True):
        verdict = _VERDICTS.get(said)
        if verdict is None or verdict == found[at].verdict:
            continue
        reason = "the source denies it" if verdict == "contradicted" else ""
        decided[at] = replace(
            found[at], verdict=verdict, supported=verdict == "supported", reason=reason, judged=judge.name
        )
    return decided


def _premise(citation: Citation, hit: Hit) -> str:
    """Return the premise for the judge: title and headings, the names of the columns, the passage around the quote."""
    start = max(0, citation.start - hit.start - _ROOM)
    text = hit.text[start : citation.end - hit.start + _ROOM]
    above = " › ".join(part for part in (hit.title, hit.heading) if part)
    return "\n".join(part for part in (above, citation.header, text.strip()) if part)


class CrossEncoderJudge:
    """A sentence-transformers CrossEncoder for natural-language inference; the largest of its outputs decides.

    Its configuration must name its labels: one begins with "entail"; one that begins with "contra" is the denial, and
    all others are undecided. Texts beyond the model's limit are cut at their end by its tokenizer.
    """

    def __init__(self, name: str, *, models: ModelSettings) -> None:
        """Load the model of that name or folder. Raises ModelError, MissingPackageError."""
        self._model = load_cross_encoder(
            name,
            models=models,
            purpose=f"the judge nli:{name}",
            cure="name a folder that holds a cross-encoder for natural-language inference, or allow the download",
        )
        self.name = f"nli:{name}"
        self._meaning = _meaning(name, self._model.model.config)

    def judge(self, statement: str, premises: Sequence[str]) -> list[Judgement]:
        """Return the verdict of each premise on a statement."""
        if not premises:
            return []
        scores = self._model.predict([(premise, statement) for premise in premises], show_progress_bar=False)
        return [self._meaning[int(row.argmax())] for row in scores]


def _meaning(name: str, config: Any) -> tuple[Judgement, ...]:
    """Return the verdict that each output stands for. Raises ModelError where the labels do not name it."""
    labels = [str(config.id2label[at]).lower() for at in range(config.num_labels)]
    meaning: tuple[Judgement, ...] = tuple(
        next((said for start, said in _LABELS.items() if label.startswith(start)), "undecided") for label in labels
    )
    if len(labels) < 2 or meaning.count("entailed") != 1:
        raise ModelError(
            f"the model {name!r} has the labels {', '.join(labels)}, and none of them is entailment",
            cure="name a cross-encoder for natural-language inference, whose config.json has id2label",
        )
    return meaning
