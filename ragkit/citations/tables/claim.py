"""A statement, prepared for the comparison with the rows and columns of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ragkit.citations.quantities import Comparison, comparisons
from ragkit.citations.tables.rows import Cell
from ragkit.citations.tokens import Token, runs, tokens

_LONG: Final = 4  # terms of a cell beyond which a claim may leave some of them out
_MOST: Final = 0.6
_NO_WORDS: Final = "no none never false n nein kein keine non aucun ninguno ✗ ✘ ×"
NO: Final = frozenset(_NO_WORDS.split()) | {"not available"}
"""Cells that deny what their column names."""
ANSWERS: Final = NO | frozenset(("yes", "true", "y", "✓", "✔", "ja", "oui", "sí", "si"))
"""Those, and cells that affirm it."""


@dataclass(frozen=True, slots=True)
class TableClaim:
    """A statement, read once for all rows. terms: content terms. runs: runs of figures. compared: its bounds."""

    tokens: tuple[Token, ...]
    terms: frozenset[str]
    runs: tuple[str, ...]
    compared: tuple[Comparison, ...]
    text: str

    def says(self, cell: Cell) -> bool:
        """Return whether it has a cell's value: all its terms and runs of figures, or most of a long cell's."""
        if not cell.runs <= set(self.runs):
            return False
        said = frozenset(token.term for token in self.tokens)  # a cell may be a stop word: "Car" in French
        return len(cell.terms & said) >= len(cell.terms) * (_MOST if len(cell.terms) > _LONG else 1)

    def place(self, terms: frozenset[str]) -> int | None:
        """Return the offset in its text of the only token with one of the terms; None for no token or several."""
        found = [token.start for token in self.tokens if token.term in terms]
        return found[0] if len(found) == 1 else None


def read_table_claim(statement: str, language: str) -> TableClaim:
    """Return a statement, read for the comparison with tables."""
    found = tuple(tokens(statement, language=language))
    return TableClaim(
        found,
        frozenset(token.term for token in found if not token.stop),
        tuple(runs(statement)),
        tuple(comparisons(statement)),
        statement,
    )
