"""Words that reverse a statement: "unused" for "used", "outside" for "within", a negated verb, an exception."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ragkit.citations.amounts.changes import has_former_value
from ragkit.citations.amounts.units import is_unit
from ragkit.citations.quantities import denials, denies
from ragkit.citations.tables.check import Fault
from ragkit.citations.tokens import Claim, content_terms, tokens

_PREFIXES: Final = ("un", "non", "ir", "im", "il", "nicht")
_IN_WORDS: Final = frozenset(
    [
        "accurate",
        "active",
        "adequate",
        "applicable",
        "complete",
        "consistent",
        "correct",
        "dependent",
        "direct",
        "eligible",
        "flexible",
        "formal",
        "frequent",
        "secure",
        "sufficient",
        "valid",
        "visible",
    ]
)
_DIS_WORDS: Final = frozenset(
    ["agree", "allow", "allowed", "approve", "approved", "connected", "continued", "satisfied", "similar"]
)
_LEAST: Final = 4  # letters of a word that a prefix may turn round
_RELATIONS: Final = tuple(
    (frozenset(asked.split()), frozenset(f"{asked} {others}".split()))
    for asked, others in (
        ("outside außerhalb", "elsewhere beyond abroad hors fuera"),
        ("without except excluding ohne außer", "unless excepted free less besides apart sans sin"),
        ("before prior vor bevor", "earlier until till preceding ahead by vorher bis avant antes"),
        ("after nach nachdem", "following later since once upon subsequent subsequently then when ab seit après"),
    )
)
"""Words of a statement that require one of several words in its source: (required by, one of)."""
EXCEPTION: Final = re.compile(
    r"\b(?:unless|except(?: for| if| when| in)?|excluding|other than|apart from"
    r"|außer(?: wenn)?|es sei denn|sauf|salvo)\b",
    re.IGNORECASE,
)
"""Words that begin an exception."""
_ANY: Final = re.compile(r"\b(?:any|one|either|at least one) of\b|\beiner? der\b", re.IGNORECASE)
_ALL: Final = re.compile(r"\b(?:all|each|both) of\b|\balle(?:r)? der\b", re.IGNORECASE)
_INSTEAD: Final = re.compile(r"\b(?:instead of|rather than|anstatt|anstelle von|statt|au lieu de)\b", re.IGNORECASE)
_SIDE: Final = 2  # content words on each side of "instead of" that are set against each other
_CONTRAST: Final = re.compile(r"[,;]\s+(?:but|while|whereas|however|aber|sondern|jedoch)\s", re.IGNORECASE)
_FREE: Final = re.compile(
    r"\b(?:free of charge|for free|for nothing|(?:without|at no|no)\s(?:extra |additional )?(?:charges?|costs?|fees?)"
    r"|kostenlos|kostenfrei|gratis|ohne (?:Kosten|Gebühr)|gratuite?(?:ment)?)\b",
    re.IGNORECASE,
)
_PAID: Final = re.compile(
    r"\b(?:pay|pays|paid|paying|charges?|charged|fees?|costs?|bezahl\w*|zahl(?:t|en)|kostet|gebühr\w*)\b", re.IGNORECASE
)
_CLAUSE_END: Final = re.compile(r"[.;:!?()\n]|,\s")
_CLAUSE_SHARE: Final = 0.75  # of the terms of an exception that a claim must have to be about it
_DENIED_REACH: Final = 4  # words after a denial among which the first content word is what it denies


def turned_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return the fault when one word of a claim reverses the meaning of the quote; None where no word does."""
    return (
        _prefix_fault(claim, quote)
        or _denied_fault(claim, quote)
        or _contrast_fault(claim, quote)
        or _exception_fault(claim, quote)
        or _choice_fault(claim, quote)
        or _instead_fault(claim, quote)
        or _relation_fault(claim, quote)
        or _charge_fault(claim, quote)
    )


def _prefix_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    said = {token.word for token in claim.tokens if not token.stop}
    held = {token.word for text in quote for token in tokens(text, language=claim.language) if not token.stop}
    for one, other in ((said, held), (held, said)):
        for word in sorted(one - other):
            if word not in other and any(turned in other and turned not in one for turned in _turned(word)):
                return "contradicted", f"it says {_shown(word, held)}, not {_shown(word, said)}"
    return None


def _turned(word: str) -> list[str]:
    """Return the words that negate a word by a prefix ("unused" for "used")."""
    if len(word) < _LEAST:
        return []
    turned = [prefix + word for prefix in _PREFIXES]
    return turned + ["in" + word] * (word in _IN_WORDS) + ["dis" + word] * (word in _DIS_WORDS)


def _shown(word: str, words: set[str]) -> str:
    return next((form for form in (word, *_turned(word)) if form in words), word)


def _charge_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return the fault when a claim says that something is paid which its quote gives free of charge."""
    text = " ".join(quote)
    free = _FREE.search(text)
    if (
        free
        and not denies(claim.text)
        and _PAID.search(_FREE.sub(" ", claim.text))
        and not _PAID.search(_FREE.sub(" ", text))
    ):
        return "contradicted", f"it says {free.group().lower()}"
    return None


def _denied_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    if denies(claim.text) or EXCEPTION.search(claim.text):
        return None
    said = {token.term for token in claim.tokens if not token.stop}
    denied, free = set[str](), set[str]()
    for text in quote:
        own = _denied_terms(text, claim.language)
        denied |= own
        free |= content_terms(text, language=claim.language) - own
    for term in sorted((denied - free) & said):
        return "contradicted", f"it denies {term}"
    return None


def _denied_terms(text: str, language: str) -> set[str]:
    """Return the first content term after each negation, within its clause."""
    found = set[str]()
    read = tokens(text, language=language)
    for end in denials(text):
        after = [token for token in read if token.start >= end][:_DENIED_REACH]
        first = next((token for token in after if not token.stop and not token.is_number), None)
        if first is not None and not _CLAUSE_END.search(text, end, first.start):
            found.add(first.term)
    return found


def _contrast_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return the fault when a claim is about the thing that a sentence contrasts: "…, but your phone may not be"."""
    if denies(claim.text):
        return None
    said = {token.term for token in claim.tokens if not token.stop}
    for text in quote:
        first, *rest = _CONTRAST.split(text)
        main = {token.term for token in tokens(first, language=claim.language)}
        for part in rest:
            own = content_terms(part, language=claim.language)
            apart = (own & said) - main
            if denies(part) and apart and len(own - said) <= 1:
                return "contradicted", f"it denies that of {min(apart)}"
    return None


def _exception_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return the fault when a claim applies to the exception what a sentence says of everything else."""
    if EXCEPTION.search(claim.text):
        return None
    said = {token.term for token in claim.tokens if not token.stop}
    for text in quote:
        for match in EXCEPTION.finditer(text):
            end = _CLAUSE_END.search(text, match.end())
            clause = text[match.end() : end.start() if end else len(text)]
            inner = content_terms(clause, language=claim.language)
            rule = text[: match.start()]
            is_said = bool(inner) and len(inner & said) >= _CLAUSE_SHARE * len(inner)
            if is_said and denies(claim.text) == denies(rule) and said & content_terms(rule, language=claim.language):
                return "contradicted", f"that is its exception: {match.group()} {clause.strip()[:60]}"
    return None


def _choice_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return the fault when a claim requires any of several things and the quote all of them, or the reverse."""
    text = " ".join(quote)
    for asked, other in ((_ANY, _ALL), (_ALL, _ANY)):
        said, held = asked.search(claim.text), other.search(text)
        if said and held and not other.search(claim.text) and not asked.search(text):
            return "contradicted", f"it says {held.group().lower()}, not {said.group().lower()}"
    return None


def _instead_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return the fault when a claim states the alternative that a sentence rules out with "instead of"."""
    if _INSTEAD.search(claim.text) or denies(claim.text):
        return None
    said = {token.term for token in claim.tokens if not token.stop}
    for text in quote:
        for match in _INSTEAD.finditer(text):
            read = [token for token in tokens(text, language=claim.language) if not token.stop]
            before = {token.term for token in [item for item in read if item.start < match.start()][-_SIDE:]}
            after = {token.term for token in [item for item in read if item.start >= match.end()][:_SIDE]}
            named = (after - before) & said
            if named and not (before - after) & said:
                return "contradicted", f"it says so {match.group().lower()} {min(named)}"
    return None


def _relation_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return the fault when a claim says "outside", "after" or "without", and the quote has no such word.

    "30 days after delivery" only says where a span begins.
    """
    spans = {at for at, token in enumerate(claim.tokens) if at and is_unit(claim.tokens[at - 1].word)}
    said = {token.word for at, token in enumerate(claim.tokens) if at not in spans}
    held = {token.word for text in quote for token in tokens(text, language=claim.language)}
    held |= {"before"} if has_former_value(" ".join(quote)) else set()
    for asking, answering in _RELATIONS:
        wanted = said & asking
        if wanted and not held & answering:
            return "unclear", f"it does not say {min(wanted)}"
    return None
