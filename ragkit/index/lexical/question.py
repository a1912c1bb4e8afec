"""A question as the index reads it: analysed once, cut once, searched and scored by the same terms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ragkit.index.lexical.unknown_words import Forms, Reading, TermDictionary
from ragkit.text.analyzer import analyse_question, question_parts
from ragkit.text.notations import Notation, notations

TERM_LIMIT: Final = 128
"""A question uses at most so many terms, the rarest; pasted pages have thousands."""


@dataclass(frozen=True, slots=True)
class AnalysedQuestion:
    """The terms of a question.

    terms: how often each occurs, at most `TERM_LIMIT`. stop_words: the same, for a question that has nothing else.
    words: the content words in their order, each as its forms. is_cut: whether terms were left out; `words` then has
    only the words with one of the kept terms. notations: dates and numbers as the index writes them. corrected: words
    that no chunk has, and the terms that are used instead.
    """

    terms: Mapping[str, int]
    stop_words: Mapping[str, int]
    words: Sequence[Forms]
    is_cut: bool = False
    notations: Sequence[Notation] = ()
    corrected: Mapping[str, str] = field(default_factory=dict)

    def kept(self, terms: Iterable[str]) -> list[str]:
        """Return those of some terms of `words` that were not left out, in their order."""
        return [term for term in terms if not self.is_cut or term in self.terms]


def read_question(
    text: str,
    *,
    languages: Sequence[str],
    idf: Callable[[Iterable[str]], Mapping[str, float]],
    dictionary: TermDictionary | None = None,
) -> AnalysedQuestion:
    """Analyse a question for an index that has these languages, the most frequent first.

    Above `TERM_LIMIT` terms the rarest are kept, by count times inverse document frequency; terms that no chunk has
    go first. A shorter question is also read with the dictionary's help: see `TermDictionary` and `notations`.
    """
    question = analyse_question(text, languages=languages)
    parts = question_parts(text, languages=languages)
    if len(question.terms) <= TERM_LIMIT:
        found = notations(text, languages=languages, known=idf)
        reading = Reading([forms for _, forms in parts])
        if dictionary is not None:
            rarity = idf({term for _, forms in parts for terms in forms.values() for term in terms})
            reading = dictionary.read(parts, known=rarity.__contains__)
        found += reading.also
        added = [*reading.added, *(term for notation in found for form in notation.forms for term in form)]
        terms = {**question.terms, **{term: 1 for term in added if term not in question.terms}}
        return AnalysedQuestion(terms, question.stop_words, reading.words, notations=found, corrected=reading.corrected)
    words: list[Forms] = [forms for _, forms in parts]
    rarity = idf(question.terms)
    rarest = sorted(question.terms, key=lambda term: -question.terms[term] * rarity.get(term, 0.0))[:TERM_LIMIT]
    kept = {term: question.terms[term] for term in rarest}
    held = [word for word in words if any(term in kept for terms in word.values() for term in terms)]
    return AnalysedQuestion(kept, {}, held, is_cut=True)
