"""Runs a static model in numpy: a vector is the normalised mean of the rows of a text's tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ragkit.embedding.model_embedder import UseStates
from ragkit.types.collection import STATIC_RUNTIME


class StaticRuntime:
    """Looks the tokens of a text up in a table (tokens, d) and averages their rows. Thread-safe.

    A text without a token, and one whose rows add up to zero, gets the unit vector of the last axis, where
    sentence-transformers returns zeros, which have no direction.
    """

    label = STATIC_RUNTIME
    has_states = True

    def __init__(self, table: NDArray[np.float32]) -> None:
        self._table = table
        self._nothing = np.zeros(table.shape[1], dtype=np.float32)
        self._nothing[-1] = 1

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        return int(self._table.shape[1])

    def documents(self, texts: Sequence[str], ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return rows (n, d) of unit norm."""
        return self.with_states(texts, ids, _ignore)

    def queries(self, texts: Sequence[str], ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return rows (n, d) of unit norm."""
        return self.with_states(texts, ids, _ignore)

    def sequences(self, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return rows (n, d) of unit norm for token ids."""
        return self.with_states((), ids, _ignore)

    def with_states(
        self,
        texts: Sequence[str],  # noqa: ARG002
        ids: Sequence[Sequence[int]],
        use: UseStates,
    ) -> NDArray[np.float32]:
        """Do as `documents`, and give each text's index and the rows of its tokens (tokens, d) to `use`."""
        sums = np.zeros((len(ids), self.dimension), dtype=np.float32)
        for index, tokens in enumerate(ids):
            states = self._table.take(np.array(tokens, dtype=np.intp), axis=0)
            np.add.reduce(states, axis=0, out=sums[index])
            use(index, states)
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        sums /= np.where(norms > 0, norms, np.float32(1))
        sums[norms[:, 0] == 0] = self._nothing
        return sums


def _ignore(index: int, states: NDArray[np.float32]) -> None:
    """Take the states of a text and do nothing with them."""
