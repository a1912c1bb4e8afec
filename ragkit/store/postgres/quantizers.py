"""The stored quantizer of a collection: when a new one is due."""

from __future__ import annotations

from ragkit.store.base import ChunkReader
from ragkit.store.postgres.reading.snapshot import Snapshot
from ragkit.store.quantizers import is_due


def is_quantizer_due(state: Snapshot, source: ChunkReader) -> bool:
    """Tell whether a collection lacks a quantizer that it needs, or has one that it can't use or does not need."""
    rows = state.rows("SELECT count, fingerprint FROM quantizers WHERE collection = $1")
    trained, trained_for = rows[0] if rows else (0, "")
    model = state.fingerprint.id if state.fingerprint else ""
    return is_due(source, chunks=state.counts.chunks, trained=trained, fits=trained_for == model)
