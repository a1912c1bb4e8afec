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
    r"|less than|meist\w*|oft|manche\w*|einige|nur|wenn|außer)\b",
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
    r"|having|from|in|of)\s[^,;:.!?()\n]+)",
    re.IGNORECASE,
)
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
    return _unbounded_fault(claim, text) or _restricted_fault(claim, text) or _only_fault(claim, text)


def _unbounded_fault(claim: Claim, text: str) -> Fault | None:
    """Return the fault when a claim says "always" or "whatever" and names no bound, where its quote has one."""
    said, held = ALL.search(claim.text), _BOUNDS.search(text)
    if said and held and not (ALL.search(text) or _BOUNDS.search(claim.text)):
        return "unclear", f"it says {held.group()}, not {said.group()}"
    return None


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
