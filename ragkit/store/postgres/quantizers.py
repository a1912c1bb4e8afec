"""The stored quantizer of a collection: when a new one is due, and its row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragkit.index.dense.quantizer import Quantizer
from ragkit.store.base import ChunkReader
from ragkit.store.postgres.reading.snapshot import Snapshot
from ragkit.store.quantizers import encode_quantizer, is_due
from ragkit.types.collection import Fingerprint

if TYPE_CHECKING:
    from ragkit.store.postgres.session import Session


def is_quantizer_due(state: Snapshot, source: ChunkReader) -> bool:
    """Tell whether a collection lacks a quantizer that it needs, or has one that it can't use or does not need."""
    rows = state.rows("SELECT count, fingerprint FROM quantizers WHERE collection = $1")
    trained, trained_for = rows[0] if rows else (0, "")
    model = state.fingerprint.id if state.fingerprint else ""
    return is_due(source, chunks=state.counts.chunks, trained=trained, fits=trained_for == model)


def store_quantizer(session: Session, quantizer: Quantizer | None, fingerprint: Fingerprint | None) -> None:
    """Store a quantizer and delete any other, within a transaction; None only deletes."""
    session.run("DELETE FROM quantizers WHERE collection = $1")
    if quantizer is None or fingerprint is None:
        return
    (number,) = session.new_ids("quantizer", 1)
    session.run(
        "INSERT INTO quantizers VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        (number, fingerprint.id, *encode_quantizer(quantizer)),
    )
