"""Measures of one answer: exact match, token F1, required facts, citations against the evidence, groundedness."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from ragkit.citations.sources import states
from ragkit.evaluation.answers.approaches import Attempt
from ragkit.evaluation.answers.questions import AnswerQuestion
from ragkit.evaluation.measures.question_files import contains
from ragkit.text.content_terms import guess_language
from ragkit.text.sentences import sentence_spans
from ragkit.types.answers import Answer, Citation, TextCheck

MEASURES: Final[Mapping[str, str]] = {
    "exact_match": "the answer is an accepted one, but for case, punctuation and articles",
    "token_f1": "overlap of words with the nearest accepted answer",
    "facts": "share of the required facts that the answer has",
    "all_facts": "the answer has every required fact",
    "citation_precision": "share of the citations whose span is the evidence",
    "citation_recall": "share of the claims that a supported citation of their own stands behind",
    "groundedness": "share of the claims that the documents support, cited or not",
    "abstained": "questions with an answer that were not answered",
    "refused": "questions without an answer that were not answered",
}
"""The measures of an answer, each from 0 to 1, with their meaning."""
LOWER_IS_BETTER: Final = frozenset({"abstained"})
_MARKER = re.compile(r"\s*\[\d{1,3}\]")
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def grade(question: AnswerQuestion, attempt: Attempt, check: TextCheck | None) -> dict[str, float]:
    """Return the measures of an answer that apply to its question.

    check: the text compared with the documents, for groundedness. An abstention on a question with an answer scores 0
    in every measure of rightness, and has no citations to judge.
    """
    if not question.answerable:
        return {"refused": float(attempt.abstained)}
    text = "" if attempt.abstained else attempt.text
    found = {"abstained": float(attempt.abstained)}
    if question.answers:
        found["exact_match"] = exact_match(text, question.answers)
        found["token_f1"] = token_f1(text, question.answers)
    if question.facts:
        held = [any(contains(text, wording) for wording in fact) for fact in question.facts]
        found["facts"] = sum(held) / len(held)
        found["all_facts"] = float(all(held))
    if not attempt.abstained:
        if attempt.answer is not None:
            found |= citation_measures(question, attempt.answer)
        grounded = groundedness(check) if check is not None else None
        if grounded is not None:
            found["groundedness"] = grounded
    return found


def exact_match(text: str, answers: Sequence[str]) -> float:
    """Return 1 if a text is one of the answers after normalisation (Rajpurkar et al. 2016), else 0."""
    plain = normalised(text)
    return float(bool(plain) and any(plain == normalised(answer) for answer in answers))


def token_f1(text: str, answers: Sequence[str]) -> float:
    """Return the best F1 of the words of a text against an answer (Rajpurkar et al. 2016), 0 to 1."""
    return max((_f1(normalised(text).split(), normalised(answer).split()) for answer in answers), default=0.0)


def normalised(text: str) -> str:
    """Return a text without citation markers, case, punctuation, English articles and extra blanks."""
    plain = unicodedata.normalize("NFKC", _MARKER.sub("", text)).casefold().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", plain).split())


def _f1(given: list[str], wanted: list[str]) -> float:
    shared = sum((Counter(given) & Counter(wanted)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(given), shared / len(wanted)
    return 2 * precision * recall / (precision + recall)


def citation_measures(question: AnswerQuestion, answer: Answer) -> dict[str, float]:
    """Return precision and recall of the citations; precision only where citations and evidence are there.

    A citation is right if its span overlaps the evidence, or, where no passage is named, if its document is right.
    A claim counts as cited if a supported citation of its own marker stands behind it, not one that the check found.
    """
    found = {}
    cited = [citation for citation in answer.citations if not citation.matched]
    if cited and (question.evidence or question.documents):
        found["citation_precision"] = sum(_is_evidence(item, question) for item in cited) / len(cited)
    claims = claims_of(answer.text)
    if claims:
        behind = {_bare(item.sentence) for item in cited if item.supported}
        found["citation_recall"] = sum(_bare(claim) in behind for claim in claims) / len(claims)
    return found


def claims_of(text: str) -> list[str]:
    """Return the sentences of an answer that make a statement, as the check of citations divides them."""
    spans = sentence_spans(text, language=guess_language(text))
    sentences = (text[start:end].strip() for start, end in spans)
    return [item for item in sentences if _bare(item) and states(" ".join(_MARKER.sub("", item).split()))]


def groundedness(check: TextCheck) -> float | None:
    """Return the share of a text's claims that the documents support; None for a text without claims."""
    claims = [sentence for sentence in check.sentences if sentence.verdict]
    if not claims:
        return None
    return sum(sentence.verdict in ("quoted", "supported") for sentence in claims) / len(claims)


def _is_evidence(citation: Citation, question: AnswerQuestion) -> bool:
    if question.documents and citation.source not in question.documents:
        return False
    if not question.evidence:
        return True
    quote = _bare(citation.quote)
    return any(_overlap(quote, _bare(text)) for text in question.evidence)


def _overlap(quote: str, evidence: str) -> bool:
    """Return whether one text holds the other, as letters and digits."""
    return bool(quote) and bool(evidence) and (quote in evidence or evidence in quote)


def _bare(text: str) -> str:
    """Return the letters and digits of a text without its markers, for the comparison of sentences."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", _MARKER.sub("", text)).casefold())
