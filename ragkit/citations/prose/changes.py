"""Former values in a source: "changed from 60 to 30 days", "instead of 60", "früher 60"."""

from __future__ import annotations

import re
from typing import Final

from ragkit.citations.table_check import Fault
from ragkit.citations.tokens import Claim, tokens

_VALUE: Final = r"(?P<old>[^.;:()]{0,24}?\d[\d.,'’]*(?:[^\W\d_]|[ %€$£.,'’-]|\d){0,24}?)"
_CHANGES: Final = (
    r"\b(?:chang|rais|rise|rose|lower|reduc|increas|decreas|cut|extend|shorten|fall|fell|drop|grew|grow|went|go(?:es|ne)?"
    r"|mov|adjust|updat|shr[aiu]nk|climb|slid|slip)\w*\b[^.;]{0,60}?\bfrom\s+" + _VALUE + r"\s+to\s",
    r"\b(?:instead of|rather than|no longer|not any more|used to be|formerly|previously|until then|earlier)\s+"
    r"(?:it was |they were |were |was )?" + _VALUE + r"(?=[\s.,;)]|$)",
    r"\bvon\s+" + _VALUE + r"\s+auf\s",
    r"\b(?:statt|anstelle von|nicht mehr|früher|bisher|zuvor|vormals)\s+" + _VALUE + r"(?=[\s.,;)]|$)",
)
_OLD: Final = tuple(re.compile(pattern, re.IGNORECASE) for pattern in _CHANGES)
_PAST: Final = re.compile(
    r"\b(?:from|was|were|had|been|did|before|until|earlier|former\w*|previous\w*|used to|old|instead|rather|longer"
    r"|changed|von|war|waren|hatte|statt|früher\w*|bisher\w*|zuvor|vormals|mehr)\b",
    re.IGNORECASE,
)


def old_value_fault(claim: Claim, text: str) -> Fault | None:
    """Return the fault when a claim states as current a number that the source gives as a former value only.

    A claim in words of the past, or of the change itself, may hold it.
    """
    if _PAST.search(claim.text):
        return None
    spans = [match.span("old") for pattern in _OLD for match in pattern.finditer(text)]
    if not spans:
        return None
    said = {token.term for token in claim.tokens if token.is_number}
    held = [token for token in tokens(text, language=claim.language) if token.is_number]
    old = {token.term for token in held if any(start <= token.start < end for start, end in spans)}
    now = {token.term for token in held if not any(start <= token.start < end for start, end in spans)}
    for number in sorted(said & old - now):
        return "contradicted", f"{number} is what it was before"
    return None
