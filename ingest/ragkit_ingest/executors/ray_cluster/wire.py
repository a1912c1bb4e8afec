"""What travels between a run and its workers: JSON, text and rows of numbers as bytes, never pickled objects."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit import Chunk, ChunkSettings, Document, Fingerprint, ModelSettings
from ragkit_ingest.limits import ReadLimits
from ragkit_ingest.stages import StageSettings

Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ReadReply:
    """The answer to a file: its message and text as of a reading process, and the chunks of the document.

    included: files below the root that its text includes or would include. here: whether the worker could look at
    them, because it runs on the machine of the run.
    """

    message: dict[str, Any]
    text: str
    chunks: list[list[Any]] | None
    included: list[str]
    here: bool


def dump_reply(reply: ReadReply) -> tuple[bytes, bytes]:
    """Return a reply as JSON and its text as UTF-8."""
    rest = {"message": reply.message, "chunks": reply.chunks, "included": reply.included, "here": reply.here}
    return json.dumps(rest, separators=(",", ":")).encode(), reply.text.encode()


def load_reply(rest: bytes, text: bytes) -> ReadReply:
    """Return what `dump_reply` was given."""
    held = json.loads(rest)
    return ReadReply(held["message"], text.decode(), held["chunks"], held["included"], held["here"])


def chunk_rows(chunks: Sequence[Chunk]) -> list[list[Any]]:
    """Return chunks as JSON can hold them, without the text, which is a slice of the document's."""
    return [
        [item.start, item.end, item.context, item.tokens, item.heading, item.page, item.page_end, item.units]
        for item in chunks
    ]


def chunks_from(rows: Sequence[Sequence[Any]], document: Document) -> tuple[Chunk, ...]:
    """Return the chunks of a document from their rows."""
    return tuple(
        Chunk(
            ordinal=ordinal,
            start=start,
            end=end,
            text=document.text[start:end],
            context=context,
            tokens=tokens,
            heading=heading,
            page=page,
            page_end=page_end,
            units=tuple((first, last) for first, last in units),
        )
        for ordinal, (start, end, context, tokens, heading, page, page_end, units) in enumerate(rows)
    )


def dump_settings(settings: StageSettings) -> str:
    """Return the settings of the stages as JSON."""
    return json.dumps(asdict(settings))


def load_settings(text: str) -> StageSettings:
    """Return what `dump_settings` was given."""
    held = json.loads(text)
    return StageSettings(
        limits=ReadLimits(**held["limits"]),
        workers=held["workers"],
        model=ModelSettings(**held["model"]),
        chunk=ChunkSettings(**held["chunk"]),
    )


def dump_fingerprint(fingerprint: Fingerprint) -> dict[str, Any]:
    """Return a fingerprint as JSON can hold it."""
    return {**asdict(fingerprint), "probe": fingerprint.probe.hex()}


def load_fingerprint(held: dict[str, Any]) -> Fingerprint:
    """Return what `dump_fingerprint` was given."""
    return Fingerprint(**{**held, "probe": bytes.fromhex(held["probe"])})


def dump_rows(rows: Rows) -> bytes:
    """Return rows (n, d) as float32, little-endian."""
    return np.ascontiguousarray(rows, dtype="<f4").tobytes()


def load_rows(data: bytes, dimension: int) -> Rows:
    """Return rows (n, d) of what `dump_rows` was given; the array can be written to."""
    return np.frombuffer(data, dtype="<f4").reshape(-1, dimension).astype(np.float32)
