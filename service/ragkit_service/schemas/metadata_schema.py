"""The JSON schema of a document's metadata, as uploads take it."""

from __future__ import annotations

from typing import Any, Final

METADATA_KEYS: Final = 64
_SCALAR: Final = {"type": ["string", "number", "boolean", "null"]}
METADATA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "Flat: text, numbers, booleans, null, lists of these. Access labels have a field of their own.",
    "maxProperties": METADATA_KEYS,
    "propertyNames": {"not": {"const": "acl"}},
    "additionalProperties": {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR}]},
}
