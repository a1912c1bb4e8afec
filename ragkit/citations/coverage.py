"""Terms of a statement and of a passage -> what share is found, and whether one side denies what both state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ragkit.text.content_terms import ContentTerms

_PREFIX: Final = 5
_SCOPE_SHARE: Final = 0.5


def share_of(wanted: frozenset[str], held: frozenset[str]) -> float:
    """Return the share of terms that are found; terms with the same first five letters count as equal."""
    missing = wanted - held
    if not missing:
        return 1.0
    starts = {term[:_PREFIX] for term in held if len(term) >= _PREFIX}
    return 1 - sum(term[:_PREFIX] not in starts or term[0].isdigit() for term in missing) / len(wanted)


def denies_what_is_said(said: ContentTerms, window: Iterable[ContentTerms]) -> bool:
    """Return whether exactly one side negates what both state."""
    held = list(window)
    denied = [scope for item in held for scope in item.denied]
    terms = frozenset[str]().union(*(item.terms for item in held))
    return any(_meets(scope, terms) and not _both_deny(scope, denied) for scope in said.denied) or any(
        _meets(scope, said.terms) and not _both_deny(scope, said.denied) for scope in denied
    )


def _meets(scope: frozenset[str], terms: frozenset[str]) -> bool:
    return bool(scope) and len(scope & terms) / len(scope) >= _SCOPE_SHARE


def _both_deny(scope: frozenset[str], others: Iterable[frozenset[str]]) -> bool:
    """Return whether one of other denials denies the same: "does not refund the fare", "fares are not refunded"."""
    return any(_meets(scope, other) or _meets(other, scope) for other in others)
