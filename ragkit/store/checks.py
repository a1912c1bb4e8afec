"""Checks that every back end makes before it writes, so that all of them refuse the same input."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import EmbeddingError, InputError, ModelMismatchError
from ragkit.numeric.vectors import compatible
from ragkit.text.cleaning import show
from ragkit.types.collection import FileState, Fingerprint
from ragkit.types.documents import Chunk, Document

Vectors = NDArray[np.float32]

COLLECTION_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


def is_text(value: str) -> bool:
    """Tell whether a string is free of surrogates, which nothing stored holds."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_name(name: str) -> str:
    """Return a collection's name when it is one; raises InputError. A name is never a path."""
    if not isinstance(name, str) or not COLLECTION_NAME.fullmatch(name):
        raise InputError(
            f"collection name {show(repr(name), 80)} is not allowed",
            cure="use 1 to 63 of a-z 0-9 . _ - and begin with a letter or digit",
        )
    return name


def check_fields(document: Document) -> None:
    """Raise InputError for a title, a hash or a media type that holds surrogates."""
    if not is_text(document.title + document.sha256 + document.media_type):
        raise InputError(
            f"the title or type of {document.source!r} holds surrogates", cure="pass it through clean_text"
        )


def check_chunks(document: Document, chunks: Sequence[Chunk]) -> None:
    """Raise InputError unless every chunk is the slice, on the pages, at the place that it says."""
    for index, chunk in enumerate(chunks):
        if not 0 <= chunk.start < chunk.end or document.text[chunk.start : chunk.end] != chunk.text:
            raise InputError(f"chunk {index} of {document.source!r} is not the text from {chunk.start} to {chunk.end}")
        pages = (document.page_at(chunk.start), document.page_at(chunk.end - 1))
        if chunk.ordinal != index or chunk.tokens < 1 or (chunk.page, chunk.page_end) != pages:
            raise InputError(
                f"chunk {index} of {document.source!r} says ordinal {chunk.ordinal}, {chunk.tokens} tokens and pages "
                f"{chunk.page} to {chunk.page_end}, which are {pages[0]} to {pages[1]}"
            )
        try:
            (chunk.context + chunk.heading).encode()
        except UnicodeEncodeError as error:
            raise InputError(f"the context of chunk {index} of {document.source!r} holds surrogates") from error


def check_units(units: Sequence[Vectors | None], *, count: int, dimension: int) -> None:
    """Raise EmbeddingError unless there are no unit vectors, or finite rows (m, d) or None for each of the chunks."""
    if units and len(units) != count:
        raise EmbeddingError(f"{len(units)} sets of unit vectors for {count} chunks", cure="give None where none are")
    for index, rows in enumerate(units):
        if rows is not None and (rows.ndim != 2 or rows.shape[1] != dimension or not np.isfinite(rows).all()):
            raise EmbeddingError(
                f"the unit vectors of chunk {index} are not finite rows of {dimension}", cure="check the model"
            )


def check_adapter(matrix: Vectors, *, dimension: int) -> None:
    """Raise InputError unless a query adapter is a finite matrix (d, d)."""
    if matrix.shape != (dimension, dimension) or not np.isfinite(matrix).all():
        raise InputError(f"an adapter is a finite matrix of {dimension} x {dimension}", cure="learn it again")


def check_file(state: FileState) -> None:
    """Raise InputError for a file whose source no document may have; its path and root may be any bytes."""
    if not is_text(state.source):
        raise InputError(f"the source {state.source!r} of a file is not text", cure="name it otherwise")


def mismatch(
    collection: str,
    *,
    stored: tuple[Fingerprint, Mapping[str, Any]],
    wanted: tuple[Fingerprint, Mapping[str, Any]],
) -> ModelMismatchError | None:
    """Return why a run's vectors or chunks don't fit those of a collection; None when they do.

    stored, wanted: fingerprint and pinned settings (as JSON values) of the collection and of the run.
    """
    (fingerprint, pinned), (own, pins) = stored, wanted
    rebuild = f"run: ragkit rebuild --collection {collection}"
    if not compatible(fingerprint, own):
        return ModelMismatchError(
            f"collection {collection!r} was built with the model {fingerprint.model!r} ({fingerprint.id[:12]}), "
            f"not {own.model!r} ({own.id[:12]})",
            cure=f"use that model, or {rebuild} --model {own.model}",
        )
    if "chunk" in pins and pins["chunk"] != pinned.get("chunk", pins["chunk"]):
        return ModelMismatchError(
            f"collection {collection!r} was chunked with {pinned['chunk']}, not {pins['chunk']}", cure=rebuild
        )
    return None
