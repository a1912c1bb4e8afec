"""An answer with its checked citations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from ragkit.types.prompts import TemplateId

Status = Literal["answered", "partial", "unsupported", "abstained"]
Verdict = Literal["quoted", "supported", "unclear", "contradicted"]
Judgement = Literal["entailed", "contradicted", "undecided"]
"""A model's verdict on a statement and a source (see `ragkit.citations.judges`)."""


@dataclass(frozen=True, slots=True)
class Citation:
    """A checked reference from an answer to a source.

    number: the [n] in the answer. quote == document.text[start:end], the words that support the sentence best.
    supported: whether the quote supports the sentence that cites it. sentence: that sentence.
    verdict: how the quote bears on the sentence: `quoted` (word for word), `supported` (each part found together),
    `unclear` (words alone cannot decide), `contradicted`. reason: why it is not supported. header: the line that names
    the columns of a quoted row. matched: the sentence had no marker of its own; the check found its source.
    heading: the headings over the passage. address: where the document is on the web, by its metadata; "" if unknown.
    judged: the model that decided the verdict where words could not; "" for words alone.
    """

    number: int
    source: str
    title: str
    sha256: str
    page: int | None
    page_label: str | None
    start: int
    end: int
    quote: str
    supported: bool
    sentence: str
    verdict: Verdict = "unclear"
    reason: str = ""
    header: str = ""
    matched: bool = False
    heading: str = ""
    address: str = ""
    judged: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of a citation."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with checked citations.

    status: `answered` when every sentence that states something is supported by its source, `partial` when not all
    are, `unsupported` when none is, `abstained` when the text says that the sources do not hold the answer.
    removed: markers, links, images and HTML that were taken out of the model's text, for the report.
    tokens: the prompt's counts, plus "answer", and "reasoning" where the model reasoned before it answered. warnings:
    what the search said of the question (see Hits). template: what the prompt was made with. data: the value of an
    answer in JSON, without markers; None for prose.
    """

    question: str
    text: str
    status: Status
    citations: tuple[Citation, ...]
    model: str
    tokens: Mapping[str, int]
    confidence: float
    removed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    template: TemplateId | None = None
    data: Any = None

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of `ragkit ask --json`."""
        return {
            "question": self.question,
            "text": self.text,
            "status": self.status,
            "citations": [citation.as_dict() for citation in self.citations],
            "model": self.model,
            "tokens": dict(self.tokens),
            "confidence": round(self.confidence, 6),
            "removed": list(self.removed),
            "warnings": list(self.warnings),
            "template": self.template.as_dict() if self.template else None,
            **({} if self.data is None else {"data": self.data}),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the answer whose JSON shape `as_dict` gave."""
        template = values["template"]
        return cls(
            **{
                **values,
                "citations": tuple(Citation(**citation) for citation in values["citations"]),
                "removed": tuple(values["removed"]),
                "warnings": tuple(values["warnings"]),
                "template": TemplateId(**template) if template else None,
            }
        )


@dataclass(frozen=True, slots=True)
class CheckedSentence:
    """A sentence of a text that was checked against documents.

    `[start, end)`: where it stands in the text. verdict: how the best source bears on it; "" for a sentence that states
    nothing (a heading, a question, a lead-in). citation: that source with its quote, None where nothing was found.
    """

    text: str
    start: int
    end: int
    verdict: Verdict | Literal[""]
    citation: Citation | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of a sentence of `ragkit check --json`."""
        return {
            "text": self.text,
            "start": self.start,
            "end": self.end,
            "verdict": self.verdict,
            "citation": self.citation.as_dict() if self.citation else None,
        }


@dataclass(frozen=True, slots=True)
class TextCheck:
    """Any text, checked sentence by sentence. text: as it was checked; offsets refer to it."""

    text: str
    sentences: tuple[CheckedSentence, ...]

    @property
    def status(self) -> Status:
        """Like an answer's: `answered` when all that is stated is supported, `unsupported` when nothing is."""
        stated = [sentence for sentence in self.sentences if sentence.verdict]
        held = sum(sentence.verdict in ("quoted", "supported") for sentence in stated)
        if not stated:
            return "abstained"
        return "answered" if held == len(stated) else "partial" if held else "unsupported"

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of `ragkit check --json`."""
        counts = Counter(sentence.verdict or "states_nothing" for sentence in self.sentences)
        return {
            "status": self.status,
            "counts": dict(sorted(counts.items())),
            "sentences": [sentence.as_dict() for sentence in self.sentences],
        }
