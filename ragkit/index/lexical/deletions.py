"""Document frequencies of deleted chunks that tantivy still counts, to be subtracted.

Terms are identified by their 32-bit codes (see term_codes), as they are where candidates are scored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import StoreError
from ragkit.index.lexical.chunk_terms import CONTENT_FIELDS
from ragkit.index.lexical.term_codes import LINE, Codes, code_of, join_codes, unpack_language

Ids = NDArray[np.int64]
Table = tuple[Codes, Ids]
"""Ascending codes, and how many chunks have each."""

_NO_IDS: Final[Ids] = np.empty(0, dtype=np.int64)
_NO_TERMS: Final[Table] = (np.empty(0, dtype=np.uint32), _NO_IDS)
_BATCH: Final = 10_000


@dataclass(frozen=True, slots=True)
class DeletedTermCounts:
    """Term counts of some deleted chunks. tables, length: by content field; length: their number of terms there."""

    ids: Ids = field(default_factory=lambda: _NO_IDS)
    tables: Mapping[str, Table] = field(default_factory=dict)
    length: Mapping[str, int] = field(default_factory=dict)
    languages: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, packed: Mapping[int, bytes | memoryview]) -> DeletedTermCounts:
        """Count the terms of chunks, given `Terms.packed` by chunk id."""
        deleted = cls()
        numbers = sorted(packed)
        for at in range(0, len(numbers), _BATCH):
            ids = numbers[at : at + _BATCH]
            deleted = deleted.joined(cls._of(np.array(ids, dtype=np.int64), [packed[number] for number in ids]))
        return deleted

    @classmethod
    def _of(cls, ids: Ids, packed: Sequence[bytes | memoryview]) -> DeletedTermCounts:
        codes, sizes = join_codes(packed)
        ends = codes == LINE
        rows = np.repeat(np.arange(len(sizes), dtype=np.uint64), sizes)
        lines = np.cumsum(ends) - ends
        first = lines[np.cumsum(sizes) - sizes][rows.astype(np.int64)] if len(codes) else lines
        tables, length = {}, {}
        for name, inside in (("body", lines > first), ("context", lines == first)):
            chosen = inside & ~ends
            keys = np.sort(rows[chosen] << np.uint64(32) | codes[chosen])
            held = np.sort(keys[_starts(keys)].astype(np.uint32))  # each code once per chunk that has it
            starts = _starts(held)
            tables[name] = (held[starts], np.diff(starts, append=len(held)))
            length[name] = int(np.count_nonzero(chosen))
        return cls(ids, tables, length, Counter(map(unpack_language, packed)))

    def joined(self, other: DeletedTermCounts) -> DeletedTermCounts:
        """Return the counts of both; no chunk may be in both."""
        return DeletedTermCounts(
            np.union1d(self.ids, other.ids),
            {name: _joined(self._table(name), other._table(name)) for name in CONTENT_FIELDS},
            Counter(self.length) + Counter(other.length),
            Counter(self.languages) + Counter(other.languages),
        )

    def containing(self, name: str, term: str) -> int:
        """Return how many of these chunks have a term in a field."""
        codes, counts = self._table(name)
        if not len(codes):
            return 0
        code = np.uint32(code_of(term))
        place = int(np.searchsorted(codes, code))
        return int(counts[place]) if place < len(codes) and codes[place] == code else 0

    def save(self, path: Path) -> None:
        """Write ids and tables only: sizes, then ids, codes and counts, all little-endian int64."""
        arrays = [self.ids, *(array for name in CONTENT_FIELDS for array in self._table(name))]
        sizes = np.array([len(array) for array in arrays])
        path.write_bytes(b"".join(array.astype("<i8").tobytes() for array in (sizes, *arrays)))

    @classmethod
    def load(cls, path: Path) -> DeletedTermCounts:
        """Read what `save` wrote. Raises StoreError when its parts do not add up to its size."""
        stored = path.read_bytes()
        data = np.frombuffer(stored[: len(stored) // 8 * 8], dtype="<i8").astype(np.int64)
        count = 1 + 2 * len(CONTENT_FIELDS)
        sizes = data[:count].tolist()
        if len(sizes) < count or min(sizes) < 0 or 8 * (sum(sizes) + count) != len(stored):
            raise StoreError(f"{path.name} is cut off")
        ids, *arrays = np.split(data[count:], np.cumsum(sizes)[:-1])
        tables = {
            name: (arrays[2 * at].astype(np.uint32), arrays[2 * at + 1]) for at, name in enumerate(CONTENT_FIELDS)
        }
        return cls(ids, tables)

    def _table(self, name: str) -> Table:
        return self.tables.get(name, _NO_TERMS)


def _starts(ascending: NDArray[np.unsignedinteger[Any]]) -> Ids:
    """Return the first position of each distinct value."""
    differs = np.ones(len(ascending), dtype=np.bool_)
    differs[1:] = ascending[1:] != ascending[:-1]
    return np.flatnonzero(differs)


def _joined(one: Table, other: Table) -> Table:
    if not len(one[0]) or not len(other[0]):
        return one if len(one[0]) else other
    codes, places = np.unique(np.concatenate([one[0], other[0]]), return_inverse=True)
    counts = np.bincount(places, weights=np.concatenate([one[1], other[1]]), minlength=len(codes))
    return codes, counts.astype(np.int64)


def add_deleted(deleted: Sequence[DeletedTermCounts], fresh: DeletedTermCounts) -> tuple[DeletedTermCounts, ...]:
    """Return the counts in few parts: each has at least twice as many chunks as the next, so merges stay cheap."""
    parts = [*deleted, fresh]
    while len(parts) > 1 and len(parts[-2].ids) < 2 * len(parts[-1].ids):
        parts[-2:] = [parts[-2].joined(parts[-1])]
    return tuple(parts)
