"""Clauses that a statement adds to what its source says: a reason, a purpose, "plus", "even if", "regardless of"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ragkit.citations.prose.complements import alike
from ragkit.citations.tables.check import Fault
from ragkit.citations.tokens import Claim, tokens

_REASON: Final = re.compile(
    r"\b(?P<words>because(?: of)?|due to|owing to|since(?!\s*(?:\d|then|last))"
    r"|as a result of|thanks to|so that|in order to|on account of|plus|in addition to|as well as|along with"
    r"|even (?:if|when|though|after|before|without|on|in)|although|weil|wegen|damit|obwohl|auch wenn)\s+"
    r"(?P<clause>[^,;:.!?()\n]+)",
    re.IGNORECASE,
)
_CONCEDES: Final = re.compile(
    r"\b(?:even (?:if|when|though|without|after|before|on|in)|regardless|irrespective|whether or not|no matter"
    r"|without (?:asking|having|any|needing|the need)|auch wenn|unabhängig|ohne zu)\b",
    re.IGNORECASE,
)
_FREELY: Final = re.compile(
    r"\b(?:even|regardless|irrespective|whether|matter|also|although|though|despite|without|always|any|all|every|whatever"
    r"|except|unless|no|not|never|only|need not|auch|unabhängig|ohne|immer|alle\w*)\b",
    re.IGNORECASE,
)
_HELD: Final = 0.5  # of the words of an added clause, more than which the source must have


def added_fault(claim: Claim, quote: Sequence[str], others: Sequence[str], near: frozenset[str]) -> Fault | None:
    """Return the fault when a claim gives a reason or another thing of which most words are nowhere, or concedes
    something of which its quote says nothing; `unclear`.

    others: the passage's other sentences. near: terms of what stands above the quote.
    """
    text = " ".join(quote)
    for match in _REASON.finditer(claim.text):
        held = tokens("\n".join((text, *others)), language=claim.language)
        said = [token for token in tokens(match["clause"], language=claim.language) if not token.stop]
        there = [token for token in said if token.term in near or any(alike(token, item) for item in held)]
        if said and len(there) <= _HELD * len(said):
            return "unclear", f"it does not say {match.group()[:60]}"
    conceded = _CONCEDES.search(claim.text)
    if conceded and not _FREELY.search(text):
        return "unclear", f"it does not say {conceded.group().lower()}"
    return None
