"""The terms of a question with their weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ragkit.index.base import TermIndex
from ragkit.index.lexical.question import AnalysedQuestion
from ragkit.retrieval.features import QuestionTerms, Statistics, question_terms


def weighted_terms(question: AnalysedQuestion, index: TermIndex, statistics: Statistics) -> QuestionTerms:
    """Weigh a question's terms, stemmed as the collection's languages have it.

    A compound or a code counts once: whole where a chunk holds it, by its pieces where none does. A word is meant in
    the question's own language; it counts in another too where that is a main language of the collection, or where no
    chunk holds it in its own, if some chunk holds it there: the others' stems of the same word are no words of it.
    """
    rarity = index.idf({term for forms in question.words for terms in forms.values() for term in terms})
    terms: list[str] = []
    others: list[str] = []
    for forms in question.words:
        (_, own), *foreign = forms.items()
        chosen = whole_or_pieces(own, rarity)
        terms += chosen
        known = any(term in rarity for term in chosen)
        for language, form in foreign:
            if language in index.main_languages or not known:
                others += [term for term in whole_or_pieces(form, rarity) if term in rarity]
    wanted = [*terms, *(term for term in dict.fromkeys(others) if term not in terms)]
    return question_terms(question.kept(wanted), idf=rarity, statistics=statistics)


def whole_or_pieces(terms: Sequence[str], rarity: Mapping[str, float]) -> Sequence[str]:
    """Return a word whole where some chunk holds it so, or where none holds any of its pieces either."""
    if len(terms) < 2 or terms[0] in rarity or not any(term in rarity for term in terms):
        return terms[:1]
    return terms[1:]
