"""How often something happens: "every quarter", "daily", "every three days"."""

from __future__ import annotations

import re
from typing import Final

from ragkit.citations.amounts.units import period_of
from ragkit.citations.tables.check import Fault
from ragkit.citations.tokens import Claim
from ragkit.text.content_terms import NUMBER_WORDS

_EVERY: Final = re.compile(
    r"\b(?:every|each)\s+(?:(?P<count>other|second|third|fourth|\d+|[a-z]+)\s+)?(?P<period>[a-z]+)\b", re.IGNORECASE
)
_ADVERB: Final = re.compile(
    r"\b(?P<period>hourly|daily|weekly|monthly|quarterly|yearly|annually)\b(?!\s+(?:rent|fee|rate|wage|allowance))",
    re.IGNORECASE,
)
_ORDINALS: Final = {"other": "2", "second": "2", "third": "3", "fourth": "4"}
_PERIODS: Final = {"quarter": "quarter", "quarters": "quarter", "quarterly": "quarter"}


def frequency_fault(claim: Claim, text: str) -> Fault | None:
    """Return the fault when a claim says how often something happens, and a text says that it happens otherwise."""
    ours, held = _frequencies(claim.text), _frequencies(text)
    if ours and held and not ours.keys() & held.keys():
        return "contradicted", f"it says {next(iter(held.values()))}"
    return None


def _frequencies(text: str) -> dict[tuple[str, str], str]:
    """Return each count of periods of a text, with the words for it."""
    found: dict[tuple[str, str], str] = {}
    for match in (*_EVERY.finditer(text), *_ADVERB.finditer(text)):
        word = match["period"].lower()
        period = _PERIODS.get(word) or period_of(word)
        count = (match.groupdict().get("count") or "1").lower()
        count = _ORDINALS.get(count) or NUMBER_WORDS.get(count) or count
        if period and count.isdigit():
            found[count, period] = match.group()
    return found
