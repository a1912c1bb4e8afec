"""The fault of a statement that has a "not" where its source has none, or the other way round."""

from __future__ import annotations

from ragkit.citations.quantities import count_denials, may_deny
from ragkit.citations.tables.check import Fault


def denial_fault(claim: str, text: str) -> Fault:
    """Return the fault of a claim that denies what a text says, or states what it denies.

    `contradicted` where the side without a "not" has no other word that may deny ("except", "waived"); else `unclear`.
    """
    other = text if count_denials(claim) > count_denials(text) else claim
    return "unclear" if may_deny(other) else "contradicted", "one of the two denies what the other says"


def may_agree(claim: str, text: str) -> bool:
    """Return whether a claim denies more or less than a text, and either has a word that may deny without a "not"."""
    return count_denials(claim) != count_denials(text) and may_deny(f"{claim} {text}")
