"""The terms of a question with their weights."""

from __future__ import annotations

from collections.abc import Mapping

from ragkit.index.lexical.index import TERM_LIMIT, LexicalIndex
from ragkit.retrieval.features import QuestionTerms, Statistics, question_terms
from ragkit.text.analyzer import question_parts


def weighted_terms(question: str, index: LexicalIndex, statistics: Statistics) -> QuestionTerms:
    """Weigh a question's terms, stemmed as the collection's languages have it.

    A compound or a code counts once: whole where a chunk holds it, by its pieces where none does. A word is meant in
    the question's own language; it counts in another too where that is a main language of the collection, or where no
    chunk holds it in its own, if some chunk holds it there: the others' stems of the same word are no words of it.
    """
    parts = question_parts(question, languages=index.languages)[:TERM_LIMIT]
    rarity = index.idf({term for forms in parts for terms in forms.values() for term in terms})
    terms: list[str] = []
    others: list[str] = []
    for forms in parts:
        (_, own), *foreign = forms.items()
        chosen = whole_or_pieces(own, rarity)
        terms += chosen
        known = any(term in rarity for term in chosen)
        for language, form in foreign:
            if language in index.main_languages or not known:
                others += [term for term in whole_or_pieces(form, rarity) if term in rarity]
    wanted = [*terms, *(term for term in dict.fromkeys(others) if term not in terms)]
    return question_terms(wanted[:TERM_LIMIT], idf=rarity, statistics=statistics)


def whole_or_pieces(terms: list[str], rarity: Mapping[str, float]) -> list[str]:
    """Return a word whole where some chunk holds it so, or where none holds any of its pieces either."""
    if len(terms) < 2 or terms[0] in rarity or not any(term in rarity for term in terms):
        return terms[:1]
    return terms[1:]
