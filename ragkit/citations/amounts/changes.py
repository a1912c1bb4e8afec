"""Former values in a source: "changed from 60 to 30 days", "instead of 60", "früher 60"."""

from __future__ import annotations

import re
from typing import Final

from ragkit.citations.quantities import SPELT_NUMBERS
from ragkit.citations.tables.check import Fault
from ragkit.citations.tokens import Claim, tokens

_VALUE: Final = (
    rf"(?P<old>[^.;:()]{{0,24}}?(?:\d[\d.,'’]*|\b(?:{SPELT_NUMBERS})\b)(?:[^\W\d_]|[ %€$£.,'’-]|\d){{0,24}}?)"
)
_CHANGES: Final = (
    r"\b(?:chang|rais|rise|rose|lower|reduc|increas|decreas|cut|extend|shorten|fall|fell|drop|grew|grow|went|go(?:es|ne)?"
    r"|mov|adjust|updat|shr[aiu]nk|climb|slid|slip)\w*\b[^.;]{0,60}?\bfrom\s+" + _VALUE + r"\s+to\s",
    r"\b(?:instead of|rather than|no longer|not any more|used to be|formerly|previously|until then|earlier)\s+"
    r"(?:it was |they were |were |was )?" + _VALUE + r"(?=[\s.,;)]|$)",
    r"\((?:was|were|before|previously|formerly|earlier|up from|down from|used to be|so far|old|vorher|bisher|früher"
    r"|zuvor):?\s+" + _VALUE + r"\)",
    r"\b(?:was|were)\s+" + _VALUE + r"\s(?:until|before|till|up to|in (?=\d{4}))",
    r"\bup to now\s+" + _VALUE + r"(?=[\s.,;)]|$)",
    r"\bvon\s+" + _VALUE + r"\s+auf\s",
    r"\b(?:statt|anstelle von|nicht mehr|früher|bisher|zuvor|vormals)\s+" + _VALUE + r"(?=[\s.,;)]|$)",
)
_OLD: Final = tuple(re.compile(pattern, re.IGNORECASE) for pattern in _CHANGES)
_PAST: Final = re.compile(
    r"\b(?:from(?=.{1,40}\sto\s)|was|were|had|been|did|before|until|"
    r"earlier|former\w*|previous\w*|used to|old|instead|rather|longer"
    r"|changed|von|war|waren|hatte|statt|früher\w*|bisher\w*|zuvor|vormals|mehr)\b",
    re.IGNORECASE,
)

_FORMER: Final = re.compile(
    r"^(?:before|until|previously|formerly|earlier|bis|früher|bisher)\b|\b(?:used to be|was formerly|was previously)\b",
    re.IGNORECASE,
)
"""Words of a statement about a former value."""


def old_value_fault(claim: Claim, text: str) -> Fault | None:
    """Return the fault when a claim states as current a number that the source gives as a former value only.

    A claim in words of the past, or of the change itself, may hold it.
    """
    old, now = _values(text, claim.language)
    said = {token.term for token in claim.tokens if token.is_number}
    if not old:
        return None
    if _FORMER.search(claim.text):
        stated = sorted(said & now - old) if not said & old else []
        return ("contradicted", f"{stated[0]} is what it is now") if stated and len(said) > 1 else None
    if _PAST.search(claim.text):
        return None
    for number in sorted(said & old - now):
        return "contradicted", f"{number} is what it was before"
    return None


def has_former_value(text: str) -> bool:
    """Return whether a text gives a value that something had before."""
    return any(pattern.search(text) for pattern in _OLD)


def _values(text: str, language: str) -> tuple[set[str], set[str]]:
    """Return the numbers of a text that are former values, and the others."""
    spans = [match.span("old") for pattern in _OLD for match in pattern.finditer(text)]
    held = [token for token in tokens(text, language=language) if token.is_number] if spans else []
    old = {token.term for token in held if any(start <= token.start < end for start, end in spans)}
    return old, {token.term for token in held if not any(start <= token.start < end for start, end in spans)}
