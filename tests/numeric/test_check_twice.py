"""Vectors that were checked are the same after another check, bit for bit: alone, in a batch, in the store."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ragkit.errors import EmbeddingError
from ragkit.numeric import vectors
from ragkit.numeric.vectors import check_vectors


def drawn(kind: str, dimension: int) -> NDArray[np.float32]:
    """Return 500 rows of norm 1 to within 1e-3: of many values, of two, or of one value only."""
    rng = np.random.default_rng(dimension)
    rows = rng.normal(size=(500, dimension))
    if kind == "signs":
        rows = np.sign(rows) * rng.choice([1.0, 0.05], size=(500, 1))
    if kind == "few values":
        rows = rng.integers(-3, 4, size=(500, dimension)) + 0.05
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows * (1 + rng.uniform(-9e-4, 9e-4, size=(500, 1)))).astype(np.float32)


@pytest.mark.parametrize("dimension", [1, 2, 3, 64, 384, 1_000])
@pytest.mark.parametrize("kind", ["normal", "signs", "few values"])
def test_a_second_check_changes_no_bit_and_rows_do_not_depend_on_each_other(kind: str, dimension: int) -> None:
    rows = drawn(kind, dimension)
    once = check_vectors(rows, count=500, dimension=dimension)
    np.testing.assert_array_equal(check_vectors(once, count=500, dimension=dimension), once)
    alone = [check_vectors(rows[at : at + 1], count=1, dimension=dimension)[0] for at in range(0, 500, 50)]
    np.testing.assert_array_equal(np.stack(alone), once[::50])
    assert np.abs(np.linalg.norm(once.astype(np.float64), axis=1) - 1).max() < 2e-7


def test_the_callers_array_stays_as_it_was() -> None:
    rows = np.eye(3, dtype=np.float32)
    check_vectors(rows, count=3, dimension=3)[0, 0] = 7
    assert rows[0, 0] == 1


def test_rows_checked_in_blocks_are_those_checked_together(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(11).standard_normal((50, 96)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    together = check_vectors(rows, count=50, dimension=96)
    monkeypatch.setattr(vectors, "_BLOCK", 7)
    assert check_vectors(rows, count=50, dimension=96).tobytes() == together.tobytes()
    rows[23, 5] = np.nan
    with pytest.raises(EmbeddingError, match="vector 23 of 50 holds NaN"):
        check_vectors(rows, count=50, dimension=96)
