"""English function words by which clauses and phrases are told apart."""

from __future__ import annotations

from typing import Final

DETERMINERS: Final = frozenset(
    ("the", "a", "an", "its", "their", "his", "her", "our", "your", "my", "this", "these", "that", "those", "all")
) | {"each", "every", "no", "any", "both", "some"}
"""Words that begin a noun phrase."""
_PREPOSITION_WORDS: Final = """
about above after along at before below between by during for from in into of on onto over per to under until up with
within without
"""
PREPOSITIONS: Final = frozenset(_PREPOSITION_WORDS.split())
"""Words that begin a prepositional phrase."""
