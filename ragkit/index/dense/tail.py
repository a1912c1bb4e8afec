"""Codes of the delta: rows newer than the files are coded as they will be in the next files.

A row is found by its code alone, in a file or in memory, so that an answer does not depend on when files were last
written. Rows are coded in parts, each at least four times as large as the next, as in a log-structured merge tree: a
change costs little, however many rows there are, and a search reads few parts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.index.dense.files import DenseBase, groups_of
from ragkit.index.dense.quantizer import coded_index
from ragkit.numeric.sorted_ids import is_member

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]

_RATIO: Final = 4


@dataclass(frozen=True, slots=True)
class CodedPart:
    """The codes of some rows in memory.

    ids: int64 (n,) ascending. coarse: an index of their codes. groups: int32 (n,), the group of each. live: bool (n,),
    which are not deleted, None for all.
    """

    ids: Ids
    coarse: Any
    groups: NDArray[np.int32]
    live: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        """Return how many rows are not deleted."""
        return len(self.ids) if self.live is None else int(self.live.sum())

    def live_groups(self) -> NDArray[np.int32]:
        """Return the groups of the rows that are not deleted, by ascending id."""
        return self.groups if self.live is None else self.groups[self.live]

    def without(self, removed: Ids) -> CodedPart:
        """Return the part with some more ids deleted."""
        deleted = is_member(self.ids, removed)
        if not deleted.any():
            return self
        return replace(self, live=~deleted if self.live is None else self.live & ~deleted)

    def chosen(self, allowed: Ids | None) -> NDArray[np.bool_] | None:
        """Return which rows a search may find, bool (n,), None for all: not deleted, and among `allowed`."""
        if allowed is None:
            return self.live
        inside = is_member(self.ids, allowed)
        return inside if self.live is None else inside & self.live


def follow_parts(
    base: DenseBase, parts: tuple[CodedPart, ...], *, removed: Ids, ids: Ids, rows: Vectors, added: int
) -> tuple[CodedPart, ...]:
    """Return the parts of a later revision.

    ids (n,), rows (n, d): all rows in memory at that revision; the last `added` of them are new.
    """
    kept = [part for part in (part.without(removed) for part in parts) if len(part)]
    count = added
    while count and kept and len(kept[-1]) < _RATIO * count:
        count += len(kept.pop())
    if count:
        kept.append(_coded(base, ids[len(ids) - count :], rows[len(rows) - count :]))
    return tuple(kept)


def _coded(base: DenseBase, ids: Ids, rows: Vectors) -> CodedPart:
    coarse = coded_index(base.dimension, len(base.centres), base.centres)
    coarse.add(np.ascontiguousarray(rows))
    return CodedPart(ids, coarse, groups_of(coarse))
