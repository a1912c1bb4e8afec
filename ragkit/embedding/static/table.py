"""Reads the table of a static model: one row of numbers a token id, from a safetensors file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import MissingPackageError, ModelError

_KINDS: Final[Mapping[str, str]] = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I8": "i1", "I64": "<i8"}
_INTEGERS: Final[Mapping[str, str]] = {"I32": "<i4", "U16": "<u2", "U32": "<u4", "U64": "<u8"}
_COPY = "copy the model's folder again"


def read_table(path: Path) -> NDArray[np.float32]:
    """Return the rows (tokens, d) of a static model.

    The tensor is named as StaticEmbedding does it ("embedding.weight"), or as model2vec does ("embeddings"), perhaps
    with the row of each token ("mapping") and its weight ("weights"). Raises ModelError, MissingPackageError.
    """
    try:
        from safetensors import SafetensorError, deserialize
    except ImportError as error:
        raise MissingPackageError("safetensors", purpose="a static model", install="safetensors") from error
    read: Callable[[bytes], list[tuple[str, dict[str, Any]]]] = deserialize  # the library does not type it
    try:
        tensors = dict(read(path.read_bytes()))
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} cannot be read: {error}", cure=_COPY) from error
    rows = tensors.get("embedding.weight", tensors.get("embeddings"))
    if rows is None:
        raise ModelError(f"{path} has no tensor embedding.weight", cure=_COPY)
    table = _array(rows, path)
    if "embedding.weight" not in tensors:
        table = _folded(table, tensors, path)
    if table.ndim != 2 or not table.size:
        raise ModelError(f"the table in {path} has shape {table.shape} instead of (tokens, dimension)", cure=_COPY)
    return np.ascontiguousarray(table, dtype=np.float32)


def _folded(table: NDArray[Any], tensors: Mapping[str, Any], path: Path) -> NDArray[Any]:
    """Return model2vec's table with one row a token: its row of the clusters, times its weight."""
    if "mapping" in tensors:
        places = _array(tensors["mapping"], path)
        if places.dtype.kind not in "iu" or (
            places.size and not 0 <= int(places.min()) <= int(places.max()) < len(table)
        ):
            raise ModelError(f"the mapping in {path} leaves its table of {len(table):,} rows", cure=_COPY)
        table = table[places]
    if "weights" in tensors:
        weights = _array(tensors["weights"], path).astype(np.float32)
        if weights.shape != table.shape[:1]:
            raise ModelError(f"{path} has {weights.size:,} weights for {len(table):,} tokens", cure=_COPY)
        table = table * weights[:, None]
    return table


def _array(tensor: Mapping[str, Any], path: Path) -> NDArray[Any]:
    kind = str(tensor["dtype"])
    known = _KINDS.get(kind) or _INTEGERS.get(kind)
    if known is None:
        raise ModelError(f"{path} holds numbers of kind {kind}, which a table cannot have", cure=_COPY)
    values: NDArray[Any] = np.frombuffer(tensor["data"], dtype=known).reshape(tensor["shape"])
    if kind == "BF16":  # the upper half of a float32
        values = (values.astype(np.uint32) << 16).view(np.float32)
    return values
