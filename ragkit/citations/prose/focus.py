"""Statement + sentence -> the part of the sentence that speaks of the same: one clause, with its exception resolved.

All other rules compare a statement with that part: "not" in one clause denies nothing in another, and what is said of
one subject supports nothing about the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from ragkit.citations.prose.antonyms import denies_the_opposite
from ragkit.citations.prose.clauses import Clause, clauses, subject_of
from ragkit.citations.prose.labels import label_terms
from ragkit.citations.prose.polarity import EXCEPTION
from ragkit.citations.prose.synonyms import are_synonyms, is_light
from ragkit.citations.quantities import count_denials, denies
from ragkit.citations.table_check import Fault
from ragkit.citations.tokens import Claim, content_terms, tokens

_PIECES: Final = re.compile(r";\s+|,?\s+(?:and|but|while|whereas)\s+|,\s+")
_ENDS_WITH_NUMBER: Final = re.compile(r"\d[\d.,]*\W*$")
_AFTER_NUMBER: Final = re.compile(r"\d[\d.,]*\s+(?P<unit>[^,;.()]+)")
_DENIAL: Final = re.compile(
    r"\b(?:nobody|no one|none|never|nothing|no|not|nicht|niemand|kein\w*|nie)\b|(?<=n)['’]t\b", re.IGNORECASE
)
_HEAD: Final = re.compile(r"\s(?:of|on|for|in|at|to|from|with)\s")
_CLAUSE_END: Final = re.compile(r"[.;:!?()\n]|,\s")
_NAMED: Final = 0.5  # of the terms of an exception that a statement must have to be about it
_TOLD: Final = 2  # terms that a statement and a sentence share before its clauses are told apart
_ALIKE: Final = 0.6  # of a clause's terms that a statement must have before their denials are compared
_PREFIX: Final = 5


@dataclass(frozen=True, slots=True)
class Focus:
    """What of a sentence speaks of the same as a statement. text: that part. fault: why it does not, or None."""

    text: str
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    """A clause and its terms: content terms, and labels with their letter ("plan b")."""

    clause: Clause
    terms: frozenset[str]
    words: frozenset[str]

    def lacks(self, term: str, word: str) -> bool:
        """Return whether neither a term, a longer form of it, nor a synonym of its word is in the clause."""
        if term in self.terms or any(are_synonyms(word, other) for other in self.words):
            return False
        long = len(term) >= _PREFIX and not term[0].isdigit()
        return not (long and any(other.startswith(term[:_PREFIX]) for other in self.terms))


def focus(claim: Claim, sentence: str) -> Focus:
    """Return the clause of a sentence that a claim is about, or the sentence where it has one clause only.

    A claim of several parts ("… and …") may take each from another clause. It has a fault where the words of one part
    stand in different clauses, where its subject is that of another clause, or where its clause denies it.
    """
    text = _resolved(claim, sentence)
    found = clauses(text)
    said = _said(claim.text, claim)
    if len(found) < 2 or len(said.keys() & _terms(text, claim)) < _TOLD:
        return Focus(text)
    read = [_read(claim, clause, found[at - 1] if at else None) for at, clause in enumerate(found)]
    chosen: list[_Read] = []
    for piece in _pieces(claim):
        wanted = {term: word for term, word in _said(piece, claim).items() if any(not r.lacks(term, word) for r in read)}
        best = _closest(wanted, read, piece, claim)
        missing = [word for term, word in wanted.items() if best.lacks(term, word)]
        if missing:
            return Focus(text, ("unclear", f"{missing[0]} is said in another clause"))
        if best not in chosen and wanted:
            chosen.append(best)
    if len(chosen) == 1:
        return Focus(chosen[0].clause.text, _denial_fault(claim, chosen[0]) or _subject_fault(claim, chosen[0], read))
    return Focus(text if len(chosen) == len(read) else "; ".join(one.clause.text for one in chosen) or text)


def _pieces(claim: Claim) -> list[str]:
    return [piece for piece in _PIECES.split(claim.text) if piece.strip()] or [claim.text]


def _said(text: str, claim: Claim) -> dict[str, str]:
    """Return the telling terms of a text with the word of each: content terms but those of paying and having."""
    found = {
        token.term: token.word
        for token in tokens(text, language=claim.language)
        if not token.stop and token.term not in claim.implied and not is_light(token.word)
    }
    return found | {label: label for label in label_terms(text, language=claim.language)}


def _terms(text: str, claim: Claim) -> frozenset[str]:
    return frozenset(content_terms(text, language=claim.language)) | label_terms(text, language=claim.language)


def _read(claim: Claim, clause: Clause, before: Clause | None) -> _Read:
    """Return a clause with the terms that it leaves out and the one before it has: of a pronoun, of a bare number."""
    carried = ""
    if before is not None and _ENDS_WITH_NUMBER.search(clause.text):
        unit = _AFTER_NUMBER.search(before.text)
        carried = unit["unit"] if unit else ""
    if before is not None and _units(before.text, claim) & _units(clause.text, claim):
        carried += f" {_HEAD.split(before.subject)[0]}"
    if clause.referred:
        carried += f" {_without_verb(clause.referred, subject_of(clause.referred))}"
    text = f"{clause.text} {carried}".rstrip()
    words = frozenset(token.word for token in tokens(text, language=claim.language) if not token.stop)
    return _Read(replace(clause, text=text), _terms(text, claim), words)


def _units(text: str, claim: Claim) -> set[str]:
    """Return the words right behind the numbers of a text."""
    read = tokens(text, language=claim.language)
    return {after.term for token, after in pairwise(read) if token.is_number and not after.is_number}


def _without_verb(text: str, subject: str) -> str:
    """Return a clause without its verbs and numbers, for what a pronoun after it may stand for."""
    _, _, rest = text[len(subject) :].strip().partition(" ")
    return re.sub(r"\d\S*|\b\w+ed\b", "", f"{subject} {rest}")


def _closest(wanted: dict[str, str], read: Sequence[_Read], piece: str, claim: Claim) -> _Read:
    """Return the clause that lacks the fewest of the wanted terms; that of the same subject among equals."""
    own = content_terms(subject_of(piece), language=claim.language)

    def distance(item: _Read) -> tuple[int, int, int]:
        subject = content_terms(item.clause.subject, language=claim.language)
        return (
            sum(item.lacks(term, word) for term, word in wanted.items()),
            sum(term not in item.terms for term in wanted),
            len(own ^ subject),
        )

    return min(read, key=distance)


def _denial_fault(claim: Claim, chosen: _Read) -> Fault | None:
    """Return the fault when exactly one of a claim and its clause denies what both say."""
    text = chosen.clause.text
    said = content_terms(claim.text, language=claim.language)
    own = [token for token in tokens(text, language=claim.language) if not token.stop]
    whole = _Read(Clause(claim.text), frozenset(said), frozenset(token.word for token in claim.tokens))
    shared = sum(not whole.lacks(token.term, token.word) for token in own)
    if count_denials(claim.text) % 2 == count_denials(text) % 2 or shared < _ALIKE * len(own):
        return None
    if denies_the_opposite(claim, [text]):
        return None
    return "contradicted", "one of the two denies what the other says"


def _subject_fault(claim: Claim, chosen: _Read, read: Iterable[_Read]) -> Fault | None:
    """Return the fault when a claim's subject is that of another clause: "dogs", and not "guide dogs"."""
    own = content_terms(subject_of(claim.text), language=claim.language)
    theirs = content_terms(chosen.clause.subject, language=claim.language)
    if not own < theirs:
        return None
    others = [item for item in read if item is not chosen]
    if any(content_terms(item.clause.subject, language=claim.language) == own for item in others):
        return "unclear", f"it is said of {chosen.clause.subject}"
    return None


def _resolved(claim: Claim, sentence: str) -> str:
    """Return a sentence as it applies to a claim about its exception: "nobody may row, except with lights" allows that.

    Only a denied rule is resolved, and only for a claim that has no exception itself.
    """
    match = EXCEPTION.search(sentence)
    if not match or EXCEPTION.search(claim.text) or count_denials(claim.text) > 1:
        return sentence
    rule = sentence[: match.start()]
    end = _CLAUSE_END.search(sentence, match.end())
    stop = end.start() if end else len(sentence)
    inner = content_terms(sentence[match.end() : stop], language=claim.language)
    said = {token.term for token in claim.tokens}
    if not denies(rule) or not inner or len(inner & said) < _NAMED * len(inner):
        return sentence
    last = list(_DENIAL.finditer(rule))[-1:]
    for denial in last:
        rule = rule[: denial.start()] + rule[denial.end() :]
    return f"{rule.rstrip(' ,')} {sentence[match.end() :].lstrip()}".strip() if last else sentence
