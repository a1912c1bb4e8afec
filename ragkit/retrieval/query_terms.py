"""The terms of a question with their weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ragkit.index.base import TermIndex
from ragkit.index.lexical.question import AnalysedQuestion
from ragkit.retrieval.features import QuestionTerms, Statistics, question_terms


def weighted_terms(question: AnalysedQuestion, index: TermIndex, statistics: Statistics) -> QuestionTerms:
    """Return the weighted terms of a question, stemmed in the collection's languages.

    A compound or a code counts once: whole where a chunk has it, by its pieces where none does. A word is taken in the
    question's own language. Its stem in another language is used only if some chunk has it, and only where that is a
    main language of the collection or no chunk has the word in the question's own language.
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
    weighted = question_terms(question.kept(wanted), idf=rarity, statistics=statistics)
    if not question.notations:
        return weighted
    aliases = []
    for notation in question.notations:
        owners = tuple(at for at, term in enumerate(weighted.terms) if term in notation.owners)
        aliases += [(form, owners) for form in notation.forms if owners]
    return replace(weighted, aliases=tuple(aliases))


def whole_or_pieces(terms: Sequence[str], rarity: Mapping[str, float]) -> Sequence[str]:
    """Return a word whole if some chunk has it whole or none has any of its pieces, else its pieces."""
    if len(terms) < 2 or terms[0] in rarity or not any(term in rarity for term in terms):
        return terms[:1]
    return terms[1:]
