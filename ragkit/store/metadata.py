"""Metadata of a document as JSON, checked: what every back end can store and read back equal."""

from __future__ import annotations

import json
import math
from typing import Any

from ragkit.errors import InputError
from ragkit.store.checks import is_text
from ragkit.types.documents import Metadata, MetadataValue


def encode_metadata(metadata: Metadata, source: str) -> str:
    """Return metadata as JSON with sorted keys; InputError names a key whose value is no scalar or list."""
    plain: dict[str, Any] = {}
    for key, value in metadata.items():
        if not isinstance(key, str) or not key:
            raise InputError(f"metadata of {source!r} has the key {key!r}", cure="use text that is not empty")
        values = list(value) if isinstance(value, tuple | list) else [value]
        if not is_text(key) or not all(_is_scalar(item) for item in values):
            raise InputError(
                f"metadata {key!r} of {source!r} can't be stored",
                cure="use text, finite numbers, true, false, null, or a list of them",
            )
        plain[key] = values if isinstance(value, tuple | list) else value
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def decode_metadata(stored: str) -> dict[str, MetadataValue]:
    """Return stored metadata; lists are tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in json.loads(stored).items()}


def _is_scalar(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return value.bit_length() <= 1024
    return value is None or (isinstance(value, str) and is_text(value))
