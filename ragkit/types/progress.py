"""The progress that adding documents reports while it runs, and the report at its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class AddProgress:
    """The state of an add: documents committed, chunks made and embedded, the last source and its outcome ("added",
    "changed" or "unchanged")."""

    documents: int
    chunks: int
    embedded: int
    source: str = ""
    outcome: str = ""


ProgressCallback = Callable[[AddProgress], None]
"""Called after each document and each slice of embedding, from whichever thread did it; must return soon."""


@dataclass(frozen=True, slots=True)
class AddReport:
    """The result of an add.

    embedded: texts that went through the model (the rest of `chunks` had vectors already). truncated: chunks over the
    model's limit, counted by its tokenizer after the fact; 0 by construction, and checked. seconds: time by stage
    ("parse" is the wait for the next document, "chunk", "embed", "write").
    """

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    chunks: int = 0
    embedded: int = 0
    truncated: int = 0
    pages: int = 0
    generation: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON shape of the report."""
        seconds = {name: round(value, 3) for name, value in self.seconds.items()}
        return {**{name: getattr(self, name) for name in self.__dataclass_fields__}, "seconds": seconds}
