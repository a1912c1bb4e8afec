"""Which revision of a collection its rows in Milvus are: one value, written last and as a whole.

A value names the parts of the lexicon that belong to it. So of two processes that bring the rows up at once, either's
value describes a whole state: rows are written by chunk id, and a chunk never changes.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from ragkit.errors import CorruptError
from ragkit.index.milvus.lexicon import Lexicon
from ragkit.index.milvus.rows import TenantRows

_FORMAT: Final = 1
_STATE: Final = "state"


@dataclass(frozen=True, slots=True)
class State:
    """The rows of a revision.

    averages: mean lengths by field that terms are weighed with. documents, last_id, lengths, languages: see
    `LexicalFacts`. parts: names of the lexicon's parts, and how many pieces each has. probes: digests of some chunks.
    swept: up to which revision rows of deleted chunks were deleted; waiting: up to which one they may be deleted next,
    and the time when that was written, in seconds since 1970.
    """

    revision: int
    averages: Mapping[str, float]
    documents: int
    last_id: int
    lengths: Mapping[str, int]
    languages: Mapping[str, int]
    parts: Sequence[tuple[str, int]]
    probes: Sequence[tuple[int, str]]
    swept: int
    waiting: tuple[int, float] | None = None


@dataclass(frozen=True, slots=True)
class Values:
    """The state and the lexicon of one collection with one model, beside its rows."""

    rows: TenantRows

    def read(self) -> State | None:
        """Return the state, None where there is none or it is of another version of ragkit."""
        found = self.rows.values([_STATE])
        if not found:
            return None
        try:
            body: dict[str, Any] = json.loads(found[_STATE])
            if body.pop("format") != _FORMAT:
                return None
            body["parts"] = [(str(name), int(count)) for name, count in body["parts"]]
            body["probes"] = [(int(number), str(digest)) for number, digest in body["probes"]]
            body["waiting"] = None if body["waiting"] is None else (int(body["waiting"][0]), float(body["waiting"][1]))
            return State(**body)
        except (ValueError, KeyError, TypeError):
            return None

    def write(self, state: State) -> None:
        """Write the state, in place of the earlier one."""
        self.rows.write_values({_STATE: json.dumps({"format": _FORMAT, **asdict(state)})})

    def add_part(self, lexicon: Lexicon) -> tuple[str, int]:
        """Write a part of the lexicon, and return its name and its number of pieces."""
        name, pieces = uuid.uuid4().hex, lexicon.pieces()
        self.rows.write_values({_piece(name, at): piece for at, piece in enumerate(pieces)})
        return name, len(pieces)

    def part(self, part: tuple[str, int]) -> Lexicon:
        """Return a part of the lexicon. Raises CorruptError when pieces are missing."""
        name, count = part
        wanted = [_piece(name, at) for at in range(count)]
        found = self.rows.values(wanted)
        if len(found) < count:
            raise CorruptError("the counts of terms in Milvus are not complete", cure="run: ragkit rebuild")
        return Lexicon.of_pieces([found[key] for key in wanted])

    def drop_parts(self, parts: Sequence[tuple[str, int]]) -> None:
        """Delete parts of the lexicon that no state names any more."""
        self.rows.delete_values([_piece(name, at) for name, count in parts for at in range(count)])


def _piece(name: str, at: int) -> str:
    return f"lexicon:{name}:{at}"
