"""Digests of some chunks, which tell whether an index was built from the collection that it is opened for.

They detect a collection that was restored to an earlier state and then changed in another way: its identity and its
revisions are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np

from ragkit.errors import RagkitError
from ragkit.index.base import ChunkSource, Ids
from ragkit.index.manifest import OutdatedError

_PROBES: Final = 32


class Digests(Protocol):
    """What makes the digests of an index."""

    def digests(self, source: ChunkSource, ids: Ids) -> list[str]:
        """Return a digest of the indexed data of each chunk. Raises NotFoundError for an unknown id."""


def take_probes(part: Digests, reader: ChunkSource) -> list[tuple[int, str]]:
    """Return the ids and digests of the newest chunks and of some spread over all."""
    ids = reader.all_chunk_ids()
    chosen = np.union1d(ids[-_PROBES:], ids[:: max(len(ids) // _PROBES, 1)])
    return list(zip(chosen.tolist(), part.digests(reader, chosen), strict=True))


def check_probes(part: Digests, probes: Sequence[tuple[int, str]], reader: ChunkSource, *, removed: Ids) -> None:
    """Compare the probes of an index with the collection. removed: ids of chunks that were deleted since.

    Raises OutdatedError when a chunk is missing or differs.
    """
    deleted = set(removed.tolist())
    expected = {number: digest for number, digest in probes if number not in deleted}
    if not expected:
        return
    try:
        found = part.digests(reader, np.array(list(expected), dtype=np.int64))
    except RagkitError as error:
        raise OutdatedError(f"it has chunks that the collection does not have ({error})") from error
    if found != list(expected.values()):
        raise OutdatedError("its chunks differ from those of the collection")
