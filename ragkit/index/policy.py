"""When an index's files are written anew, and small helpers that both parts of the cache share."""

from __future__ import annotations

import hashlib
from typing import Final

from ragkit.index.manifest import Owner
from ragkit.types.collection import Fingerprint

SMALL_TAIL: Final = 1_000
"""Up to so many vectors in memory a reader takes them from the store rather than have the files written anew."""
LARGE_TAIL: Final = 20_000
"""Above so many vectors in memory files are written anew, whatever their size: 20,000 cost 3 ms a search."""
LEXICAL_TAIL: Final = 256
"""Up to so many chunks a reader analyses itself, in some 20 ms."""
TAIL_SHARE: Final = 0.1
"""Share of the vectors that may be in memory only, between the two limits above."""
REMOVED_SHARE: Final = 0.2
"""Share of the chunks in the files that may be deleted before they are written anew."""
BATCH: Final = 4_096
"""Chunks that are read from the store at once."""


def owner_of(identity: str, fingerprint: Fingerprint | None) -> Owner:
    """Return the owner that the cache folders of a collection name; fingerprint: of its model, None without one."""
    if fingerprint is None:
        return Owner(identity, "", 0)
    return Owner(identity, fingerprint.id, fingerprint.dimension)


def short_digest(data: bytes) -> str:
    """Return 16 hex digits of the SHA-256 of some bytes, which manifests compare chunks by."""
    return hashlib.sha256(data).hexdigest()[:16]
