"""Query rewrite by rule: a follow-up question -> one that can be searched for by itself; without a model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragkit.text.analyzer import analyse_text, guess_language
from ragkit.types.prompts import Message

_TURNS = 2
_FEW_TERMS = 1
_FEW_TERMS_OF_A_FRAGMENT = 3
_ANTECEDENT_TERMS = 2
_CARRIED = 8
_CARRIED_CODES = 2
_PRONOUN = re.compile(
    r"\b(it|its|they|them|their|theirs|he|him|his|she|her|hers|that|this|these|those|the (?:same|former|latter|other)"
    r"|er|sie|es|ihn|ihm|ihr|ihre|dies|diese|dieser|dieses|das|davon|dafür|dazu|darin|il|elle|ils|elles|cela|ça|celui"
    r"|celle|lui|leur|eso|esto|ese|esa|ella|ellos)\b",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"(?<!\bis )(?<!\bare )(?<!\bwas )(?<!\bwere )(?<!\bbe )(?<!\bbeen )\bthere\b"
    r"(?!\s+(?:is|are|was|were|be|must|may|can|will|would|should|currently)\b)"
    r"|\b(?:as well|too|then|dort)\s*\?*$|\bdas?\s*\?$|\bthe (?:other )?ones?\b|\bdavon\b",
    re.IGNORECASE,
)
_OPENS = re.compile(
    r"^\s*(?:(?:and|but|or|why|und|aber|oder|et|mais|ou|y|pero|e)\b(?!\s+(?:did|do|does|is|are|was|were|has|have|had"
    r"|can|could|would|should|will)\b)|(?:what|how) about\b"
    r"|(?:is|are|was|were|does|do|did|has|have|can|could|must|should|will)\s+(?:it|they|he|she|that|this|these|those)\b)",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"\b(?:is|are|was|were|do|does|did|has|have|had|can|could|must|may|should|will|would)\s+"
    r"(?:it(?!\s+(?:take|takes|held|possible|assumed|called|known|said|that))|they|he|she|that\b(?=\s*\?*$|\s+\w+\s*\?*$)"
    r"|this(?=\s*\?*$)|those(?=\s*\?*$))\b"
    r"|\b(?:after|before|about|of|for|from|with|by|to|in|on|than|without)\s+(?:it|that|this|them|these|those)\s*\?*$",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"\b(?:what|which|who|whom|whose|when|where|why|how|is|are|was|were|do|does|did|has|have|can|could|may|must|should"
    r"|will|would|wie|was|wer|wen|wem|wo|wann|warum|welche[rsmn]?|ist|sind|hat|haben|kann|können|muss|darf|gibt|comment"
    r"|qui|quand|où|pourquoi|combien|quels?|quelles?|est|sont|cómo|qué|quién|cuándo|dónde|cuánto|cuál|es|son|puede)\b",
    re.IGNORECASE,
)
_WHO = re.compile(r"\s*(?:who|wer|qui|quién)\b\s*\S", re.IGNORECASE)
"""In "who moved his court?" the pronoun refers to the person asked for."""
_POINTERS = frozenset(("that", "this", "these", "those"))
_VERB = re.compile(
    r"(?:is|are|was|were|do|does|did|has|have|had|need|needs|cost|costs|mean|means|apply|applies|work|works|take|takes"
    r"|happen|happens|last|lasts|change|changes|be|get|too|also|as|still|in|for|on|to)\b",
    re.IGNORECASE,
)
_CODE = re.compile(r"(?=\w*[A-Za-z])(?=[\w-]*\d)\w+(?:-\w+)*")
_WORD = re.compile(r"[^\W_](?:[\w.,'’-]*\w)?")


def standalone(question: str, history: Sequence[Message]) -> str:
    """Return the question with words of the last user turns added if it depends on them, else unchanged.

    A question depends on earlier turns if it opens like a continuation ("and for …?"), has a pronoun without an
    antecedent, or has hardly any content word and no name or code. The added words are those of the user's last two
    turns, the latest first, and codes ("HP-305") of the last answer.
    """
    asked = [message.content for message in history if message.role == "user"][-_TURNS:]
    if not asked or not _depends_on_history(question, guess_language(question)):
        return question
    language = guess_language(question)
    own = _terms(question, language)
    carried: list[str] = []
    for turn in reversed(asked):
        for word in _WORD.findall(turn):
            terms = _terms(word, language)
            if terms and not own.issuperset(terms) and len(carried) < _CARRIED:
                own.update(terms)
                carried.append(word)
    answers = [message.content for message in history if message.role == "assistant"][-1:]
    for code in [code for turn in answers for code in _CODE.findall(turn)][:_CARRIED_CODES]:
        terms = _terms(code, language)
        if not own.issuperset(terms):
            own.update(terms)
            carried.append(code)
    return f"{question} {' '.join(carried)}" if carried else question


def _depends_on_history(question: str, language: str) -> bool:
    if _OPENS.search(question) or _PLACE.search(question):
        return True
    names = language != "de"  # German writes every noun with a capital
    subject = _SUBJECT.search(question)
    if subject and not (names and _is_named(question[: subject.start()])):
        return True
    found = _PRONOUN.search(question)
    if found:
        before = question[: found.start()]
        if _WHO.match(before):
            return False
        few = len(_terms(before, language)) < _ANTECEDENT_TERMS and not (names and _is_named(before))
        return few and not _introduces(found, question)
    few_terms = _FEW_TERMS if _ASKS.search(question) else _FEW_TERMS_OF_A_FRAGMENT
    return len(_terms(question, language)) <= few_terms and not (names and _is_named(question))


def _terms(text: str, language: str) -> set[str]:
    return set(analyse_text(text, language=language).terms.split())


def _is_named(text: str) -> bool:
    """Return whether a word past the first is a name or a code: it has a capital or a digit."""
    return any(
        (word[0].isupper() and word != "I") or any(char.isdigit() for char in word) for word in _WORD.findall(text)[1:]
    )


def _introduces(found: re.Match[str], question: str) -> bool:
    """Return whether "that", "this" or "these" stands before its own noun or clause, not for something said before."""
    after = question[found.end() :].lstrip()
    return found[0].lower() in _POINTERS and bool(after) and after[0].isalpha() and not _VERB.match(after)
