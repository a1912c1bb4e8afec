"""The stored quantizer of a collection: read and checked, and retrained when the collection has outgrown it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final

import apsw
import numpy as np
from numpy.typing import NDArray

from ragkit.index.dense.quantizer import Quantizer
from ragkit.store.base import ChunkReader
from ragkit.store.quantizers import encode_quantizer, is_due
from ragkit.store.sqlite.connection import one
from ragkit.types.collection import Fingerprint

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]

_log = logging.getLogger("ragkit")
_COLUMNS: Final = "id, kind, count, probes, crc, centres"


def quantizer_query(fingerprint: Fingerprint) -> tuple[str, Sequence[Any]]:
    """Return SQL for the row that `decode_quantizer` reads, of vectors of a model."""
    return f"SELECT {_COLUMNS} FROM quantizers WHERE fingerprint = ?", (fingerprint.id,)


def is_quantizer_due(connection: apsw.Connection, source: ChunkReader) -> bool:
    """Tell whether a collection lacks a quantizer that it needs, or has one that it can't use or does not need."""
    row = one(
        connection,
        """SELECT s.chunks, coalesce(f.digest, ''), coalesce(q.count, 0), coalesce(q.fingerprint, '') FROM state AS s
        LEFT JOIN fingerprints AS f ON f.id = s.fingerprint LEFT JOIN quantizers AS q""",
    )
    chunks, model, trained, trained_for = row
    return is_due(source, chunks=chunks, trained=trained, fits=trained_for == model)


def store_quantizer(connection: apsw.Connection, quantizer: Quantizer | None, fingerprint: Fingerprint | None) -> None:
    """Store a quantizer and delete any other, within a transaction; None only deletes."""
    connection.execute("DELETE FROM quantizers")
    if quantizer is None or fingerprint is None:
        return
    connection.execute(
        "INSERT INTO quantizers (fingerprint, kind, count, probes, crc, centres) VALUES (?, ?, ?, ?, ?, ?)",
        (fingerprint.id, *encode_quantizer(quantizer)),
    )
