"""Chunks that quote the question give way to those that answer it: commands, tests and tables of contents repeat it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ragkit.store.rows import ChunkRow
from ragkit.text.asking import echoes

SHARE: Final = 0.6
"""What a chunk that quotes the question keeps of its score, as one of release notes does."""


def echoing(question: str, rows: Sequence[ChunkRow]) -> NDArray[np.bool_]:
    """Return which chunks (n,) quote a question without going on to answer it."""
    return np.array([bool(echoes(question, row.text)) for row in rows], dtype=np.bool_)
