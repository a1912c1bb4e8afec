"""The SHA-256 of a text, taken in pieces so that a long text does not hold the GIL for long."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash

_PIECE = 1 << 20
"""Code points that are encoded at once: encoding holds the GIL, about a millisecond for these; hashing does not."""


def text_sha256(text: str) -> _Hash:
    """Return the SHA-256 of a text's UTF-8, as a hash object. Raises UnicodeEncodeError for a lone surrogate."""
    digest = hashlib.sha256()
    for start in range(0, max(len(text), 1), _PIECE):
        digest.update(text[start : start + _PIECE].encode())
    return digest
