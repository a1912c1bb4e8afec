"""Labels that tell things of one kind apart by a letter or a short number: plan B, annex C, class II."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from ragkit.citations.tables.check import Fault
from ragkit.citations.tokens import Claim, tokens

_LABEL: Final = re.compile(
    r"\b(?P<kind>[^\W\d_]{3,})[ \u00a0-](?P<mark>[A-Z]|[IVX]{2,4}|[A-Z]\d|\d{1,2}[a-z])(?![\w'’&])(?!\.\s?[A-Z])"
)
_PRONOUN: Final = "I"
_NO_KINDS: Final = frozenset(("the", "and", "for", "with", "from", "but", "that", "when", "then", "mit", "und"))


def label_fault(claim: Claim, text: str) -> Fault | None:
    """Return the fault when a claim names another thing of a kind than a text: "buffer A" for "buffer B"."""
    held: dict[str, set[str]] = {}
    for kind, mark in _labels(text, claim.language):
        held.setdefault(kind, set()).add(mark)
    for kind, mark in _labels(claim.text, claim.language):
        there = held.get(kind, {mark})
        if mark not in there:
            return "contradicted", f"it says {min(there).upper()}, not {mark.upper()}"
    return None


@lru_cache(maxsize=4_096)
def label_terms(text: str, *, language: str) -> frozenset[str]:
    """Return a term for each label of a text: "plan b" for "plans, of which Plan B"."""
    return frozenset(f"{kind} {mark}" for kind, mark in _labels(text, language))


def _labels(text: str, language: str) -> Iterator[tuple[str, str]]:
    """Yield the kind, as a stem, and the mark of each label of a text."""
    for match in _LABEL.finditer(text):
        kind = match["kind"].lower()
        if kind in _NO_KINDS or (match["mark"] == _PRONOUN and not match["kind"][0].isupper()):
            continue
        yield tokens(kind, language=language)[0].term, match["mark"].lower()
