"""How many chunks have each term: counted by who writes rows, kept beside them in pieces of text, joined by readers."""

from __future__ import annotations

import base64
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import CorruptError
from ragkit.index.lexical.chunk_terms import CONTENT_FIELDS, Terms

_PIECE: Final = 60_000
"""Characters of a piece, below the longest text of a row."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Counts of chunks, which may be negative in a part that takes deleted chunks off.

    terms: ascending. counts: int64 (n, fields), how many chunks have each in each of CONTENT_FIELDS.
    """

    terms: Sequence[str] = ()
    counts: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, len(CONTENT_FIELDS)), dtype=np.int64))

    @classmethod
    def joined(cls, parts: Iterable[Lexicon]) -> Lexicon:
        """Return the sum of some lexicons, without the terms that no chunk has."""
        held = list(parts)
        if len(held) == 1:
            return held[0]
        terms = sorted({term for part in held for term in part.terms})
        places = {term: at for at, term in enumerate(terms)}
        counts = np.zeros((len(terms), len(CONTENT_FIELDS)), dtype=np.int64)
        for part in held:
            counts[[places[term] for term in part.terms]] += part.counts
        there = np.flatnonzero(counts.any(axis=1))
        return cls([terms[place] for place in there.tolist()], counts[there])

    def containing(self, name: str, term: str) -> int:
        """Return how many chunks have a term in a content field."""
        place = bisect_left(self.terms, term)
        if place == len(self.terms) or self.terms[place] != term:
            return 0
        return int(self.counts[place, CONTENT_FIELDS.index(name)])

    def beginning(self, name: str, prefix: str) -> dict[str, int]:
        """Return the terms of a content field that begin with a prefix, with their number of chunks."""
        column = CONTENT_FIELDS.index(name)
        found: dict[str, int] = {}
        for place in range(bisect_left(self.terms, prefix), len(self.terms)):
            if not self.terms[place].startswith(prefix):
                break
            if self.counts[place, column]:
                found[self.terms[place]] = int(self.counts[place, column])
        return found

    def pieces(self) -> list[str]:
        """Return it as texts that fit into a row each: compressed, the counts first, then the terms."""
        body = self.counts.astype("<i8").tobytes() + "\n".join(self.terms).encode()
        head = len(self.terms).to_bytes(8, "little")
        text = base64.b64encode(zlib.compress(head + body)).decode("ascii")
        return [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]

    @classmethod
    def of_pieces(cls, pieces: Sequence[str]) -> Lexicon:
        """Return what `pieces` was called on. Raises CorruptError when a piece is missing or damaged."""
        try:
            body = zlib.decompress(base64.b64decode("".join(pieces), validate=True))
        except (ValueError, zlib.error) as error:
            raise CorruptError("the counts of terms in Milvus are damaged", cure="run: ragkit rebuild") from error
        count = int.from_bytes(body[:8], "little")
        end = 8 + 8 * count * len(CONTENT_FIELDS)
        counts = np.frombuffer(body[8:end], dtype="<i8").astype(np.int64)
        terms = str(body[end:], "utf-8").split("\n") if count else []
        if len(counts) != count * len(CONTENT_FIELDS) or len(terms) != count:
            raise CorruptError("the counts of terms in Milvus are damaged", cure="run: ragkit rebuild")
        return cls(terms, counts.reshape(count, len(CONTENT_FIELDS)))


class LexiconCounter:
    """Counts the terms of chunks as they are added and deleted."""

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = {}

    def count(self, terms: Terms, *, sign: int = 1) -> None:
        """Add a chunk, or, with a sign of -1, take it off."""
        for column, name in enumerate(CONTENT_FIELDS):
            for term in set(terms.of_field(name).split()):
                self._counts.setdefault(term, [0] * len(CONTENT_FIELDS))[column] += sign

    def lexicon(self) -> Lexicon:
        """Return what was counted."""
        there = sorted(term for term, counts in self._counts.items() if any(counts))
        rows = [self._counts[term] for term in there]
        return Lexicon(there, np.array(rows, dtype=np.int64).reshape(len(there), len(CONTENT_FIELDS)))
