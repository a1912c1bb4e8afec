"""Statement + sentence -> the part of the sentence that speaks of the same: one clause, with its exception resolved.

All other rules compare a statement with that part: "not" in one clause denies nothing in another, and what is said of
one subject supports nothing about the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations, zip_longest
from typing import Final

from ragkit.citations.amounts.labels import label_terms
from ragkit.citations.amounts.units import is_unit, period_of
from ragkit.citations.clauses.split import BACKWARD, Clause, clauses, subject_of
from ragkit.citations.denials import denial_fault
from ragkit.citations.meaning.antonyms import denies_the_opposite, opposites
from ragkit.citations.meaning.synonyms import are_synonyms, is_light
from ragkit.citations.prose.check import leans
from ragkit.citations.prose.conditions import CONDITION_ENDS
from ragkit.citations.prose.restated import restated
from ragkit.citations.quantities import count_denials, denies
from ragkit.citations.tables.check import Fault
from ragkit.citations.tokens import Claim, content_terms, read_claim, tokens
from ragkit.text.sentences import is_item

_NAMES: Final = re.compile(r"(?<=\s)[A-ZÄÖÜ][^\W\d_]+")
_PARTICLE: Final = re.compile(
    r"\b(?P<verb>[^\W\d_]{3,}(?:ed|s|t|n))\s(?P<particle>on|off|up|down|in|out)\b"
    r"(?=\s(?:in|at|by|from|when|if|on|before|after|every|and|or)\b|[.,;!]|$)",
    re.IGNORECASE,
)
_OTHERS: Final = re.compile(r"\bothers?\b", re.IGNORECASE)
_TOLD: Final = 2  # terms that a statement and a sentence share before its clauses are told apart
_ALIKE: Final = 0.6  # of a clause's terms that a statement must have before their denials are compared
_PREFIX: Final = 5

Words = Mapping[str, str]
"""The telling terms of a text, each with a word that it stands for: content terms, and labels ("plan b")."""


@dataclass(frozen=True, slots=True)
class Focus:
    """What of a sentence speaks of the same as a statement. text: that part. fault: why it does not, or None."""

    text: str
    fault: Fault | None = None


@dataclass(slots=True)
class _Part:
    """A clause, and what it alone has of its sentence: the terms of its subject, its verb and the rest.

    said: those of them that the statement has.
    """

    clause: Clause
    subject: Words
    verb: Words
    rest: Words
    said: set[str] = field(default_factory=set)

    def has(self, *parts: Words) -> bool:
        """Return whether the statement has a term of one of the parts."""
        return any(self.said & part.keys() for part in parts)

    @property
    def telling(self) -> Words:
        """What of its rest tells it from others: names and numbers, or all where there are none."""
        words = {word.lower() for word in _NAMES.findall(self.clause.text)}
        named = {term: word for term, word in self.rest.items() if word in words or term[:1].isdigit()}
        return named or self.rest

    @property
    def share(self) -> float:
        """The share of its subject that the statement has, 0 to 1."""
        return len(self.said & self.subject.keys()) / max(1, len(self.subject))


def focus(claim: Claim, sentence: str) -> Focus:
    """Return the clause of a sentence that a claim is about, or the sentence where it is about several.

    It has a fault where the claim gives the subject of one clause what is said of another's, joins the verb of one with
    the object of another, or denies what its clause says.
    """
    text = restated(claim, sentence)
    found = clauses(text)
    said = _telling(claim.text, claim)
    if len(found) < 2 or len(said.keys() & _telling(text, claim).keys()) < _TOLD:
        return Focus(text, _denial_fault(claim, text) if text != sentence else None)
    crossed = _crossed_fault(claim, sentence)
    if crossed:
        return Focus(text, crossed)
    parts = _parts(claim, said, found)
    touched = [part for part, after in zip_longest(parts, parts[1:]) if part.said and not _leads(part, after)]
    torn = next(
        (fault for one, other in permutations(touched, 2) if (fault := _torn_fault(claim, one, other, together=True))),
        None,
    )
    if torn or len(touched) != 1 or CONDITION_ENDS.search(text):
        return Focus(text, torn)
    (part,) = touched
    fault = _denial_fault(claim, part.clause.text) or _subject_fault(claim, part, parts)
    named = f"{subject_of(part.clause.referred)} {part.clause.text}".strip()
    return Focus(named, fault)


def _crossed_fault(claim: Claim, sentence: str) -> Fault | None:
    """Return the fault of a clause of a claim of several, as a claim of its own: two of them may swap what is said."""
    own = clauses(claim.text)
    if len(own) < 2:
        return None
    each = (read_claim(clause.text, claim.language) for clause in own)
    return next((fault for item in each if (fault := focus(item, sentence).fault)), None)


def agreed_terms(claim: Claim, quote: Sequence[str]) -> frozenset[str]:
    """Return the terms of a claim that its quote says in other words: by a synonym, or by a denied antonym."""
    text = " ".join(quote)
    words = {token.word for token in tokens(text, language=claim.language)}
    denied = {found.said for found in opposites(claim, quote) if found.denied}
    alike = count_denials(claim.text) % 2 == count_denials(text) % 2
    return frozenset(
        token.term
        for token in claim.tokens
        if token.word in denied or (alike and not token.stop and any(are_synonyms(token.word, word) for word in words))
    )


def torn_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return the fault when a claim joins what different sentences say of different things.

    A sentence that depends on the one before it may share that one's words.
    """
    if len(quote) < 2:
        return None
    found: list[tuple[int, Clause]] = []
    for at, sentence in enumerate(quote):
        refers = BACKWARD.search(sentence) or (leans(sentence) and not is_item(sentence))
        referred = quote[at - 1] if at and refers else ""
        found += [(at, replace(item, referred=item.referred or referred)) for item in clauses(sentence)]
    parts = _parts(claim, _telling(claim.text, claim), [clause for _, clause in found])
    touched = [(at, part) for (at, _), part in zip(found, parts, strict=True) if part.said]
    for (at, one), (place, other) in permutations(touched, 2):
        fault = _torn_fault(claim, one, other) if at != place else None
        if fault:
            return fault
    return None


def _telling(text: str, claim: Claim) -> dict[str, str]:
    found = {
        token.term: token.word
        for token in tokens(text, language=claim.language)
        if not token.stop and token.term not in claim.implied and not is_light(token.word)
    }
    marked = {*label_terms(text, language=claim.language), *_particle_verbs(text, claim.language)}
    return found | {term: term for term in marked}


def _particle_verbs(text: str, language: str) -> Iterator[str]:
    """Yield a term for each verb whose particle decides its meaning: "turn off" of "is turned off in April"."""
    for match in _PARTICLE.finditer(text):
        yield f"{tokens(match['verb'], language=language)[0].term} {match['particle'].lower()}"


def _leads(part: _Part, after: _Part | None) -> bool:
    """Return whether a statement only has the subject of a clause, for which the next one has a pronoun."""
    return after is not None and bool(after.clause.referred and after.said) and not part.has(part.verb, part.rest)


def _parts(claim: Claim, said: dict[str, str], found: Sequence[Clause]) -> list[_Part]:
    whole = [_telling(clause.text, claim) for clause in found]
    light = {token.term: token.word for token in claim.tokens if is_light(token.word)}
    parts: list[_Part] = []
    for clause, own in zip(found, whole, strict=True):
        others = [terms for terms in whole if terms is not own]
        alone = {term: word for term, word in own.items() if not any(_has(terms, term, word) for terms in others)}
        subject = _telling(clause.subject, claim)
        verb = _telling(clause.verb, claim)
        if sum(item.subject == clause.subject for item in found) > 1 and is_light(clause.verb):
            verb = {token.term: token.word for token in tokens(clause.verb, language=claim.language)}
            alone |= verb
        part = _Part(
            clause,
            {term: word for term, word in alone.items() if term in subject},
            {term: word for term, word in alone.items() if term in verb and term not in subject},
            {term: word for term, word in alone.items() if term not in verb and term not in subject},
        )
        part.said.update(term for term, word in alone.items() if _has(said | light, term, word))
        part.said.update(_denied(claim, clause.text, alone))
        parts.append(part)
    return parts


def _denied(claim: Claim, text: str, alone: Words) -> Iterator[str]:
    """Yield the terms of a clause that a claim says by a denied antonym: "not required" for "optional"."""
    for found in opposites(claim, [text]):
        if found.denied:
            yield from (term for term, word in alone.items() if word == found.held)


def _has(terms: Words, term: str, word: str) -> bool:
    """Return whether a term, a longer form of it or a synonym of its word is among terms."""
    if term in terms or any(are_synonyms(word, other) for other in terms.values()):
        return True
    long = len(term) >= _PREFIX and not term[0].isdigit() and " " not in term
    return long and any(other.startswith(term[:_PREFIX]) for other in terms if len(other) >= _PREFIX)


def _torn_fault(claim: Claim, one: _Part, other: _Part, *, together: bool = False) -> Fault | None:
    """Return the fault when a claim joins the subject, or the verb, of one clause with what another clause says.

    together: whether they are clauses of one sentence, parts of which are not mixed either.
    """
    beside = other.has(other.verb, other.rest)
    own = one.has(one.verb, one.rest)
    apart = bool(one.verb or one.rest or other.subject)
    rivals = other.clause.subject not in ("", one.clause.subject) and not other.clause.referred
    given = one.share > other.share and beside and rivals and ((apart and not own) or _takes_number(one, other))
    subjects = one.share and other.share and not beside and not own
    joined = (
        one.has(one.verb)
        and other.has(other.rest)
        and bool(other.verb)
        and not one.has(one.subject, one.telling)
        and not one.clause.referred
        and not other.has(other.verb)
    )
    of_others = bool(one.share and beside and _OTHERS.search(other.clause.subject) and not denies(claim.text))
    if given or subjects or joined or of_others or (_mixes(one, other) if together else _leave_numbers(one, other)):
        stated = [token.word for token in claim.tokens if token.term in other.said]
        return "unclear", f"{(stated or ['it'])[0]} is said in another clause"
    return None


def _mixes(one: _Part, other: _Part) -> bool:
    """Return whether a statement has a part of what each of two clauses alone says, and leaves a part of each out.

    "Films are lent for four weeks" of "Books are lent for four weeks and films for one week".
    """
    return _is_half_said(one, other) and _is_half_said(other, one)


def _is_half_said(part: _Part, beside: _Part) -> bool:
    """Return whether a statement has a part of what a clause alone says; units do not count, nor, beside a clause with
    a pronoun, what may stand for it."""
    own = {*part.subject, *(part.telling if beside.clause.referred else part.rest)}
    own -= {term for term, word in part.rest.items() if is_unit(word) or period_of(word)}
    return bool(own & part.said and own - part.said)


def _leave_numbers(*parts: _Part) -> bool:
    """Return whether a statement has one of each clause's own numbers, and another one not."""
    numbers = [{term for term in part.rest if term[:1].isdigit()} for part in parts]
    return all(own & part.said and own - part.said for own, part in zip(numbers, parts, strict=True))


def _takes_number(one: _Part, other: _Part) -> bool:
    """Return whether a statement has a number of another clause, and of this clause only what else it says."""
    numbers = {term for term in one.rest if term[:1].isdigit()}
    return (
        bool(numbers) and not numbers & one.said and any(term[:1].isdigit() for term in other.said & other.rest.keys())
    )


def _denial_fault(claim: Claim, text: str) -> Fault | None:
    """Return the fault when exactly one of a claim and its clause denies what both say."""
    said = {token.term: token.word for token in claim.tokens if not token.stop}
    own = [token for token in tokens(text, language=claim.language) if not token.stop]
    shared = sum(_has(said, token.term, token.word) for token in own)
    if count_denials(claim.text) % 2 == count_denials(text) % 2 or shared < _ALIKE * len(own):
        return None
    return None if denies_the_opposite(claim, [text]) else denial_fault(claim.text, text)


def _subject_fault(claim: Claim, chosen: _Part, parts: Iterable[_Part]) -> Fault | None:
    """Return the fault when a claim's subject is that of another clause: "dogs", and not "guide dogs"."""
    own = content_terms(subject_of(claim.text), language=claim.language)
    theirs = content_terms(chosen.clause.subject, language=claim.language)
    if not own < theirs:
        return None
    others = [part for part in parts if part is not chosen]
    if any(content_terms(part.clause.subject, language=claim.language) == own for part in others):
        return "unclear", f"it is said of {chosen.clause.subject}"
    return None
