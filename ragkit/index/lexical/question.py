"""A question as the index reads it: analysed once, cut once, searched and scored by the same terms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ragkit.text.analyzer import analyse_question, question_parts

TERM_LIMIT: Final = 128
"""A question uses at most so many terms, the rarest; pasted pages have thousands."""

Forms = Mapping[str, Sequence[str]]
"""A word's terms by language, the question's own language first: the whole word, then its pieces."""


@dataclass(frozen=True, slots=True)
class AnalysedQuestion:
    """The terms of a question.

    terms: how often each occurs, at most `TERM_LIMIT`. stop_words: the same, for a question that has nothing else.
    words: the content words in their order, each as its forms. is_cut: whether terms were left out; `words` then has
    only the words with one of the kept terms.
    """

    terms: Mapping[str, int]
    stop_words: Mapping[str, int]
    words: Sequence[Forms]
    is_cut: bool = False

    def kept(self, terms: Iterable[str]) -> list[str]:
        """Return those of some terms of `words` that were not left out, in their order."""
        return [term for term in terms if not self.is_cut or term in self.terms]


def read_question(
    text: str, *, languages: Sequence[str], idf: Callable[[Iterable[str]], Mapping[str, float]]
) -> AnalysedQuestion:
    """Analyse a question for an index that has these languages, the most frequent first.

    Above `TERM_LIMIT` terms the rarest are kept, by count times inverse document frequency; terms that no chunk has
    go first.
    """
    question = analyse_question(text, languages=languages)
    words: list[Forms] = [*question_parts(text, languages=languages)]
    if len(question.terms) <= TERM_LIMIT:
        return AnalysedQuestion(question.terms, question.function_words, words)
    rarity = idf(question.terms)
    rarest = sorted(question.terms, key=lambda term: -question.terms[term] * rarity.get(term, 0.0))[:TERM_LIMIT]
    kept = {term: question.terms[term] for term in rarest}
    held = [word for word in words if any(term in kept for terms in word.values() for term in terms)]
    return AnalysedQuestion(kept, {}, held, is_cut=True)
