"""Qualifiers that a statement widens: "all" for "most", "worldwide" for "in Europe", "four days" for working days."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ragkit.citations.amounts.units import is_unit
from ragkit.citations.quantities import ALL, denies
from ragkit.citations.tables.check import Fault
from ragkit.citations.tokens import Claim, Token, content_terms, tokens

_EVERYWHERE: Final = re.compile(
    r"\b(?:worldwide|everywhere|anywhere|globally|(?:any|every|all) (?:country|countries|regions?|places?)"
    r"|(?:around|throughout) the world|weltweit|überall)\b",
    re.IGNORECASE,
)
_AS_ALL: Final = re.compile(
    r"\b(?:each|no|none|never|nobody|only|per|general|without|otherwise|free(?:ly)?|permanent\w*|constant\w*|continuous\w*"
    r"|24/7|round the clock|anytime|full|entire|total|complete|fully|automatically|must|may not|as often)\b",
    re.IGNORECASE,
)
"""Words that say of a whole group, in other words, what "all" says."""
_HEDGED: Final = re.compile(
    r"\b(?:usually|mostly|mainly|often|sometimes|normally|generally|typically|rarely|as a rule|in most cases|some|most"
    r"|many|several|partly|occasionally|almost|nearly|if|unless|except|only|provided|under|above|below|more than"
    r"|less than|waived?|exceptions?|apart from"
    r"|other than|but not|eligible|selected|certain"
    r"|meist\w*|oft|manche\w*|einige|nur|wenn|außer)\b",
    re.IGNORECASE,
)
_PERIOD: Final = r"(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?)"
_BOUNDS: Final = re.compile(
    r"\b(?:up to|at (?:least|most)|below|above|over|under|less|more than|within|if|unless|except|only|when|provided|who"
    rf"|with|first|some|most|part|half|selected|certain|for (?:the )?\w+ {_PERIOD})\b",
    re.IGNORECASE,
)
"""Words that bound what is said, in amount, time or kind."""
_PLACED: Final = re.compile(r"\b(?:within|inside|in|throughout|across|innerhalb)\s+(?:the\s+)?[A-ZÄÖÜ]\w+")
_ALL_OF: Final = re.compile(
    r"\b(?:all|every|any|each)\s+(?:of\s+)?(?:the\s+|our\s+)?(?P<kind>[^\W\d_]{3,})", re.IGNORECASE
)
_RESTRICTED: Final = re.compile(
    r"\b(?P<kind>[^\W\d_]{3,})\s+(?P<clause>(?:who|that|which|whose|with|without|aged|over|under|older|younger|holding"
    r"|having|from|in|of|on|at|for|within|inside|outside|beyond|abroad|costing|staying|living|working|wearing|carrying)\s[^,;:.!?()\n]+)",
    re.IGNORECASE,
)
_EVERYONE: Final = re.compile(
    r"\b(?:every(?:one|body)|any(?:one|body)|jedermann)\b(?!\s+(?:who|with|that|else))", re.IGNORECASE
)
_ANYBODY: Final = re.compile(
    r"\b(?:every\w*|any\w*|all|public|each|no ?body|no one|no|none|whoever|people|you|jede\w*|alle\w*|niemand)\b",
    re.IGNORECASE,
)
_EACH: Final = re.compile(r"\b(?:each|no|none|per|whole|entire|only)\b", re.IGNORECASE)
_ALL_OTHERS: Final = re.compile(r"\b(?:all|every|any)?\s*(?:the\s+)?other\s+(?P<kind>[^\W\d_]{3,})", re.IGNORECASE)
_ONLY: Final = re.compile(
    r"\s*(?:only|solely|exclusively|nur|ausschließlich|seulement|solo)\s+(?!if|when|wenn)", re.IGNORECASE
)
"""A statement of what nothing else is or does."""
_RESTRICTS: Final = re.compile(
    r"\b(?:only|solely|exclusively|except|unless|sole|single|just|merely|alone|restricted|limited|reserved|must|required"
    r"|requires?|needs?|at most|no more|up to|maximum|if|provided|one|first|last|nur|sonst|außer|until)\b",
    re.IGNORECASE,
)
_KINDS: Final = tuple(
    frozenset(group.split())
    for group in (
        "working business trading calendar consecutive full half school",
        "gross net",
        "square cubic nautical",
    )
)


def widened_fault(claim: Claim, quote: Sequence[str]) -> Fault | None:
    """Return the fault when a claim says of all, always or everywhere what its quote restricts; `unclear`.

    The quote has no such word itself, and has one that restricts: "most", "usually", "if", or a place ("within the
    European Union").
    """
    if denies(claim.text):
        return None
    text = " ".join(quote)
    for asked, restricted, alike in ((_EVERYWHERE, _PLACED, _EVERYWHERE), (ALL, _HEDGED, _AS_ALL)):
        said, held = asked.search(claim.text), restricted.search(text)
        if said and held and not asked.search(text) and not alike.search(text):
            return "unclear", f"it says {held.group()}, not {said.group()}"
    return (
        _unbounded_fault(claim, text)
        or _everyone_fault(claim, text)
        or _others_fault(claim, text)
        or _restricted_fault(claim, text)
        or _kind_of_fault(claim, text)
        or _only_fault(claim, text)
    )


def _unbounded_fault(claim: Claim, text: str) -> Fault | None:
    """Return the fault when a claim says "always" or "whatever" and names no bound, where its quote has one."""
    said, held = ALL.search(claim.text), _BOUNDS.search(text)
    if said and held and not (ALL.search(text) or _BOUNDS.search(claim.text)):
        return "unclear", f"it says {held.group()}, not {said.group()}"
    return None


def _everyone_fault(claim: Claim, text: str) -> Fault | None:
    """Return the fault when a claim says of everyone what its quote says of nobody in general."""
    said = _EVERYONE.search(claim.text)
    return ("unclear", f"it does not say {said.group().lower()}") if said and not _ANYBODY.search(text) else None


def _others_fault(claim: Claim, text: str) -> Fault | None:
    """Return the fault when a claim says of all things of a kind what its quote says of all others."""
    others = _ALL_OTHERS.search(text)
    if others is None or "other" in claim.text.lower():
        return None
    kind = {token.term for token in tokens(others["kind"])}
    said = {token.term for match in _ALL_OF.finditer(claim.text) for token in tokens(match["kind"])}
    return ("unclear", f"it says so of {others.group()} only") if kind & said else None


def _kind_of_fault(claim: Claim, text: str) -> Fault | None:
    """Return the fault when a claim says of all things of a kind what its quote says of one sort: "lemon sorbets"."""
    said = {token.term for token in claim.tokens}
    kinds = {token.term for match in _ALL_OF.finditer(claim.text) for token in tokens(match["kind"])}
    read = tokens(text, language=claim.language)
    places = [at for at, token in enumerate(read) if token.term in kinds]
    if not places or ALL.search(text) or _EACH.search(text):
        return None
    sorts = [read[at - 1] if at else None for at in places]
    narrow = [
        sort
        for sort in sorts
        if sort is not None and not sort.stop and sort.term not in said and not _apart(text, sort)
    ]
    return ("unclear", f"it says so of {narrow[0].word} only") if len(narrow) == len(sorts) else None


def _apart(text: str, token: Token) -> bool:
    """Return whether a mark stands behind a token, so that it belongs to another phrase than the next word."""
    return text[token.start + len(token.word) :][:1] in {",", ".", ";", ":", "(", "!", "?", "\n"}


def _restricted_fault(claim: Claim, text: str) -> Fault | None:
    """Return the fault when a claim says of all things of a kind what its quote says of some of them.

    The quote restricts them by a relative clause or another word that the claim lacks: "members who passed the test".
    """
    said = {token.term for token in claim.tokens}
    kinds = {token.term for match in _ALL_OF.finditer(claim.text) for token in tokens(match["kind"])}
    if not kinds or ALL.search(text) or _AS_ALL.search(text):
        return None
    for match in _RESTRICTED.finditer(text):
        own = content_terms(match["clause"], language=claim.language)
        if own and not own & said and {token.term for token in tokens(match["kind"])} & kinds:
            return "unclear", f"it says so of {match['kind']} {match['clause'].strip()[:60]} only"
    return None


def _only_fault(claim: Claim, text: str) -> Fault | None:
    """Return the fault when a claim says "only", and its quote neither restricts nor denies anything."""
    said = _ONLY.match(claim.text)
    if said and not (_RESTRICTS.search(text) or denies(text)):
        return "unclear", f"it does not say {said.group().strip().lower()}"
    return None


def kind_fault(claim: Claim, text: str) -> Fault | None:
    """Return the fault when a number's unit has another kind than in the text: "four days" for "four working days"."""
    held: dict[str, set[str]] = {}
    for number, kind in _kinds(tokens(text, language=claim.language)):
        held.setdefault(number, set()).add(kind)
    for number, kind in _kinds(claim.tokens):
        there = held.get(number, {kind})
        if kind not in there:
            return "unclear", f"it says {number} {min(there)}, not {number} {kind}".replace("  ", " ")
    return None


def _kinds(read: Sequence[Token]) -> list[tuple[str, str]]:
    """Return each number that a unit follows, with the word between them that names the kind of unit, or ""."""
    found: list[tuple[str, str]] = []
    for at, token in enumerate(read[:-1]):
        after = read[at + 1 : at + 3]
        if not token.is_number:
            continue
        if is_unit(after[0].word):
            found.append((token.term, ""))
        elif len(after) > 1 and is_unit(after[1].word):
            kind = next((after[0].word for group in _KINDS if after[0].word in group), "")
            found.append((token.term, kind))
    return found
