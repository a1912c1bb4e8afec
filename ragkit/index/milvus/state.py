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
from ragkit.index.milvus.engine import TEXT_BYTES
from ragkit.index.milvus.lexicon import Lexicon
from ragkit.index.milvus.rows import TenantRows

_FORMAT: Final = 1
_VALUES: Final = "ragkit_values"


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


class Values:
    """The state and the lexicon of one collection with one model, in a collection of Milvus for small values."""

    def __init__(self, rows: TenantRows) -> None:
        self._engine = rows.engine
        self._prefix = f"{rows.tenant}:{rows.name}"
        self._engine.ensure(_VALUES, _schema)

    def read(self) -> State | None:
        """Return the state, None where there is none or it is of another version of ragkit."""
        found = self._values([f"{self._prefix}:state"])
        if not found:
            return None
        try:
            body: dict[str, Any] = json.loads(next(iter(found.values())))
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
        self._put({f"{self._prefix}:state": json.dumps({"format": _FORMAT, **asdict(state)})})

    def add_part(self, lexicon: Lexicon) -> tuple[str, int]:
        """Write a part of the lexicon, and return its name and its number of pieces."""
        name, pieces = uuid.uuid4().hex, lexicon.pieces()
        self._put({self._piece(name, at): piece for at, piece in enumerate(pieces)})
        return name, len(pieces)

    def part(self, part: tuple[str, int]) -> Lexicon:
        """Return a part of the lexicon. Raises CorruptError when pieces are missing."""
        name, count = part
        wanted = [self._piece(name, at) for at in range(count)]
        found = self._values(wanted)
        if len(found) < count:
            raise CorruptError("the counts of terms in Milvus are not complete", cure="run: ragkit rebuild")
        return Lexicon.of_pieces([found[key] for key in wanted])

    def drop_parts(self, parts: Sequence[tuple[str, int]]) -> None:
        """Delete parts of the lexicon that no state names any more."""
        self._engine.delete(_VALUES, [self._piece(name, at) for name, count in parts for at in range(count)])

    def _piece(self, name: str, at: int) -> str:
        return f"{self._prefix}:{name}:{at}"

    def _values(self, keys: Sequence[str]) -> dict[str, str]:
        return {row["key"]: row["value"] for row in self._engine.get(_VALUES, keys, ["key", "value"])}

    def _put(self, values: Mapping[str, str]) -> None:
        rows = [{"key": key, "value": value, "unused": [0.0, 1.0]} for key, value in values.items()]
        self._engine.upsert(_VALUES, rows)


def _schema(pymilvus: Any) -> tuple[Any, Any]:
    """Return the schema of keys and values, with the vector that Milvus wants in every collection."""
    kinds, make = pymilvus.DataType, pymilvus.MilvusClient
    schema = make.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("key", kinds.VARCHAR, max_length=160, is_primary=True)
    schema.add_field("value", kinds.VARCHAR, max_length=TEXT_BYTES)
    schema.add_field("unused", kinds.FLOAT_VECTOR, dim=2)
    indexes = make.prepare_index_params()
    indexes.add_index("unused", index_type="FLAT", metric_type="IP")
    return schema, indexes
