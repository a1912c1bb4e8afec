"""The JSON schema of a `where` filter, as the library takes it."""

from __future__ import annotations

from typing import Any, Final

_TEXT: Final = {"type": "string", "pattern": "^[^\\u0000]*$"}
_SOME_TEXT: Final = {"type": "string", "pattern": "^[^\\u0000]+$", "minLength": 1, "maxLength": 1000}
_DAY: Final = {"type": "string", "pattern": "^(19|20)[0-9]{2}(-(0[1-9]|1[0-2])(-(0[1-9]|1[0-9]|2[0-8]))?)?$"}
_DATE: Final = {"type": "string", "pattern": "^(19|20)[0-9]{2}-0[1-9]-1[0-9]$"}
_SECONDS: Final = {"type": "number", "minimum": -253_402_300_799, "maximum": 253_402_300_799}
_FIXED: Final = ["source", "title", "media_type", "sha256"]
_COLUMN: Final = {"enum": _FIXED}
_OWN: Final = {
    "type": "string",
    "minLength": 1,
    "pattern": "^[^\\u0000]+$",
    "not": {"enum": [*_FIXED, "page", "time"]},
    "description": "A metadata key.",
}
_NUMBER: Final = {"type": "number"}
_SCALAR: Final = {"anyOf": [_TEXT, _NUMBER, {"type": "boolean"}, {"type": "null"}]}
_PAGE: Final = {"type": "integer", "minimum": 1 - 2**63, "maximum": 2**63 - 1}


def _condition(operators: list[str], key: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", "key", "value"],
        "additionalProperties": False,
        "properties": {"type": {"enum": operators}, "key": key, "value": value},
    }


def _list(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item, "maxItems": 10_000}


_CONDITIONS: Final = [
    _condition(["eq", "ne"], _OWN, _SCALAR),
    _condition(["eq", "ne", "gt", "gte", "lt", "lte"], _COLUMN, _TEXT),
    _condition(["gt", "gte", "lt", "lte"], _OWN, {"anyOf": [_TEXT, _NUMBER]}),
    _condition(["in", "nin"], _OWN, _list(_SCALAR)),
    _condition(["in", "nin"], _COLUMN, _list(_TEXT)),
    _condition(["prefix", "glob", "contains"], {"anyOf": [_COLUMN, _OWN]}, _SOME_TEXT),
    _condition(["before", "after"], _OWN, _DAY),
    _condition(["before", "after"], {"const": "time"}, {"anyOf": [_DAY, _SECONDS]}),
    _condition(["eq", "ne", "gt", "gte", "lt", "lte"], {"const": "time"}, {"anyOf": [_DATE, _SECONDS]}),
    _condition(["eq", "ne", "gt", "gte", "lt", "lte"], {"const": "page"}, _PAGE),
    _condition(["in", "nin"], {"const": "page"}, _list(_PAGE)),
]
DOCUMENT_FILTER: Final[dict[str, Any]] = {"anyOf": _CONDITIONS[:-2]}
"""A condition on documents; pages are of passages."""
FILTER: Final[dict[str, Any]] = {
    "anyOf": [
        *_CONDITIONS,
        {
            "type": "object",
            "required": ["type", "filters"],
            "additionalProperties": False,
            "description": "Groups may hold groups, up to ten levels.",
            "properties": {
                "type": {"enum": ["and", "or"]},
                "filters": {"type": "array", "minItems": 1, "maxItems": 100, "items": {"anyOf": _CONDITIONS}},
            },
        },
    ]
}
"""A condition, or a group of conditions."""
